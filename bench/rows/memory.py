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
    return _for_one(after - before, COUNT)


@row(
    "memory/tracked_event",
    "tracked objects a task adds to its coroutine, in Event.wait()",
    unit=Unit.OBJECTS,
)
async def tracked_event() -> float:
    event = asyncio.Event()
    return await _tracked([_waits(event) for _ in range(COUNT)])


@row(
    "memory/tracked_timeout",
    "tracked objects a task adds to its coroutine, in sleep(3600) within timeout()",
    unit=Unit.OBJECTS,
)
async def tracked_timeout() -> float:
    return await _tracked([_sleeps_within(3600) for _ in range(COUNT)])


@row(
    "memory/tracked_wait_for",
    "tracked objects a task adds to its coroutine, in wait_for() of sleep(3600)",
    unit=Unit.OBJECTS,
)
async def tracked_wait_for() -> float:
    return await _tracked([_sleeps_for(3600) for _ in range(COUNT)])


@row("memory/tracked_timer", "tracked objects of a timer", unit=Unit.OBJECTS)
async def tracked_timer() -> float:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle | None] = [None] * COUNT
    before = _tracked_objects()
    for number in range(COUNT):
        timers[number] = loop.call_later(3600, _nothing)
    after = _tracked_objects()
    due = [timer.when() for timer in timers if timer is not None]
    expect((len(due), min(due) > loop.time()), (COUNT, True))
    for timer in timers:
        if timer is not None:
            timer.cancel()
    return _for_one(after - before, COUNT)


def _nothing() -> None:
    """What no timer comes to."""


async def _waits(event: asyncio.Event) -> None:
    await event.wait()


async def _sleeps_within(seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await asyncio.sleep(seconds)


async def _sleeps_for(seconds: float) -> None:
    await asyncio.wait_for(asyncio.sleep(seconds), seconds)


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
    return _for_one(after - before, len(tasks))


def _for_one(objects: int, count: int) -> float:
    """So many for each, without what there are some of however many they are."""
    return max(0.0, round(objects / count, 2))


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
