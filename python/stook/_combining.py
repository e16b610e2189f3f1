"""``when_all`` and ``when_any``: waiting for several, until a token says otherwise."""

import asyncio
import inspect

from stook import _platform
from stook._token_tasks import cancel_by, check
from stook._tokens import CancellationToken

_core = _platform.load_core()


async def when_all(aws, token=None):
    """Wait for all of several, and return their results.

    The wait ends before its time when the token is cancelled, or when one of those waited for is
    cancelled or fails. None of the others is cancelled by that: they go on. So they do when who
    waits is cancelled.

    Args:
        aws: Tasks, futures, coroutines and other awaitables. Coroutines become tasks, which the
            token cancels as well. What is given twice is waited for once.
        token: A CancellationToken, or None. If it is cancelled already, no coroutine is begun.

    Returns:
        The list of the results, in the order of ``aws``.

    Raises:
        asyncio.CancelledError: The token was cancelled, or one of those waited for, or who waits:
            ``stook.cancellation()`` of it tells which.
        Exception: What the first one to fail raised.
        ValueError: A future belongs to another loop.
        TypeError: One of them cannot be awaited, or the token is none.

    Source:
        ``when_all``, Parallel Patterns Library of Visual C++ 14.0.

    Example:
        >>> import asyncio, stook
        >>> stook.run(stook.when_all([asyncio.sleep(0.02, "a"), asyncio.sleep(0.01, "b")]))
        ['a', 'b']
    """
    futures = _participants(aws, token)
    if not futures:
        return []
    await _first(futures, token, needs_all=True)
    return [future.result() for future in futures]


async def when_any(aws, token=None):
    """Wait for the first of several to end, and return which it was, and its result.

    The wait ends before its time when the token is cancelled. None of the others is cancelled, and
    they go on; so they do when who waits is cancelled.

    Args:
        aws: Tasks, futures, coroutines and other awaitables, at least one. Coroutines become tasks,
            which the token cancels as well.
        token: A CancellationToken, or None. If it is cancelled already, no coroutine is begun.

    Returns:
        The index in ``aws`` of the first to end, and its result. Of several that have ended already
        it is the first one given.

    Raises:
        asyncio.CancelledError: The token was cancelled, or the first to end, or who waits:
            ``stook.cancellation()`` of it tells which.
        Exception: What the first one to end raised.
        ValueError: There is none, or a future belongs to another loop.
        TypeError: One of them cannot be awaited, or the token is none.

    Source:
        ``when_any``, Parallel Patterns Library of Visual C++ 14.0.

    Example:
        >>> import asyncio, stook
        >>> stook.run(stook.when_any([asyncio.sleep(60, "a"), asyncio.sleep(0.01, "b")]))
        (1, 'b')
    """
    futures = _participants(aws, token)
    if not futures:
        raise ValueError("when_any() needs at least one to wait for")
    first = await _first(futures, token, needs_all=False)
    index = next(index for index, future in enumerate(futures) if future is first)
    return index, first.result()


def _participants(aws, token):
    """Return a list of futures: those given, and tasks of what else was given."""
    if token is not None:
        check(token)
    if asyncio.isfuture(aws) or asyncio.iscoroutine(aws):
        raise TypeError(f"an iterable of awaitables is expected, not {type(aws).__name__}")
    given = _listed(aws)
    if token is not None and token.is_cancelled:
        _close(given)
        token.raise_if_cancelled()
    loop = _core.get_running_loop()
    begun = {}
    try:
        for awaitable in given:
            # What is refused is refused before anything is begun.
            if asyncio.isfuture(awaitable) or not inspect.isawaitable(awaitable):
                _core.ensure_future(awaitable, loop=loop)
        for awaitable in given:
            if id(awaitable) in begun:
                continue
            future = begun[id(awaitable)] = _core.ensure_future(awaitable, loop=loop)
            if token is not None and future is not awaitable:
                cancel_by(future, token)
    except BaseException:
        # Nobody else knows the tasks that were made here, and the coroutines.
        made = [begun[id(other)] for other in given if begun.get(id(other), other) is not other]
        _close(other for other in given if id(other) not in begun)
        _core._cancel_each(made, _core._request("sibling failed"))
        raise
    return [begun[id(awaitable)] for awaitable in given]


def _listed(aws):
    """Return a list of what an iterable gives; if that raises, close what it gave before."""
    given = []
    try:
        for awaitable in aws:
            given.append(awaitable)
    except BaseException:
        _close(given)
        raise
    return given


def _close(given):
    """Close the coroutines among these, which nobody will run."""
    for coroutine in filter(asyncio.iscoroutine, given):
        coroutine.close()


async def _first(futures, token, *, needs_all):
    """Wait for all, or for one; return the one that ended the wait.

    Raises:
        CancelledError: The token was cancelled, or that one was.
        Exception: What that one raised.
    """
    # By identity: classes of a program's may have tasks compare equal.
    different = list({id(future): future for future in futures}.values())
    waiting = _Waiting(len(different) if needs_all else 1)
    state = (CancellationToken.none() if token is None else token)._state
    key = state.register(waiting)
    if key is None:
        # Those that are made here may have cancelled it, where tasks are eager.
        token is None or token.raise_if_cancelled()
    for future in different:
        future.add_done_callback(waiting.count)
    try:
        ended = await waiting.outer
    finally:
        if key is not None:
            state.unregister(key)
        for future in different:
            future.remove_done_callback(waiting.count)
    if ended is None:
        token.raise_if_cancelled()
    if ended.cancelled():
        _raise_cancelled(ended)
    ended.result()
    return ended


def _raise_cancelled(future):
    try:
        future.result()
    except asyncio.CancelledError as error:
        record = _core.cancellation(future)
        if record is not None:
            _core._attach(error, record)
        raise


class _Waiting:
    """A wait that is over when so many have ended, one has not returned, or the token is cancelled.

    Args:
        left: How many.
    """

    __slots__ = ("_left", "_loop", "outer")

    def __init__(self, left):
        self._left = left
        self._loop = _core.get_running_loop()
        self.outer = self._loop.create_future()

    def count(self, future):
        """One has ended."""
        if self.outer.done():
            return
        self._left -= 1
        if self._left <= 0 or future.cancelled() or future.exception() is not None:
            self.outer.set_result(future)

    def _tell(self, firing):
        """The token is cancelled: end the wait, on its loop."""
        firing.hand(self._loop, self)

    def act(self, _record):
        """End the wait."""
        if not self.outer.done():
            self.outer.set_result(None)
