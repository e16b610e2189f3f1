"""What a row makes sure of besides its result, while no time is taken.

A result may come out right although what is measured was left out: a coroutine that counts its own
steps counts them whether it gives way or not.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from driver.row import WorkNotDone, expect

STEPS = 10


async def gives_way(yields: Callable[[int], Coroutine[Any, Any, int]]) -> None:
    """Refuse a coroutine function that does not let callbacks run each time it gives way.

    Args:
        yields: Called with how often it has to.
    """
    loop = asyncio.get_running_loop()
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1
        if turns < STEPS:
            loop.call_soon(count)

    loop.call_soon(count)
    expect(await yields(STEPS), STEPS)
    expect(turns, STEPS)


async def times_out(limited: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Refuse a time limit that is none: here it has to end something that never does."""
    try:
        await limited()
    except TimeoutError:
        return
    raise WorkNotDone("nothing was timed out")


async def leaves_nobody(turns: int = 3) -> None:
    """Refuse tasks that are left when all is over, after some turns in which they may end."""
    for _ in range(turns):
        await asyncio.sleep(0)
    expect(len(asyncio.all_tasks()), 1)


async def runs_elsewhere() -> None:
    """Refuse an executor that runs what it is given in the thread of the loop."""
    loop = asyncio.get_running_loop()
    thread = await loop.run_in_executor(None, threading.get_ident)
    expect(thread != threading.get_ident(), True)


async def runs_in_a_task(start: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]) -> None:
    """Refuse what does not run a coroutine in a task of its own."""

    async def task_of_its_own() -> bool:
        return asyncio.current_task() is not asker

    asker = asyncio.current_task()
    expect(await start(task_of_its_own()), True)


async def runs_side_by_side(together: Callable[..., Awaitable[object]]) -> None:
    """Refuse what begins one coroutine after another has ended; here each gives way once."""
    begun: list[int] = []
    ended: list[int] = []

    async def run(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)
        ended.append(len(begun))

    await together(run(0), run(1))
    expect((sorted(begun), ended), ([0, 1], [2, 2]))


async def protects(shield: Callable[[Any], Any]) -> None:
    """Refuse a shield that lets a cancellation through."""
    inner = asyncio.get_running_loop().create_future()
    shield(inner).cancel()
    await asyncio.sleep(0)
    expect(inner.cancelled(), False)


async def callbacks_wait() -> None:
    """Refuse ``call_soon`` that calls at once."""
    loop = asyncio.get_running_loop()
    order: list[str] = []
    called = loop.create_future()
    loop.call_soon(order.append, "called")
    loop.call_soon(called.set_result, None)
    order.append("went on")
    await called
    expect(order, ["went on", "called"])


async def timers_keep_time() -> None:
    """Refuse timers that come too early; some loops count them in milliseconds."""
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    began = time.monotonic()
    loop.call_later(0.01, due.set_result, None)
    await due
    expect(time.monotonic() - began > 0.005, True)


async def calls_from_the_loop() -> None:
    """Refuse ``call_soon_threadsafe`` that calls in the thread that asks for it."""
    loop = asyncio.get_running_loop()
    called = loop.create_future()

    def tell() -> None:
        called.set_result(threading.get_ident())

    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(tell,))
    thread.start()
    expect(await called, threading.get_ident())
    thread.join()


async def waits_for_events() -> None:
    """Make sure that who waits for an event goes on after it is set, and not before."""
    order: list[str] = []
    there, back = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(3):
            await there.wait()
            there.clear()
            order.append("answered")
            back.set()

    async def ask() -> None:
        for _ in range(3):
            order.append("asked")
            there.set()
            await back.wait()
            back.clear()

    await asyncio.gather(answer(), ask())
    expect(order, ["asked", "answered"] * 3)


async def excludes() -> None:
    """Make sure that nobody comes into a lock while another one is inside."""
    shared = asyncio.Lock()
    order: list[str] = []

    async def take() -> None:
        for _ in range(3):
            async with shared:
                order.append("in")
                await asyncio.sleep(0)
                order.append("out")

    await asyncio.gather(take(), take())
    expect(order, ["in", "out"] * 6)
