"""One test while it runs, and which tasks are its own.

A task is a test's if the context that it runs in is: that of the test's coroutine, or of a task
that this has made. So the tasks of fixtures are nobody's, and neither is what they make while a
test runs.
"""

import contextvars
import gc
import threading
import weakref
from typing import Any

import pytest

from stook import _platform
from stook._testing.settings import Settings

_core = _platform.load_core()

owner: contextvars.ContextVar["WatchedTest | None"] = contextvars.ContextVar(
    "stook_test", default=None
)
"""The test that this context belongs to."""

_SETS = tuple(
    getattr(_core, name)
    for name in ("_all_tasks", "_scheduled_tasks", "_eager_tasks")
    if hasattr(_core, name)
)
_TRIES = 100


class WatchedTest:
    """What is known of a test.

    Attributes:
        item: The test, as pytest has it.
        settings: What is looked for.
        phase: ``"setup"``, ``"call"`` or ``"teardown"``.
        thread: The number of the thread that it runs in.
        task: The task that runs the test, where that is a coroutine.
        loop: The loop of that task.
        loops: The loops on which its coroutine, or one that it has run itself, was run.
        told: The ``id()`` of those of its tasks that are not to be told of, mostly as they were: a
            task that is lost is in no weak set any more.
        findings: What the test has left behind, in words.
        stopped: Why it was ended, in words, where it was.
        failures: How many futures had been given an exception when the collector was run last.
    """

    current: "WatchedTest | None" = None
    """The test that runs in this process."""

    def __init__(self, item: pytest.Item, settings: Settings) -> None:
        self.item = item
        self.settings = settings
        self.phase = "setup"
        self.thread = threading.get_ident()
        self.task: Any = None
        self.loop: Any = None
        self.loops: weakref.WeakSet[Any] = weakref.WeakSet()
        self.told: set[int] = set()
        self.findings: list[str] = []
        self.stopped: str | None = None
        self.failures = _core._failures()

    def interrupt(self) -> None:
        """Ask the task of the test to cancel; called by its loop."""
        if self.task is not None and not self.task.done():
            _core.cancel(self.task, reason="the test was ended by stook's pytest plugin")


def owner_of(task: Any) -> WatchedTest | None:
    """Return the test that a task belongs to, whether that has ended or not."""
    context = getattr(task, "get_context", lambda: None)()
    if context is None:
        # Up to CPython 3.11 tasks do not tell.
        held = gc.get_referents(task)
        context = next((each for each in held if isinstance(each, contextvars.Context)), None)
    return None if context is None else context.get(owner)


def pending_tasks(test: WatchedTest, loop: Any = None) -> list[Any]:
    """Return the tasks of a test that have not ended, but for the one that runs it.

    Args:
        test: The test.
        loop: The loop that the tasks are of; any loop when ``None``.
    """
    # asyncio's set need not have those of stook's loops.
    loops = tuple(test.loops) if loop is None else (loop,)
    known = _in_asyncios_sets().union(*map(_core.all_tasks, loops))
    found = [
        task
        for task in known
        if not task.done()
        and task is not test.task
        and (loop is None or task.get_loop() is loop)
        and owner_of(task) is test
    ]
    found.sort(key=lambda task: (len(task.get_name()), task.get_name()))
    return found


def _in_asyncios_sets() -> set[Any]:
    """Return the tasks of all loops in asyncio's weak set.

    Source:
        ``asyncio.all_tasks``, CPython 3.13, which tries again while other threads make tasks.
    """
    for _ in range(_TRIES):
        try:
            return {task for tasks in _SETS for task in tuple(tasks)}
        except RuntimeError:
            continue
    return set()


def is_about_to_end(task: Any) -> bool:
    """Whether a task goes on in the next turns of its loop by itself: is ready or was cancelled."""
    awaited = getattr(task, "_fut_waiter", None)
    return awaited is None or awaited.done() or task.cancelling() > 0
