"""What a task costs while it waits: resident memory, and objects the collector has to visit."""

import asyncio
import gc
import resource
from collections.abc import Coroutine
from typing import Any

from driver.row import Unit, expect, row
from rows.coroutines import one

COUNT = 10_000
"""Tasks whose tracked objects are counted."""


@row(
    "memory/parked_sleep",
    "resident memory of create_task(sleep(3600)), over 100,000 tasks",
    unit=Unit.BYTES,
    limit=700,
)
async def parked_sleep() -> float:
    count = 100_000
    tasks: list[asyncio.Task[None] | None] = [None] * count
    await _park(100)
    gc.collect()
    before = _resident()
    for number in range(count):
        tasks[number] = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    used = _resident() - before
    expect(sum(task is not None and not task.done() for task in tasks), count)
    expect(len(asyncio.all_tasks()), count + 1)
    return used / count


@row(
    "memory/tracked_sleep",
    "tracked objects a task adds to its coroutine, in sleep(3600)",
    unit=Unit.OBJECTS,
)
async def tracked_sleep() -> float:
    return await _tracked([asyncio.sleep(3600) for _ in range(COUNT)])


@row(
    "memory/tracked_future",
    "tracked objects a task adds to its coroutine, awaiting a future",
    unit=Unit.OBJECTS,
)
async def tracked_future() -> float:
    loop = asyncio.get_running_loop()
    gates = [loop.create_future() for _ in range(COUNT)]
    return await _tracked([_wait_for(gate) for gate in gates])


@row(
    "memory/tracked_gather",
    "tracked objects gather() adds for one coroutine, not yet run",
    unit=Unit.OBJECTS,
)
async def tracked_gather() -> float:
    coroutines = [one() for _ in range(COUNT)]
    before = _tracked_objects()
    together = asyncio.gather(*coroutines)
    after = _tracked_objects()
    expect(sum(await together), COUNT)
    return (after - before) / COUNT


async def _tracked(coroutines: list[Coroutine[Any, Any, None]]) -> float:
    """How many tracked objects a task adds to the coroutine it runs, once all are suspended."""
    await _park(100)
    before = _tracked_objects()
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    after = _tracked_objects()
    expect(sum(task.done() for task in tasks), 0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return (after - before) / len(tasks)


async def _park(count: int) -> None:
    """Park and cancel some tasks, so that what the first of them brings in is not counted."""
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(count)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _wait_for(gate: asyncio.Future[None]) -> None:
    await gate


def _tracked_objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def _resident() -> int:
    """Resident memory of this process in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
