"""What ends a program, reported as the interpreter reports it.

The traceback must show the program's frames alone, yet the command's own frames lie above them
when the interpreter would print it. So it is printed here, before the exception goes on through
those frames; the interpreter then ends the process as always (status, death by an interrupt,
``python -i``) and finds an ``excepthook`` that has nothing left to say.

Below the traceback of a cancellation stands who asked for it, unless the program has a hook of its
own.

``SystemExit`` is not reported. Whoever else holds it, such as the task that raised it, may show it
later: so it stays as it is and another one goes on.

Source:
    ``PyErr_PrintEx`` and ``flush_io``, ``Python/pythonrun.c``, CPython 3.11 to 3.13.
"""

import sys

from stook import _core

_call = getattr(_core, "call_without_callers", lambda function, *arguments: function(*arguments))
_display = sys.__excepthook__


def as_program(function, *arguments, flush=True):
    """Call a function on an empty stack; report what it raises and raise that on.

    Frames of Python functions in this package are left out of the report.

    Args:
        function: What to call.
        arguments: Its positional arguments.
        flush: Whether what the program has printed comes out before its end is reported. The
            interpreter does that for a program read from a file.
    """
    failure = None
    try:
        return _call(function, *arguments)
    except SystemExit as exception:
        exception.__traceback__ = _without_own_frames(exception.__traceback__)
        if sys.flags.inspect:
            raise
        status = exception.code
    except BaseException as exception:
        failure = exception.with_traceback(_without_own_frames(exception.__traceback__))
    finally:
        if flush:
            _flush()
    if failure is None:
        raise SystemExit(status)
    _report(failure)
    sys.excepthook = _SaidAlready(failure, getattr(sys, "excepthook", _display))
    try:
        raise failure
    finally:
        failure = None


def _without_own_frames(traceback):
    while traceback is not None and _is_own(traceback.tb_frame):
        traceback = traceback.tb_next
    return traceback


def _is_own(frame):
    return frame.f_globals.get("__name__") in ("stook._program_end", "stook._source")


def _flush():
    for stream in (sys.stderr, sys.stdout):
        try:
            stream.flush()
        except Exception:
            # As under `python`: the interpreter tries again at its end and reports it then.
            pass


def _report(exception):
    """Record an exception as the last one and give it to ``sys.excepthook``."""
    kind, traceback = type(exception), exception.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, exception, traceback
    if sys.version_info >= (3, 12):
        sys.last_exc = exception
    if not hasattr(sys, "excepthook"):
        write_error("sys.excepthook is missing\n")
        _show(kind, exception, traceback)
        return
    hook = sys.excepthook
    sys.audit("sys.excepthook", hook, kind, exception, traceback)
    try:
        _call(hook, kind, exception, traceback)
    except SystemExit:
        raise
    except BaseException as error:
        broken = error.with_traceback(_without_own_frames(error.__traceback__))
    else:
        if hook is _display:
            _explain(exception)
        return
    write_error("Error in sys.excepthook:\n")
    _display(type(broken), broken, broken.__traceback__)
    write_error("\nOriginal exception was:\n")
    _show(kind, exception, traceback)


def _show(kind, exception, traceback):
    _display(kind, exception, traceback)
    _explain(exception)


def _explain(exception):
    """Say who asked for a cancellation. A program that never imported asyncio ends by none."""
    if "asyncio" in sys.modules:
        from stook import _explained

        _explained.write(exception)


def write_error(text):
    """Write to standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(text)


class _SaidAlready:
    """The ``sys.excepthook`` while a reported exception is on its way out.

    It puts back the program's hook and takes back what the exception met on that way.
    """

    def __init__(self, exception, hook):
        self._exception = exception
        self._traceback = exception.__traceback__
        self._hook = hook

    def __call__(self, kind, exception, traceback):
        sys.excepthook = self._hook
        if exception is not self._exception:
            self._hook(kind, exception, traceback)
            return
        exception.__traceback__ = self._traceback
        sys.last_traceback = self._traceback
