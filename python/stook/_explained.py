"""Saying who cancelled where an exception is shown: at the end of a program, and in a loop's log.

Only what asyncio or the interpreter shows is added to, and only for a ``CancelledError`` with a
record. Exceptions stay as they are, and a ``sys.excepthook`` of the program's own is left alone.
"""

import asyncio
import sys
import threading

from stook import _platform

_core = _platform.load_core()

# While the interpreter ends nothing can be imported: what logs need then is looked up now.
_core._made_at(None)

MOST = 10
"""So many different explanations are shown of one exception."""


class _Said(str):
    """A paragraph, which a log shows as it is."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def explanation(exception):
    """Return who asked for the cancellations that an exception is, or holds as a group does.

    Returns:
        A paragraph for each, without repetitions; an empty string where there is none.
    """
    found = {}
    left, seen = [exception], set()
    while left:
        error = left.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        if isinstance(error, asyncio.CancelledError):
            record = _core.cancellation(error)
            if record.kind != "unknown":
                found[record.explain()] = None
        elif isinstance(error, BaseExceptionGroup):
            left += reversed(error.exceptions)
    paragraphs = list(found)
    more = len(paragraphs) - MOST
    if more > 0:
        paragraphs[MOST:] = [f"and {more} more"]
    return "\n".join(paragraphs)


def beside(context):
    """Return what a loop's log is to say beside the context of a report.

    A cancellation says whose it was; a task that is lost or has failed, by what it was cancelled,
    if that was not taken back, and where it was made.
    """
    exception = context.get("exception")
    said = explanation(exception) if isinstance(exception, BaseException) else ""
    task = context.get("task") or context.get("future")
    if not isinstance(task, _core.Task):
        return {"cancellation": _Said(said)} if said else {}
    if not said and task.cancelling():
        record = _core.cancellation(task)
        # A report of the end of a run says already that it is one.
        if record is not None and record.kind != "shutdown":
            said = record.explain()
    found = {"cancellation": _Said(said)} if said else {}
    # Debug mode has the whole stack.
    is_lost = context.get("message") in _OF_LOST_TASKS and "source_traceback" not in context
    created = _core._made_at(task) if is_lost else None
    if created is not None:
        file, line, function = created
        found["created_at"] = _Said(f"{file}:{line}, in {function}")
    return found


def add_where_logged(loop, context):
    """Add that to the context of a report that a loop of others is going to log.

    A handler of the program's own is given what asyncio gives it.
    """
    if loop.get_exception_handler() is None:
        context.update({**beside(context), **context})


_OF_LOST_TASKS = (
    "Task was destroyed but it is pending!",
    "Task exception was never retrieved",
)


def write(exception):
    """Write who asked for a cancellation that has been shown."""
    said = explanation(exception)
    if said and sys.stderr is not None:
        try:
            sys.stderr.write(f"cancellation: {said}\n")
        except Exception:
            # As the interpreter, which has nowhere to show it.
            pass


def show(kind, exception, traceback):
    """Show what ends a program, as the interpreter does, and below it who asked for that."""
    sys.__excepthook__(kind, exception, traceback)
    write(exception)


def watch():
    """Make :func:`show` the ``sys.excepthook``, unless the program has one of its own."""
    if getattr(sys, "excepthook", None) is sys.__excepthook__:
        sys.excepthook = show


def watch_for(exception):
    """Do that if the exception is a cancellation, and may end the program."""
    if threading.current_thread() is threading.main_thread() and explanation(exception):
        watch()


def forget():
    """Give the interpreter its own hook back."""
    if getattr(sys, "excepthook", None) is show:
        sys.excepthook = sys.__excepthook__
