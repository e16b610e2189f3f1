"""Does the work whose instructions are counted; `instructions.py` runs it under callgrind.

    python -m stook bench/counted.py

Each row is done three times: once to warm up, ``COUNT`` operations, and twice as many. What the
larger has beyond the smaller is what so many operations take; what only begins and ends a row is in
both. A call of ``sched_yield``, which nothing else here makes, tells callgrind where each begins.
The names of the rows are printed, in order.

No row waits for the clock, and the collector is off: when it runs depends on what else lives.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine
from typing import Any

COUNT = 200

Work = Callable[[int], Coroutine[Any, Any, object]]

ROWS: dict[str, Work] = {}


def row(name: str) -> Callable[[Work], Work]:
    """Make the decorated function a row: it does so many operations, and returns how many."""

    def register(work: Work) -> Work:
        ROWS[name] = work
        return work

    return register


async def one() -> int:
    return 1


@row("task/create_await")
async def create_await(count: int) -> int:
    return sum([await asyncio.create_task(one()) for _ in range(count)])


@row("task/future_wake_up")
async def future_wake_up(count: int) -> int:
    loop = asyncio.get_running_loop()
    total = 0
    for _ in range(count):
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        total += await future
    return total


@row("task/shield")
async def shield(count: int) -> int:
    return sum([await asyncio.shield(one()) for _ in range(count)])


@row("sleep/zero")
async def sleep_zero(count: int) -> int:
    for _ in range(count):
        await asyncio.sleep(0)
    return count


@row("sleep/zero_of_10")
async def sleep_zero_of_10(count: int) -> int:
    return sum(await asyncio.gather(*[sleep_zero(count // 10) for _ in range(10)]))


@row("gather/of_100")
async def gather_of_100(count: int) -> int:
    total = 0
    for _ in range(count // 100):
        total += sum(await asyncio.gather(*[one() for _ in range(100)]))
    return total


@row("wait/all_of_100")
async def wait_all_of_100(count: int) -> int:
    total = 0
    for _ in range(count // 100):
        done, _ = await asyncio.wait([asyncio.create_task(one()) for _ in range(100)])
        total += len(done)
    return total


@row("wait/first_drain")
async def wait_first_drain(count: int) -> int:
    loop = asyncio.get_running_loop()
    total = 0
    for _ in range(count // 10):
        gates = [loop.create_future() for _ in range(10)]
        pending = {*gates}
        for gate in gates:
            gate.set_result(None)
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            total += len(done)
    return total


@row("wait/as_completed_of_100")
async def as_completed_of_100(count: int) -> int:
    total = 0
    for _ in range(count // 100):
        for ended in asyncio.as_completed([one() for _ in range(100)]):
            total += await ended
    return total


@row("group/task")
async def group_task(count: int) -> int:
    total = 0
    for _ in range(count // 100):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(100)]
        total += sum(task.result() for task in tasks)
    return total


@row("group/of_1")
async def group_of_1(count: int) -> int:
    total = 0
    for _ in range(count):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(one())
        total += task.result()
    return total


@row("cancel/sleeper")
async def cancel_sleeper(count: int) -> int:
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(count)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sum(task.cancelled() for task in tasks)


@row("timeout/met")
async def timeout_met(count: int) -> int:
    total = 0
    for _ in range(count):
        async with asyncio.timeout(3600):
            total += await one()
    return total


@row("timeout/wait_for")
async def wait_for(count: int) -> int:
    return sum([await asyncio.wait_for(one(), 3600) for _ in range(count)])


@row("synchronisation/event")
async def event(count: int) -> int:
    there, back = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(count):
            await there.wait()
            there.clear()
            back.set()

    async def ask() -> int:
        asked = 0
        for _ in range(count):
            there.set()
            await back.wait()
            back.clear()
            asked += 1
        return asked

    _, asked = await asyncio.gather(answer(), ask())
    return asked


@row("synchronisation/queue")
async def queue(count: int) -> int:
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(count):
            await back.put(await there.get())

    async def ask() -> int:
        total = 0
        for _ in range(count):
            await there.put(1)
            total += await back.get()
        return total

    _, total = await asyncio.gather(answer(), ask())
    return total


@row("synchronisation/lock")
async def lock(count: int) -> int:
    shared = asyncio.Lock()
    turns: list[None] = []

    async def take() -> None:
        for _ in range(count // 2):
            async with shared:
                turns.append(None)
                await asyncio.sleep(0)

    await asyncio.gather(take(), take())
    return len(turns)


@row("loop/call_soon_chain")
async def call_soon_chain(count: int) -> int:
    loop = asyncio.get_running_loop()
    finished = loop.create_future()

    def step(number: int) -> None:
        if number < count:
            loop.call_soon(step, number + 1)
        else:
            finished.set_result(number)

    loop.call_soon(step, 1)
    return await finished


@row("loop/timer_cancelled")
async def timer_cancelled(count: int) -> int:
    loop = asyncio.get_running_loop()
    timers = [loop.call_later(3600 + number, print) for number in range(count)]
    for timer in timers:
        timer.cancel()
    await asyncio.sleep(0)
    return sum(timer.cancelled() for timer in timers)


async def main() -> None:
    """Do all rows."""
    for name, work in ROWS.items():
        await done(name, work, 2 * COUNT)
        for count in (COUNT, 2 * COUNT):
            os.sched_yield()
            await done(name, work, count)
        os.sched_yield()
        print(name, flush=True)


async def done(name: str, work: Work, count: int) -> None:
    """Do so many operations of a row and check that they were done."""
    gave = await work(count)
    if gave != count:
        raise SystemExit(f"{name} did {gave} operations of {count}")


if __name__ == "__main__":
    gc.disable()
    asyncio.run(main())
