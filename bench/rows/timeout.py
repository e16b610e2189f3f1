"""Deadlines that are met, and one that is not."""

import asyncio

from driver.row import Clock, Lap, Stopwatch, expect, row
from rows.checks import times_out
from rows.coroutines import one


@row("timeout/met", "timeout() round a coroutine that finishes at once", goal=5)
async def met() -> Lap:
    count, total = 10_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            async with asyncio.timeout(10):
                total += await one()
    expect(total, count)
    await times_out(_limited)
    return watch.lap(count)


@row("timeout/wait_for", "wait_for() of a coroutine that finishes at once", goal=8)
async def wait_for() -> Lap:
    count, total = 10_000, 0
    with Stopwatch() as watch:
        for _ in range(count):
            total += await asyncio.wait_for(one(), 10)
    expect(total, count)
    await times_out(lambda: asyncio.wait_for(asyncio.sleep(1), 0.001))
    return watch.lap(count)


@row(
    "timeout/expired", "timeout() that expires in one of 2,000 tasks", clock=Clock.PROCESSOR, goal=4
)
async def expired() -> Lap:
    count = 2_000
    with Stopwatch() as watch:
        ended = await asyncio.gather(*[_overslept() for _ in range(count)])
    expect(sum(ended), count)
    return watch.lap(count)


async def _limited() -> None:
    async with asyncio.timeout(0.001):
        await asyncio.sleep(1)


async def _overslept() -> bool:
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(3600)
    except TimeoutError:
        return True
    return False
