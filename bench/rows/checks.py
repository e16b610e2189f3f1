"""What a row makes sure of besides its result, while no time is taken.

A result may come out right although what is measured was left out: a coroutine that counts its own
steps counts them whether it gives way or not.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
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
