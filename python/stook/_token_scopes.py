"""``async with token``: a block that is cancelled when a token is.

The task of the block is asked once for each block that it is in. A block takes its own request
back when it is left, so that whoever counts requests around it (``asyncio.timeout``, ``TaskGroup``)
finds the number that there was before. Whichever task leaves it, closing an asynchronous generator
say, the block is that of the task that entered it.
"""

import asyncio
import threading
from types import MethodType

from stook import _platform

_core = _platform.load_core()


class _LookedUp(threading.local):
    """The block whose end was looked up last in this thread, if it was not entered since."""

    scope = None


_looked_up = _LookedUp()


class OfEachBlock:
    """A token's method ``__aexit__``: another one, with a block of its own, at each look-up.

    ``async with`` and ``AsyncExitStack`` look up how to leave right before they enter, and call
    what they found to leave. So the two belong together, and a token is in any number of blocks.

    Args:
        leave: What the method does; it is given the block as well.
    """

    def __init__(self, leave):
        self._leave = leave

    def __get__(self, token, _owner=None):
        scope = _looked_up.scope = Scope(token)
        leave = self._leave

        async def __aexit__(self, _kind, error, _traceback):
            await leave(self, scope, error)

        return __aexit__ if token is None else MethodType(__aexit__, token)


class Scope:
    """A block.

    Args:
        token: Its token; None where the method was looked up in the class.
    """

    __slots__ = ("_asked", "_before", "_loop", "_task", "_token", "key")

    def __init__(self, token):
        self._token = token
        self._task = self._loop = None
        self._asked = False
        self.key = None

    def is_of(self, token):
        """Whether it is, or may be, a block of this token."""
        return self._token is None or self._token is token

    def enter(self, task):
        """Have ``task`` run it."""
        self._task = task
        self._loop = task.get_loop()
        self._before = task.cancelling()

    def _tell(self, firing):
        """Have the task asked on its loop."""
        firing.hand(self._loop, self)

    def act(self, record):
        """Ask the task, if it has not left the block meanwhile."""
        if self._task is not None:
            self._asked = True
            _core._cancel_with(self._task, record)

    async def leave(self, error):
        """Leave the block, which ended with ``error``, or None.

        Raises:
            CancelledError: The task was asked after the last time that the block waited.
        """
        task, self._task = self._task, None
        if not self._asked:
            return
        try:
            runs_here = _core._get_running_loop() is self._loop and task is _core.current_task()
            if runs_here and getattr(task, "_must_cancel", False):
                # The request is still to come; it is for the block, not for what is after it.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            others_asked = task.cancelling() > self._before + 1
            if error is None or others_asked:
                raise
        finally:
            task.uncancel()


class Scopes:
    """The blocks of one token that are being run; a task may be in several, one inside another."""

    __slots__ = ("_of_task",)

    def __init__(self):
        self._of_task = {}

    def enter(self, token, task):
        """Return a new innermost block of ``task``."""
        scope, _looked_up.scope = _looked_up.scope, None
        if scope is None or not scope.is_of(token):
            # Somebody has called the method by its name.
            scope = Scope(token)
        scope.enter(task)
        self._of_task.setdefault(id(task), []).append(scope)
        return scope

    def pop(self, scope):
        """Return a block that is left: this one, or the current task's innermost.

        Raises:
            RuntimeError: It was left before, or was not entered and that task is in none.
        """
        if _looked_up.scope is scope:
            _looked_up.scope = None
        task = scope._task or _core.current_task()
        scopes = self._of_task.get(id(task), ())
        if scope not in scopes:
            if not scopes or scope._loop is not None:
                raise RuntimeError("this task has not entered a block of this token")
            scope = scopes[-1]
        scopes.remove(scope)
        if not scopes:
            del self._of_task[id(task)]
        return scope
