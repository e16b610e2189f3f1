"""Cancelling what sleeps."""

import asyncio
import sys
from collections.abc import Callable, Collection
from typing import Any

from driver.row import Lap, Stopwatch, expect, row

COUNT = 10_000


async def _cancelled(tasks: Collection[Any], cancel: Callable[[], object]) -> Lap:
    """Cancel tasks that sleep, once they do, and await them."""
    await asyncio.sleep(0)
    with Stopwatch() as watch:
        cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    expect({type(error) for error in ended}, {asyncio.CancelledError})
    expect(sum(task.cancelled() for task in tasks), COUNT)
    return watch.lap(COUNT)


def _cancel_each(tasks: Collection[Any]) -> None:
    for task in tasks:
        task.cancel()


@row("cancel/sleepers_10k", "cancel one of 10,000 sleeping tasks and await it", goal=6, floor=3)
async def sleepers_10k() -> Lap:
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(COUNT)]
    return await _cancelled(tasks, lambda: _cancel_each(tasks))


@row("cancel/token_10k", "the same of 10,000 that one token cancels", goal=3)
async def token_10k() -> Lap:
    """Stook's token where stook is measured, else what programs write: a set of tasks."""
    stook = sys.modules.get("stook")
    if stook is None:
        tasks = {asyncio.create_task(asyncio.sleep(3600)) for _ in range(COUNT)}
        return await _cancelled(tasks, lambda: _cancel_each(tasks))
    source = stook.CancellationSource()
    attached = [stook.create_task(asyncio.sleep(3600), token=source.token) for _ in range(COUNT)]
    return await _cancelled(attached, source.cancel)
