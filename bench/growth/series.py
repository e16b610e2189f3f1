"""The workloads whose size is varied.

Each is a coroutine function of a size that does its work, checks it and returns a `Lap`.
"""

import asyncio
import enum
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from driver.row import Lap, Stopwatch, expect
from rows.checks import excludes, runs_side_by_side, waits_for_events
from rows.coroutines import one


class Collector(enum.Enum):
    """Whether the collector runs while a workload does."""

    ON = "on"
    OFF = "off"


STRAIGHT = {Collector.ON: 16.0, Collector.OFF: 4.0}
"""What cost that grows straight may grow by: memory that no cache holds any more, and full passes
of the collector, whose number grows with the logarithm: while 100,000 tasks come to wait for a lock
there are six, which take three quarters of the time. What is quadratic grows a thousandfold.
"""

Workload = Callable[[int], Coroutine[Any, Any, Lap]]


@dataclass(frozen=True, slots=True)
class Series:
    """One workload at several sizes.

    Attributes:
        name: ``area/case``.
        summary: What one operation is.
        sizes: From the smallest to the largest.
        limits: By how much one operation may cost more at the largest size than at the cheapest.
        without: The series of what in this one is no work of the loop.
    """

    name: str
    summary: str
    workload: Workload
    sizes: tuple[int, ...]
    limits: dict[Collector, float]
    without: str | None = None


SERIES: dict[str, Series] = {}
"""Every series by name."""


def _series(
    name: str,
    summary: str,
    sizes: tuple[int, ...],
    limits: dict[Collector, float],
    without: str | None = None,
) -> Callable[[Workload], Workload]:
    def register(workload: Workload) -> Workload:
        SERIES[name] = Series(name, summary, workload, sizes, limits, without)
        return workload

    return register


@_series(
    "coroutine/closed",
    "one of n coroutines that are made and closed, without any task",
    (100, 1_000, 10_000, 100_000, 1_000_000),
    {},
)
async def coroutine_closed(size: int) -> Lap:
    with Stopwatch() as watch:
        coroutines = [one() for _ in range(size)]
        for coroutine in coroutines:
            coroutine.close()
        expect(len(coroutines), size)
        del coroutines, coroutine
    return watch.lap(size)


@_series(
    "gather/trivial",
    "one of n coroutines that finish at once",
    (100, 1_000, 10_000, 100_000, 1_000_000),
    {Collector.ON: 2, Collector.OFF: 1.3},
    without="coroutine/closed",
)
async def gather_trivial(size: int) -> Lap:
    with Stopwatch() as watch:
        results = await asyncio.gather(*[one() for _ in range(size)])
    expect(sum(results), size)
    await runs_side_by_side(asyncio.gather)
    return watch.lap(size)


@_series(
    "wait/first_drain",
    "one FIRST_COMPLETED while n tasks end one by one, for each task still there",
    (100, 1_000, 10_000),
    {Collector.ON: 2},
)
async def wait_first_drain(size: int) -> Lap:
    # Each call returns a set of all that are pending: what it costs for each member is counted.
    loop = asyncio.get_running_loop()
    gates: list[asyncio.Future[int]] = [loop.create_future() for _ in range(size)]
    pending = {asyncio.create_task(_result_of(gate)) for gate in gates}
    await asyncio.sleep(0)
    ended = 0
    with Stopwatch() as watch:
        for number, gate in enumerate(gates):
            gate.set_result(number)
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            ended += len(done)
    expect((ended, len(pending)), (size, 0))
    return watch.lap(size * (size + 1) // 2)


async def _result_of(future: "asyncio.Future[int]") -> int:
    return await future


@_series(
    "timers/cancelled",
    "one of n timers, nine in ten cancelled",
    (1_000, 10_000, 100_000, 1_000_000),
    STRAIGHT,
)
async def timers_cancelled(size: int) -> Lap:
    loop = asyncio.get_running_loop()
    kept = size // 10
    fired = 0
    finished = loop.create_future()

    def fire() -> None:
        nonlocal fired
        fired += 1
        if fired == kept:
            finished.set_result(None)

    # Due in an instant, in no order, so that nobody waits.
    with Stopwatch() as watch:
        timers = [
            loop.call_later(1e-6 * (number * 7919 % size) / size, fire) for number in range(size)
        ]
        for number, timer in enumerate(timers):
            if number % 10:
                timer.cancel()
        await finished
        del timers, timer
    expect(fired, kept)
    return watch.lap(size)


@_series(
    "event/waiters",
    "one of n tasks that wait for the same Event",
    (100, 1_000, 10_000, 100_000),
    STRAIGHT,
)
async def event_waiters(size: int) -> Lap:
    event = asyncio.Event()
    with Stopwatch() as watch:
        tasks = [asyncio.create_task(event.wait()) for _ in range(size)]
        await asyncio.sleep(0)
        event.set()
        results = [await task for task in tasks]
    expect(sum(results), size)
    await waits_for_events()
    return watch.lap(size)


@_series(
    "lock/waiters",
    "one of n tasks that take the same Lock in turn",
    (100, 1_000, 10_000, 100_000),
    STRAIGHT,
)
async def lock_waiters(size: int) -> Lap:
    lock = asyncio.Lock()
    taken = 0

    async def take() -> None:
        nonlocal taken
        async with lock:
            taken += 1

    await lock.acquire()
    with Stopwatch() as watch:
        tasks = [asyncio.create_task(take()) for _ in range(size)]
        await asyncio.sleep(0)
        lock.release()
        for task in tasks:
            await task
    expect(taken, size)
    await excludes()
    return watch.lap(size)


@_series(
    "cancel/chain",
    "cancel one of n tasks each of which awaits the next",
    (100, 1_000, 10_000, 100_000),
    STRAIGHT,
)
async def cancel_chain(size: int) -> Lap:
    loop = asyncio.get_running_loop()
    last: asyncio.Future[None] = loop.create_future()
    awaited = last
    tasks = []
    for _ in range(size):
        awaited = asyncio.create_task(_await(awaited))
        tasks.append(awaited)
    await asyncio.sleep(0)
    with Stopwatch() as watch:
        awaited.cancel()
        await asyncio.wait([awaited])
    expect((last.cancelled(), sum(task.cancelled() for task in tasks)), (True, size))
    # From the last to the first: none is the only one to hold a long chain.
    while tasks:
        tasks.pop()
    return watch.lap(size)


async def _await(future: "asyncio.Future[None]") -> None:
    await future
