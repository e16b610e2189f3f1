"""What comes from other threads."""

import asyncio
import threading

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import calls_from_the_loop, runs_elsewhere


@row("threads/call_soon_flood", "one of 50,000 call_soon_threadsafe() of another thread", goal=2)
async def call_soon_flood() -> Lap:
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    count = 50_000
    seen: list[int] = []

    def receive(number: int) -> None:
        seen.append(number)
        if number == count - 1:
            finished.set_result(None)

    def flood() -> None:
        for number in range(count):
            loop.call_soon_threadsafe(receive, number)

    thread = threading.Thread(target=flood)
    with Stopwatch() as watch:
        thread.start()
        await finished
    thread.join()
    expect(seen, list(range(count)))
    await calls_from_the_loop()
    return watch.lap(count)


@row("threads/executor", "a function run in the executor and awaited", goal=1.5)
async def executor() -> Lap:
    loop = asyncio.get_running_loop()
    count, total = 1_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            total += await loop.run_in_executor(None, int, "1")
    expect(total, count)
    await runs_elsewhere()
    return watch.lap(count)
