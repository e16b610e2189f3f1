"""Tasks and futures, one at a time."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import callbacks_wait, protects, runs_in_a_task
from rows.coroutines import one


@row("task/create_await", "create one task and await it", goal=8, floor=3)
async def create_await() -> Lap:
    count, total = 10_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            total += await asyncio.create_task(one())
    expect(total, count)
    await runs_in_a_task(asyncio.create_task)
    return watch.lap(count)


@row("task/future_wake_up", "a future is made and awaited, a callback sets its result", goal=7)
async def future_wake_up() -> Lap:
    loop = asyncio.get_running_loop()
    count, total = 10_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            future = loop.create_future()
            loop.call_soon(future.set_result, 1)
            total += await future
    expect(total, count)
    await callbacks_wait()
    return watch.lap(count)


@row("task/shield", "await shield() of a coroutine", goal=5)
async def shield() -> Lap:
    count, total = 10_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            total += await asyncio.shield(one())
    expect(total, count)
    await protects(asyncio.shield)
    return watch.lap(count)
