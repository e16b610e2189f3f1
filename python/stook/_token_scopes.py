"""``async with token``: a block that is cancelled when a token is.

The task of the block is asked once for each block that it is in. A block takes its own request
back when it is left, so that whoever counts requests around it (``asyncio.timeout``, ``TaskGroup``)
finds the number that there was before.
"""

import asyncio

from stook import _platform

_core = _platform.load_core()


class Scope:
    """A block that is being run.

    Args:
        task: The task that runs it.
    """

    __slots__ = ("_asked", "_before", "_loop", "_task", "key")

    def __init__(self, task):
        self._task = task
        self._loop = task.get_loop()
        self._asked = False
        self._before = task.cancelling()
        self.key = None

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
            if getattr(task, "_must_cancel", False):
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

    def enter(self, task):
        """Return a new innermost block of ``task``."""
        scope = Scope(task)
        self._of_task.setdefault(id(task), []).append(scope)
        return scope

    def pop(self, task):
        """Return the innermost block of ``task``, which is left.

        Raises:
            RuntimeError: It is in none.
        """
        scopes = self._of_task.get(id(task))
        if not scopes:
            raise RuntimeError("this task has not entered a block of this token")
        scope = scopes.pop()
        if not scopes:
            del self._of_task[id(task)]
        return scope
