"""``sleep(0)``: giving way."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import gives_way
from rows.coroutines import yields


@row("sleep/zero_1", "sleep(0) of the only task", goal=6, floor=3)
async def zero_1() -> Lap:
    count = 50_000
    with Stopwatch() as watch:
        done = await yields(count)
    expect(done, count)
    await gives_way(yields)
    return watch.lap(count)


@row("sleep/zero_1k", "sleep(0) of one of 1,000 tasks", goal=4, floor=3)
async def zero_1k() -> Lap:
    tasks, steps = 1_000, 50
    running = [asyncio.create_task(yields(steps)) for _ in range(tasks)]
    await asyncio.sleep(0)
    with Stopwatch() as watch:
        for task in running:
            await task
    expect(sum(task.result() for task in running), tasks * steps)
    await gives_way(yields)
    return watch.lap(tasks * steps)
