"""``wait`` and ``as_completed``."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import runs_side_by_side
from rows.coroutines import one


@row("wait/all_1k", "one of 1,000 tasks created and waited for together", goal=6, floor=3)
async def all_1k() -> Lap:
    tasks, times, finished = 1_000, 10, 0
    with Stopwatch() as watch:
        for _ in range(times):
            done, pending = await asyncio.wait([asyncio.create_task(one()) for _ in range(tasks)])
            finished += len(done) - len(pending)
    expect(finished, tasks * times)
    return watch.lap(tasks * times)


@row("wait/first_drain_1k", "one FIRST_COMPLETED while 1,000 end one by one", goal=6, floor=3)
async def first_drain_1k() -> Lap:
    loop = asyncio.get_running_loop()
    gates = [loop.create_future() for _ in range(1_000)]
    pending = {asyncio.create_task(_result_of(gate)) for gate in gates}
    await asyncio.sleep(0)
    ended = []
    with Stopwatch() as watch:
        for number, gate in enumerate(gates):
            gate.set_result(number)
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            ended += [task.result() for task in done]
    expect((ended, pending), (list(range(1_000)), set()))
    return watch.lap(1_000)


@row("wait/as_completed_1k", "one of 1,000 coroutines awaited as they end", goal=5)
async def as_completed_1k() -> Lap:
    coroutines, times, total = 1_000, 10, 0
    with Stopwatch() as watch:
        for _ in range(times):
            for ended in asyncio.as_completed([one() for _ in range(coroutines)]):
                total += await ended
    expect(total, coroutines * times)
    await runs_side_by_side(_each_as_completed)
    return watch.lap(coroutines * times)


async def _each_as_completed(*coroutines: Coroutine[Any, Any, object]) -> None:
    for ended in asyncio.as_completed(coroutines):
        await ended


async def _result_of(future: asyncio.Future[int]) -> int:
    return await future
