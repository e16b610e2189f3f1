"""Two tasks that hand something to each other."""

import asyncio

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import excludes, waits_for_events


@row("synchronisation/event", "there and back over two Events", goal=6)
async def event() -> Lap:
    count = 5_000
    there, back = asyncio.Event(), asyncio.Event()

    async def answer() -> int:
        answered = 0
        for _ in range(count):
            await there.wait()
            there.clear()
            answered += 1
            back.set()
        return answered

    async def ask() -> int:
        asked = 0
        for _ in range(count):
            there.set()
            await back.wait()
            back.clear()
            asked += 1
        return asked

    with Stopwatch() as watch:
        done = await asyncio.gather(answer(), ask())
    expect(done, [count, count])
    await waits_for_events()
    return watch.lap(count)


@row("synchronisation/queue", "there and back over two Queues", goal=6)
async def queue() -> Lap:
    count = 5_000
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(count):
            await back.put(await there.get() + 1)

    async def ask() -> int:
        total = 0
        for number in range(count):
            await there.put(number)
            total += await back.get()
        return total

    with Stopwatch() as watch:
        _, total = await asyncio.gather(answer(), ask())
    expect(total, count * (count + 1) // 2)
    return watch.lap(count)


@row("synchronisation/lock", "a Lock taken in turns by two tasks, given way while held", goal=5)
async def lock() -> Lap:
    count = 5_000
    shared = asyncio.Lock()
    turns: list[int] = []

    async def take(who: int) -> None:
        for _ in range(count):
            async with shared:
                turns.append(who)
                await asyncio.sleep(0)

    with Stopwatch() as watch:
        await asyncio.gather(take(0), take(1))
    expect(turns == [0, 1] * count, True)
    await excludes()
    return watch.lap(2 * count)
