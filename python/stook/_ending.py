"""Asking tasks to cancel, and waiting until they have ended."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from stook import _cancellation, _platform
from stook._seconds import seconds

_core = _platform.load_core()


class Ended(NamedTuple):
    """What became of a task.

    Attributes:
        task: The task.
        state: ``"returned"``, ``"raised"``, ``"cancelled"``, or ``"running"`` when it has not
            ended in time.
        value: Its result, or its exception, which then counts as read; ``None`` otherwise.
    """

    task: Any
    state: str
    value: Any


async def cancel_and_wait(
    *tasks: Any, reason: object = None, timeout: float | None = None
) -> list[Ended]:
    """Ask tasks to cancel, wait until they have ended, and tell what became of each.

    If the caller is cancelled meanwhile, it goes on waiting, and raises that at the end: a task
    that cleans up is never left behind. Only one that itself waits for the caller's end is not
    waited for, as in ``race``.

    Args:
        tasks: Tasks or futures of the running loop.
        reason: For the record of the cancellation.
        timeout: Seconds after which those that have not ended are left running.

    Returns:
        One for each task, in order.

    Raises:
        asyncio.CancelledError: The caller was cancelled meanwhile.
        RuntimeError: The calling task is among them.
        TypeError: One is no task or future, or the timeout no number. Nothing was asked then.
        ValueError: One is of another loop, or the timeout is not a number (NaN). Nothing was asked.
        OverflowError: The timeout is larger than a float can be. Nothing was asked.
        Exception: What the method ``cancel`` of one raised, once all were asked.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     task = asyncio.create_task(asyncio.sleep(3600))
        ...     [ended] = await stook.cancel_and_wait(task, reason="no longer needed")
        ...     return ended.state
        >>> stook.run(main())
        'cancelled'
    """
    loop = asyncio.get_running_loop()
    _check(tasks, loop)
    deadline = None if timeout is None else loop.time() + seconds("timeout", timeout)
    record = _core._request("explicit", reason)
    # By identity: classes of a program's may have tasks compare equal.
    each = list({id(task): task for task in tasks}.values())
    is_debug = loop.get_debug()
    with _cancellation.outcome_awaited(each, record) if is_debug else contextlib.nullcontext():
        _core._cancel_each(each, record)
        interruption = await _wait(each, deadline)
    if interruption is not None:
        try:
            raise interruption
        finally:
            del interruption
    return [_ended(task) for task in tasks]


def _check(tasks: Iterable[Any], loop: asyncio.AbstractEventLoop) -> None:
    current = asyncio.current_task()
    for task in tasks:
        if not asyncio.isfuture(task):
            raise TypeError(f"a task or future is expected, not {type(task).__name__}")
        if task is current:
            raise RuntimeError("a task cannot wait for its own end")
        if asyncio.futures._get_loop(task) is not loop:
            raise ValueError("the future belongs to a different loop than the running one")


async def _wait(tasks: Iterable[Any], deadline: float | None) -> BaseException | None:
    """Wait for all, in the loop's time; return the first cancellation of the caller's own.

    Those that wait for the end of the caller, and end no sooner, are not waited for.
    """
    loop = asyncio.get_running_loop()
    interruption = None
    while pending := _pending(tasks):
        left = None if deadline is None else max(0.0, deadline - loop.time())
        try:
            await _core._wait_ended(pending, left)
        except asyncio.CancelledError as error:
            interruption = interruption or error
            continue
        if deadline is not None and loop.time() >= deadline:
            break
    return interruption


def _pending(tasks: Iterable[Any]) -> list[Any]:
    """Return those that are to be waited for."""
    pending = [task for task in tasks if not task.done()]
    held_up = {id(task) for task in _core._held_up()} if pending else ()
    return [task for task in pending if id(task) not in held_up]


def _ended(task: Any) -> Ended:
    if not task.done():
        return Ended(task, "running", None)
    if task.cancelled():
        return Ended(task, "cancelled", None)
    error = task.exception()
    if error is not None:
        return Ended(task, "raised", error)
    return Ended(task, "returned", task.result())
