"""Cancellations that are not honoured: tasks that were asked to cancel long ago, and go on.

The thread of :mod:`stook._watcher` looks here, from time to time, at those that were asked, as long
as there are any. A task is told of after two looks that found it so, with the loop running between
them: one whose loop was held, or did not run, could not have ended.
"""

import math
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook import _late, _platform, _seconds, _standard_error
from stook._cancellation import Place

_core = _platform.load_core()

_MOST_SHOWN = 20
_LOOKS = 8
"""So many looks are made in the time that is given, if they are not too near to each other."""
_SHORTEST, _LONGEST = 0.01, 1.0
"""How long it is from one look to the next, in seconds."""


class StuckCancellation(NamedTuple):
    """A task that was asked to cancel, and has neither ended nor taken that back.

    Attributes:
        task: The task.
        record: The ``Cancellation`` that it was told of last: who asked, why, from where.
        requests: How many requests it has not taken back.
        survived: The lines at which it went on after a cancellation was raised there.
        seconds: For how long it has been asked.
    """

    task: Any
    record: Any
    requests: int
    survived: tuple[Place, ...]
    seconds: float


_policy: Any = "debug"
_after = 5.0


def on_stuck_cancellation(
    how: Literal["debug", "report"] | Callable[[StuckCancellation], object] | None,
    after: float = 5.0,
) -> None:
    """Say what is to be done where a task of a loop of stook's does not end when it is cancelled.

    It is told once of a task, some time after it was asked, by a thread of its own: who asked,
    where the task waits now, and at which lines it went on after a cancellation. A task that has
    taken all requests back, by ``uncancel()``, is not asked any more.

    Args:
        how: ``"debug"``, which is so at first: as ``"report"``, in debug mode alone. ``"report"``:
            the tasks are written to ``sys.stderr``. A function: it is called with a
            ``StuckCancellation`` of each task, in the thread that watches; what it raises goes to
            ``sys.unraisablehook``. ``None``: nothing.
        after: How many seconds tasks are given.

    Raises:
        TypeError: ``how`` is none of these, or ``after`` is no number.
        ValueError: ``after`` is not more than zero.

    Example:
        >>> import asyncio, stook
        >>> async def stubborn():
        ...     try:
        ...         await asyncio.sleep(60)
        ...     except asyncio.CancelledError:
        ...         await asyncio.sleep(0.5)
        >>> async def main():
        ...     task = asyncio.create_task(stubborn(), name="stubborn")
        ...     await asyncio.sleep(0)
        ...     task.cancel()
        ...     await task
        >>> stook.on_stuck_cancellation(
        ...     lambda stuck: print(stuck.task.get_name(), stuck.requests), after=0.1
        ... )
        >>> stook.run(main())
        stubborn 1
        >>> stook.on_stuck_cancellation("debug")
    """
    global _policy, _after
    if how not in ("debug", "report", None) and not callable(how):
        raise TypeError(
            f"on_stuck_cancellation() takes 'debug', 'report', None or a function, not {how!r}"
        )
    _after = _seconds.more_than_zero("after", after)
    _policy = how
    _core._set_stuck_cancellations(None if how is None else how != "debug")
    _late.load("stook._watcher").settings_changed()


class Asked:
    """The tasks of all loops that are watched which were asked to cancel; of one thread.

    Args:
        watch: The watch over these loops.
    """

    def __init__(self, watch: Any) -> None:
        self._watch = watch
        self._loops: dict[int, _OfLoop] = {}
        self._received: int | None = None

    def next_look(self) -> tuple[float | None, int | None]:
        """Return in how many seconds to look, and how many requests there were at the last look.

        The former is ``None`` where nobody wants to know; the latter is where tasks are to be
        looked at again in any case.
        """
        if _policy is None or math.isinf(_after):
            return None, None
        return min(max(_after / _LOOKS, _SHORTEST), _LONGEST), self._received

    def look(self, loops: dict[int, Any]) -> None:
        """Look at the tasks of loops, and tell of those that were found stuck twice.

        Args:
            loops: The loops that are watched, by their numbers.
        """
        received = _core._received()
        self._loops = {number: self._loops.get(number) or _OfLoop() for number in loops}
        is_to_be_continued = False
        for number, loop in loops.items():
            known = self._loops[number]
            if _policy == "debug" and not loop.get_debug():
                known.overdue = set()
                continue
            state = self._watch.begun(number)
            stuck = known.look(loop, state)
            is_to_be_continued = is_to_be_continued or known.is_to_be_continued
            if stuck:
                _tell(loop, stuck)
        self._received = None if is_to_be_continued else received


class _OfLoop:
    """The tasks of a loop that were asked."""

    def __init__(self) -> None:
        # Of each the ``id()``, and since when it has been asked.
        self.overdue: set[tuple[int, float]] = set()
        self.told: set[tuple[int, float]] = set()
        self.begun: int | None = None
        self.is_to_be_continued = False

    def look(self, loop: Any, state: tuple[int, bool] | None) -> list[Any]:
        """Return the tasks that are to be told of.

        Args:
            loop: The event loop.
            state: How many callbacks it has begun, and whether it rests; ``None`` where it does not
                run.
        """
        before, self.begun = self.begun, None if state is None else state[0]
        if state is None or (state[0] == before and not state[1]):
            self.overdue = set()
            return []
        asked = {(id(task), since): task for task, since in _core._asked(loop, math.inf)}
        latest = time.monotonic() - _after
        overdue = {one for one in asked if one[1] <= latest}
        stuck = (overdue & self.overdue) - self.told
        self.overdue = overdue
        self.told = (self.told | stuck) & asked.keys()
        self.is_to_be_continued = len(asked) > len(self.told)
        return [task for one, task in asked.items() if one in stuck]


def _tell(loop: Any, tasks: list[Any]) -> None:
    how = _policy
    if not callable(how):
        _standard_error.write(_said(loop, tasks))
        return
    now = time.monotonic()
    since = {id(task): since for task, since in _core._asked(loop, math.inf)}
    for task in tasks:
        stuck = StuckCancellation(
            task,
            _core.cancellation(task),
            task.cancelling(),
            tuple(_core._survived(task)),
            now - since.get(id(task), now),
        )
        try:
            how(stuck)
        except BaseException as error:
            _core._unraisable(error, how)


def _said(loop: Any, tasks: list[Any]) -> str:
    from stook import _task_tree

    have = "1 task has" if len(tasks) == 1 else f"{len(tasks)} tasks have"
    was = "it was" if len(tasks) == 1 else "they were"
    lines = [f"{have} not ended {_after:g} seconds after {was} asked to cancel:"]
    lines += _task_tree.cancelled(loop, set(tasks), _MOST_SHOWN)
    return "\n".join(lines)
