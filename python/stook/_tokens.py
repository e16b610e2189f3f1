"""Cancellation tokens: one request that reaches everything that was told of it.

A *source* is for who decides that something is to be cancelled, its *token* for all that is to be
cancelled. The token is handed down through calls; whoever has it can ask whether it is cancelled,
wait for that, be called back, or run tasks and blocks that are cancelled with it.

The rules (who hears of it, in which order) are the kernel's; the state of a source is in the
compiled part. Sources and tokens may be used from any thread.
"""

import asyncio
import math
from typing import final

from stook import _platform
from stook._cancellation import shown
from stook._firing import FutureEntry, TimerEntry, fire, report
from stook._seconds import seconds as as_seconds
from stook._token_scopes import OfEachBlock, Scopes

_core = _platform.load_core()


@final
class CancellationRegistration:
    """A callback that a token is to call: what ``token.register()`` returns.

    As a context manager it takes the callback out again at the end of the block.
    """

    __slots__ = ("_callback", "_key", "_token")

    def __init__(self, token, callback):
        self._token = token
        self._callback = callback
        self._key = None

    def unregister(self):
        """Take the callback out again.

        Returns:
            Whether that was in time: True if the callback has not been called and will not be. It
            does not wait for one that is being called by another thread.
        """
        self._callback = None
        return self._key is not None and self._token._state.unregister(self._key)

    def _tell(self, firing):
        # Another thread may be taking it out.
        callback, self._callback = self._callback, None
        if callback is not None:
            firing.run(callback, self._token)

    def __enter__(self):
        return self

    def __exit__(self, *_details):
        self.unregister()


@final
class CancellationToken:
    """What tells that something is to be cancelled. It comes from a :class:`CancellationSource`.

    ``async with token:`` runs a block that is cancelled when the token is: CancelledError is raised
    in it, and goes on from there. Where the token is cancelled already the block does not begin. A
    block that has ended is not cancelled any more. It is cancelled, and left, for the task that has
    entered it, whichever task leaves it: one that closes an asynchronous generator, say.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     source = stook.CancellationSource()
        ...     asyncio.get_running_loop().call_soon(source.cancel, "no longer needed")
        ...     try:
        ...         async with source.token:
        ...             await asyncio.sleep(3600)
        ...     except asyncio.CancelledError as error:
        ...         print(stook.cancellation(error).kind, source.token.reason)
        >>> stook.run(main())
        token no longer needed
    """

    __slots__ = ("__weakref__", "_scopes", "_state")

    def __init__(self):
        raise TypeError("a token comes from CancellationSource().token, or is none()")

    @classmethod
    def _of(cls, state):
        token = object.__new__(cls)
        token._state = state
        token._scopes = Scopes()
        return token

    @staticmethod
    def none():
        """Return a token that is never cancelled, for where one is wanted.

        Returns:
            A CancellationToken; always the same.
        """
        return _NONE

    @property
    def is_cancelled(self):
        """Whether it is cancelled; then it stays so."""
        return self._state.is_fired

    @property
    def reason(self):
        """What was given to ``cancel()``; None before, and where nothing was given."""
        return self._state.reason

    def raise_if_cancelled(self):
        """Raise CancelledError if the token is cancelled.

        Raises:
            asyncio.CancelledError: It is; ``stook.cancellation()`` of it tells who asked, why, and
                from which line.
        """
        state = self._state
        if state.is_fired:
            error = asyncio.CancelledError()
            _core._attach(error, state.record)
            raise error

    def register(self, callback):
        """Have a function called when the token is cancelled; at once, if it is.

        Callbacks are called in the order in which they were registered, in the thread that cancels,
        inside ``cancel()``. What one raises does not stop the others: it goes to the exception
        handler of the loop that runs in that thread, else to ``sys.unraisablehook``.

        Args:
            callback: It is called with the token.

        Returns:
            A CancellationRegistration, with ``unregister()``; also a context manager.

        Raises:
            TypeError: It cannot be called.

        Source:
            ``CancellationToken.Register``, .NET 8.0, where callbacks are called last one first.

        Example:
            >>> import stook
            >>> source = stook.CancellationSource()
            >>> with source.token.register(lambda token: print("stopped:", token.reason)):
            ...     print(source.cancel("enough"))
            stopped: enough
            True
        """
        if not callable(callback):
            raise TypeError(f"a callable is expected, not {type(callback).__name__}")
        registration = CancellationRegistration(self, callback)
        registration._key = self._state.register(registration)
        if registration._key is None and self._state.is_fired:
            registration._callback = None
            try:
                callback(self)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                report(error, callback)
        return registration

    async def wait(self):
        """Wait until the token is cancelled; not at all, if it is.

        Returns:
            The reason.

        Raises:
            asyncio.CancelledError: Who waits was cancelled.
        """
        state = self._state
        future = _core.get_running_loop().create_future()
        key = state.register(FutureEntry(future))
        if not state.is_fired:
            try:
                await future
            finally:
                if key is not None:
                    state.unregister(key)
        return state.reason

    async def __aenter__(self):
        task = _core.current_task()
        if task is None:
            raise RuntimeError("`async with token` has to be run by a task")
        self.raise_if_cancelled()
        scope = self._scopes.enter(self, task)
        scope.key = self._state.register(scope)
        if scope.key is None and self._state.is_fired:
            # Another thread was quicker.
            self._scopes.pop(scope)
            self.raise_if_cancelled()
        return self

    @OfEachBlock
    async def __aexit__(self, scope, error):
        scope = self._scopes.pop(scope)
        if scope.key is not None:
            self._state.unregister(scope.key)
        await scope.leave(error)

    def __repr__(self):
        return f"<CancellationToken {_described(self._state)}>"


