"""Exceptions that nobody reads, tasks that are lost and cancellations that are swallowed."""

import asyncio
import gc
from typing import Any

from stook import _cancellation, _platform, _task_tree, _unretrieved
from stook._cancellation import Place
from stook._testing.hangs import TimeUp
from stook._testing.watched import WatchedTest, owner_of
from stook._unretrieved import Unretrieved

_core = _platform.load_core()

_is_collecting = False
"""Whether the collector runs: what it finds may be left from any test."""


def watch() -> None:
    """Have all that told to the tests, from now on."""
    _unretrieved.watch(_unread)
    _cancellation.swallowed_watchers.append(_swallowed)
    _core._set_swallowed_watched(True)
    gc.callbacks.append(_note_collections)


def forget() -> None:
    """End that."""
    gc.callbacks.remove(_note_collections)
    _core._set_swallowed_watched(False)
    _cancellation.swallowed_watchers.remove(_swallowed)
    _unretrieved.forget(_unread)


def collect(test: WatchedTest) -> None:
    """Run the collector if circles may keep a task whose exception nobody has read."""
    failures = _core._failures()
    if test.settings.unretrieved and failures != test.failures:
        test.failures = failures
        gc.collect()


def _note_collections(phase: str, _info: Any) -> None:
    global _is_collecting
    _is_collecting = phase == "start"


def _unread(lost: Unretrieved) -> None:
    if isinstance(lost.future, asyncio.Task):
        test = owner_of(lost.future)
    else:
        test = None if _is_collecting else WatchedTest.current
    if test is None or not test.settings.unretrieved or isinstance(lost.exception, TimeUp):
        return
    if lost.exception is None:
        if id(lost.future) in test.told or not test.settings.leaks:
            return
        lines = [f"stook: a task was lost before it had ended: {_named(lost.future)}"]
    else:
        lines = [f"stook: nobody has read the exception of {_named(lost.future)}:"]
        lines.append(_cancellation.shown(lost.exception))
        raised = raised_at(lost.exception)
        if raised is not None:
            lines.append(f"  raised at {_task_tree.place(raised)}")
    if lost.created is not None:
        lines.append(f"  made at {_task_tree.place(lost.created)}")
    test.findings.append("\n".join(lines))


def _named(future: Any) -> str:
    if isinstance(future, asyncio.Task):
        return _cancellation._named(future.get_name())
    return f"a {type(future).__name__.strip('_')}"


def raised_at(exception: BaseException) -> Place | None:
    """Return the line that raised an exception; ``None`` where it has no traceback."""
    traceback = exception.__traceback__
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return Place(code.co_filename, traceback.tb_lineno, code.co_qualname)


def _swallowed(task: Any, record: Any) -> None:
    test = owner_of(task)
    # Of a test that was ended it is known already that it did not do as it should.
    if test is not None and test.settings.swallowed and test.stopped is None:
        name = _cancellation._named(task.get_name())
        test.findings.append(f"stook: {name} has swallowed a cancellation:\n{record.explain()}")
