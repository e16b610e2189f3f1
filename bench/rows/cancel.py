"""Cancelling what sleeps."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row


@row("cancel/sleepers_10k", "cancel one of 10,000 sleeping tasks and await it", goal=6, floor=3)
async def sleepers_10k() -> Lap:
    count = 10_000
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(count)]
    await asyncio.sleep(0)
    with Stopwatch() as watch:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    expect({type(error) for error in ended}, {asyncio.CancelledError})
    expect(sum(task.cancelled() for task in tasks), count)
    return watch.lap(count)