class CancellationSource:
    """What makes a token cancelled.

    A source may follow tokens of others: it is then cancelled when the first of them is, with the
    reason and the record of that one. As a context manager it is closed at the end of the block.

    Args:
        tokens: Tokens to follow.

    Raises:
        TypeError: One of them is no token.

    Source:
        ``CancellationTokenSource``, .NET 8.0.

    Example:
        >>> import asyncio, stook
        >>> async def work(name, token):
        ...     try:
        ...         if name != "grandchild":
        ...             inner = {"parent": "child", "child": "grandchild"}[name]
        ...             stook.create_task(work(inner, token), token=token)
        ...         await asyncio.sleep(3600)
        ...     finally:
        ...         print(name, "is over")
        >>> async def main():
        ...     source = stook.CancellationSource()
        ...     task = stook.create_task(work("parent", source.token), token=source.token)
        ...     await asyncio.sleep(0.01)
        ...     source.cancel("shutdown")
        ...     await asyncio.wait([task])
        >>> stook.run(main())
        parent is over
        child is over
        grandchild is over
    """

    __slots__ = ("__weakref__", "_state", "_timer", "_token")

    def __init__(self, *tokens):
        for token in tokens:
            require_token(token)
        self._state = state = _core._TokenState()
        self._token = CancellationToken._of(state)
        self._timer = None
        for token in tokens:
            if state.follow(token._state):
                break

    @classmethod
    def linked(cls, *tokens):
        """Return a source that is cancelled when the first of these tokens is.

        Args:
            tokens: Tokens to follow.

        Returns:
            A CancellationSource.

        Raises:
            TypeError: One of them is no token.
        """
        return cls(*tokens)

    @property
    def token(self):
        """The token; always the same."""
        return self._token

    @property
    def is_cancelled(self):
        """Whether it is cancelled; then it stays so."""
        return self._state.is_fired

    def cancel(self, reason=None):
        """Cancel: from then on the token, and those of all sources that follow it, are cancelled.

        All of them are so before anybody is told. Then callbacks are called and tasks are asked, in
        the order in which they were registered: first those of this source, then those of sources
        that follow it, the nearer ones first. Tasks of a loop that does not run in this thread are
        asked by their loop as soon as it runs. A second call changes nothing.

        Args:
            reason: Any object; it is in the records of what is cancelled by this.

        Returns:
            True the first time; False if it was cancelled before or is closed.
        """
        state = self._state
        if state.is_fired or state.is_closed:
            return False
        return fire(state, reason, _core._request("token", reason))

    def cancel_after(self, seconds, reason=None):
        """Cancel after a while, on the running loop. A later call replaces an earlier one.

        Args:
            seconds: Seconds from now; ``math.inf`` for never.
            reason: Any object, as for ``cancel()``.

        Raises:
            ValueError: The number is negative or not a number.
            TypeError: It is no number.
            OverflowError: It is larger than a float can be.
            RuntimeError: No loop is running.
        """
        seconds = as_seconds("seconds", seconds)
        if seconds < 0:
            raise ValueError(f"seconds have to be 0 or more, not {seconds!r}")
        loop = _core.get_running_loop()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        never = self._state.is_fired or self._state.is_closed or seconds == math.inf
        if not never:
            record = _core._request("token", reason)
            self._timer = TimerEntry(self._state, loop, seconds, reason, record)

    def close(self):
        """Give up: it will not be cancelled any more, and forgets what was to be told.

        What is cancelled already stays so. Sources need not be closed; one that follows a token
        for a short time may be, to be gone at once.
        """
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        self._state.close()

    def __enter__(self):
        return self

    def __exit__(self, *_details):
        self.close()

    def __repr__(self):
        return f"<CancellationSource {_described(self._state)}>"


def _described(state):
    if state.is_fired:
        reason = "" if state.reason is None else f" reason={shown(state.reason)}"
        return f"cancelled{reason}"
    return "closed" if state.is_closed else "not cancelled"


def require_token(token):
    """Check that something is a token.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(token, CancellationToken):
        raise TypeError(f"a CancellationToken is expected, not {type(token).__name__}")


def _never():
    state = _core._TokenState()
    state.close()
    return CancellationToken._of(state)


_NONE = _never()
