"""``gather``: of little, of much, and of coroutines that take several steps."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import gives_way, runs_side_by_side
from rows.coroutines import one, yields


async def _trivial(children: int, times: int) -> Lap:
    total = 0
    with Stopwatch() as watch:
        for _ in range(times):
            total += sum(await asyncio.gather(*[one() for _ in range(children)]))
    expect(total, children * times)
    await runs_side_by_side(asyncio.gather)
    return watch.lap(children * times)


@row("gather/trivial_10", "one of 10 coroutines that finish at once", goal=9)
async def trivial_10() -> Lap:
    return await _trivial(10, 1_000)


@row("gather/trivial_1k", "one of 1,000 coroutines that finish at once", goal=8, floor=3)
async def trivial_1k() -> Lap:
    return await _trivial(1_000, 10)


@row("gather/trivial_100k", "one of 100,000 coroutines that finish at once", goal=6)
async def trivial_100k() -> Lap:
    return await _trivial(100_000, 1)


@row("gather/steps_1k", "one step of 1,000 coroutines that sleep(0) ten times", goal=4.5)
async def steps_1k() -> Lap:
    children, steps, times, total = 1_000, 10, 3, 0
    with Stopwatch() as watch:
        for _ in range(times):
            total += sum(await asyncio.gather(*[yields(steps) for _ in range(children)]))
    expect(total, children * steps * times)
    await gives_way(yields)
    await runs_side_by_side(asyncio.gather)
    return watch.lap(total)
