"""The first of two: a result, and a client that may hang up.

asyncio has no function for it. On the other loops the rows do what programs do there: ``wait``, and
then cancel what is left.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import leaves_nobody
from rows.coroutines import one


async def _wait_any_by_hand(tasks: set[Any]) -> tuple[set[Any], set[Any]]:
    left: set[Any] = set()
    try:
        done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done, left
    except asyncio.CancelledError:
        left = tasks
        raise
    finally:
        for task in left:
            task.cancel()


async def _race_by_hand(*coroutines: Any) -> Any:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return done.pop().result()


async def _race_by_anyio(*coroutines: Any) -> Any:
    import anyio

    results = []

    async def run(coroutine: Any) -> None:
        results.append(await coroutine)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for coroutine in coroutines:
            group.start_soon(run, coroutine)
    return results[0]


def _best(name: str, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Stook's own function where stook is measured, else what programs write."""
    stook = sys.modules.get("stook")
    return getattr(stook, name) if stook else otherwise


async def _races(race: Callable[..., Any]) -> Lap:
    count, total = 5_000, 0
    hung_up = asyncio.Event()
    with Stopwatch() as watch:
        for _ in range(count):
            total += await race(one(), hung_up.wait())
    expect(total, count)
    await leaves_nobody()
    return watch.lap(count)


@row("first/wait_any_2", "wait_any() of a task that ends and one that waits", goal=4)
async def wait_any_2() -> Lap:
    count, total = 5_000, 0
    hung_up = asyncio.Event()
    wait_any = _best("wait_any", _wait_any_by_hand)
    with Stopwatch() as watch:
        for _ in range(count):
            work = asyncio.create_task(one())
            disconnected = asyncio.create_task(hung_up.wait())
            done, _ = await wait_any({work, disconnected})
            total += done.pop().result()
    expect(total, count)
    await leaves_nobody()
    return watch.lap(count)


@row("first/race_2", "race() of a coroutine that ends and one that waits", goal=4)
async def race_2() -> Lap:
    return await _races(_best("race", _race_by_hand))


@row("first/race_2_by_anyio", "the same with anyio's task group, on every loop", counts=False)
async def race_2_by_anyio() -> Lap:
    return await _races(_race_by_anyio)
