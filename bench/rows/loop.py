"""The loop without tasks: callbacks and timers."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import callbacks_wait, timers_keep_time


@row("loop/call_soon_chain", "a callback that schedules the next", goal=6)
async def call_soon_chain() -> Lap:
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    count = 50_000

    def step(number: int) -> None:
        if number < count:
            loop.call_soon(step, number + 1)
        else:
            finished.set_result(number)

    with Stopwatch() as watch:
        loop.call_soon(step, 1)
        steps = await finished
    expect(steps, count)
    await callbacks_wait()
    return watch.lap(count)


@row("loop/timers_100k", "one of 100,000 timers, nine in ten cancelled", goal=5)
async def timers_100k() -> Lap:
    # Delays are 1 to 11 ms in no order: long enough for a real timer, and short enough that nobody
    # is idle for long after making them all.
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    count = 100_000
    kept = count // 10
    fired = 0

    def fire() -> None:
        nonlocal fired
        fired += 1
        if fired == kept:
            finished.set_result(None)

    with Stopwatch() as watch:
        timers = [
            loop.call_later(0.001 + number * 7919 % count * 1e-7, fire) for number in range(count)
        ]
        for number, timer in enumerate(timers):
            if number % 10:
                timer.cancel()
        await finished
    await asyncio.sleep(0.002)
    expect(fired, kept)
    await timers_keep_time()
    return watch.lap(count)
