"""The first of several: what these functions are, and what they promise.

The compiled part does their work, in coroutines without Python frames, and shows itself as these.

Does not import the compiled part before one of them is called: that imports this.
"""

from collections.abc import Awaitable, Iterable
from typing import Any


async def wait_any(tasks: Iterable[Any], *, timeout: float | None = None) -> Any:
    """Wait until one of several tasks is done, and ask the others to cancel.

    If who waits is cancelled, all of them are asked to cancel. They are not waited for: see
    ``race`` and ``cancel_and_wait``.

    Args:
        tasks: Tasks or futures of the running loop.
        timeout: Seconds; when none is done by then, all are asked to cancel.

    Returns:
        ``(done, pending)``, two sets. After a timeout the first is empty.

    Raises:
        TypeError: A coroutine is among them or what is no future, there is no iterable, or the
            timeout is no number.
        ValueError: There are none, one is of another loop, or the timeout is not a number (NaN).
        OverflowError: The timeout is larger than a float can be.
        Exception: What the method ``cancel`` of one raised, once all were asked.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     work = asyncio.create_task(asyncio.sleep(0, "done"))
        ...     closed = asyncio.create_task(asyncio.Event().wait())
        ...     done, pending = await stook.wait_any({work, closed})
        ...     return work in done, closed in pending
        >>> stook.run(main())
        (True, True)

    Source:
        ``asyncio.wait`` with ``return_when=FIRST_COMPLETED``, CPython 3.13.
    """
    from stook import _core

    return await _core._wait_any(tasks, timeout=timeout)


async def race(*aws: Awaitable[Any], losers: str = "cancel") -> Any:
    """Return what the first of several gives, once the others have ended.

    If who waits is cancelled, all are asked to cancel and waited for; a second cancellation does
    not end that wait. If its coroutine is closed, or something else is thrown into it, they are
    asked and cannot be waited for. With ``losers="leave"`` all are left running in these cases.

    A loser that itself waits for the end of the task that races, and goes on when it is asked to
    cancel, is not waited for: neither would end. It is found by whoever the end of that task wakes,
    directly or through others, in an ``await``, ``gather``, ``asyncio.TaskGroup``,
    ``asyncio.wait_for``, or one of ``race``, ``first_success`` and ``cancel_and_wait``. This is
    looked at when the wait for the losers begins, and whenever who waits is cancelled meanwhile.

    Args:
        aws: Awaitables; coroutines become tasks.
        losers: ``"cancel"``: the others are asked to cancel, and waited for. ``"await"``: they are
            waited for. ``"leave"``: nothing is done with them, nor with any if who waits is
            cancelled; coroutines go on as tasks.

    Returns:
        The result of the first one that is done. Of several that are done already, the first in
        order.

    Raises:
        ChildCancelled: The first one was cancelled.
        ValueError: There is none; another word for ``losers``; a future of another loop.
        TypeError: One is no awaitable. Nothing is left running then.
        Exception: What the first one raised; or what the method ``cancel`` of one raised, once all
            were asked.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     return await stook.race(asyncio.sleep(3600, "slow"), asyncio.sleep(0, "quick"))
        >>> stook.run(main())
        'quick'

    Source:
        A nursery of Trio 0.27 that is cancelled by its first child.
    """
    from stook import _core

    return await _core._race(*aws, losers=losers)


async def first_success(*aws: Awaitable[Any], losers: str = "cancel") -> Any:
    """Return the result of the first of several that succeeds, once the others have ended.

    It waits for the others as ``race`` does, also if who waits is cancelled.

    Args:
        aws: Awaitables; coroutines become tasks.
        losers: As for ``race``.

    Returns:
        The result. The errors of those that failed before count as read.

    Raises:
        ExceptionGroup: None succeeded: their errors, in order; one that was cancelled has a
            ``ChildCancelled``, which makes it a ``BaseExceptionGroup``.
        ValueError: There is none; another word for ``losers``; a future of another loop.
        TypeError: One is no awaitable.

    Example:
        >>> import asyncio, stook
        >>> async def fails():
        ...     raise OSError("no answer")
        >>> async def main():
        ...     return await stook.first_success(fails(), asyncio.sleep(0.001, "answer"))
        >>> stook.run(main())
        'answer'

    Source:
        ``Promise.any`` of ECMAScript 2021; ``asyncio.staggered``, CPython 3.13.
    """
    from stook import _core

    return await _core._first_success(*aws, losers=losers)


def gather(
    *aws: Awaitable[Any], return_exceptions: bool = False, on_error: str | None = None
) -> Any:
    """Gather the results of several awaitables; on an error, perhaps, stop the others.

    Args:
        aws: Awaitables; coroutines become tasks.
        return_exceptions: As for ``asyncio.gather``; not together with ``on_error``.
        on_error: ``None``: this is ``asyncio.gather``, which raises the first error at once and
            leaves the others running. ``"cancel"``: the others are asked to cancel, and the error
            is raised when they have ended; they are waited for as by ``race``.

    Returns:
        A future of the list of results, in order; with ``on_error="cancel"`` a coroutine.

    Raises:
        ValueError: Another word for ``on_error``, or both options.
        Exception: What the first that failed raised.

    Example:
        >>> import asyncio, stook
        >>> async def fails():
        ...     raise OSError("no answer")
        >>> async def main():
        ...     other = asyncio.create_task(asyncio.sleep(3600))
        ...     try:
        ...         await stook.gather(other, fails(), on_error="cancel")
        ...     except OSError as error:
        ...         return error, other.cancelled()
        >>> stook.run(main())
        (OSError('no answer'), True)

    Source:
        ``asyncio.gather``, CPython 3.13.
    """
    from stook import _core

    return _core._gather_on_error(*aws, return_exceptions=return_exceptions, on_error=on_error)


async def gather_cancelling(*aws: Awaitable[Any]) -> Any:
    """Do what ``gather`` does with ``on_error="cancel"``: what its coroutine shows itself as."""
    return await gather(*aws, on_error="cancel")


async def detect_cancel(task: Any) -> Any:
    """Await a task and tell its cancellation from one's own.

    Args:
        task: A task or future. It is left running when the caller is cancelled.

    Returns:
        Its result.

    Raises:
        ChildCancelled: The task was cancelled.
        asyncio.CancelledError: The caller was.
        TypeError: It is no task: a coroutine, say.
        Exception: What the task raised.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     child = asyncio.create_task(asyncio.sleep(3600))
        ...     asyncio.get_running_loop().call_soon(child.cancel)
        ...     try:
        ...         await stook.detect_cancel(child)
        ...     except stook.ChildCancelled:
        ...         return "it was the child"
        >>> stook.run(main())
        'it was the child'

    Source:
        ``asyncio.shield``, CPython 3.13, which also waits without being what is waited for.
    """
    from stook import _core

    return await _core._detect_cancel(task)
