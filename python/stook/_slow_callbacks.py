"""Callbacks that hold a loop: reported while they do, with the stack of the culprit.

The thread of :mod:`stook._watcher` finds them and looks at them here. asyncio, in debug mode, logs
them when they have ended.
"""

import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook import _platform, _seconds, _standard_error
from stook._cancellation import Place

_core = _platform.load_core()

_MOST_SHOWN = 20
"""So many lines of a stack are shown, the newest ones."""
_LONGEST_STACK = 1000


class SlowCallback(NamedTuple):
    """A callback, as a rule a step of a task, that holds its loop.

    Attributes:
        loop: The event loop.
        task: The task that runs; ``None`` where a callback does that is none.
        stack: The lines that run, those of asyncio and stook left out, the newest last. Empty where
            there is no Python code.
        seconds: For how long it has been seen to run.
    """

    loop: Any
    task: Any
    stack: tuple[Place, ...]
    seconds: float


_policy: Any = "debug"
_after: float | None = None


def on_slow_callback(
    how: Literal["debug", "report"] | Callable[[SlowCallback], object] | None,
    after: float | None = None,
) -> None:
    """Say what is to be done while a callback, or one step of a task, holds a loop of stook's.

    A thread of its own watches; it is told once of each callback. A callback that keeps the
    interpreter to itself, as some that are written in C do, is not seen: no other thread runs then.

    Args:
        how: ``"debug"``, which is so at first: as ``"report"``, in debug mode alone. ``"report"``:
            the task and the lines that run are written to ``sys.stderr``. A function: it is called
            with a ``SlowCallback``, in the thread that watches; what it raises goes to
            ``sys.unraisablehook``. ``None``: nothing.
        after: For how many seconds a callback may hold the loop; what the loop's
            ``slow_callback_duration`` says when ``None``, at first a tenth of a second.

    Raises:
        TypeError: ``how`` is none of these, or ``after`` is no number.
        ValueError: ``after`` is not more than zero.

    Example:
        >>> import asyncio, stook, time
        >>> async def main():
        ...     time.sleep(0.3)
        >>> stook.on_slow_callback(lambda slow: print(slow.task.get_name()), after=0.1)
        >>> stook.run(main())
        Task-1
        >>> stook.on_slow_callback("debug")

    Source:
        ``BaseEventLoop.slow_callback_duration``, CPython 3.13.
    """
    global _policy, _after
    if how not in ("debug", "report", None) and not callable(how):
        raise TypeError(
            f"on_slow_callback() takes 'debug', 'report', None or a function, not {how!r}"
        )
    if after is not None:
        after = _seconds.more_than_zero("after", after)
    _policy, _after = how, after
    _core._set_slow_callbacks(None if how is None else how != "debug", after or 0.0)


def look(loop: Any, watch: Any, number: int, begun: int, seconds: float) -> None:
    """Tell of a callback that goes on; called by the thread that watches.

    Args:
        loop: The event loop.
        watch: The watch over it.
        number: The loop's number there.
        begun: The number of the callback.
        seconds: For how long it was seen to run.
    """
    from stook import events

    task = _core.current_task(loop)
    stack = stack_of(loop._thread_id, events.__file__)
    handle = loop._current_handle
    # While all that was looked at, it may have ended.
    if watch.begun(number) != (begun, False):
        return
    how = _policy
    # All that may have been set since the loop last looked for events.
    after = loop.slow_callback_duration if _after is None else _after
    if how is None or (how == "debug" and not loop.get_debug()) or not 0 < after <= seconds:
        return
    slow = SlowCallback(loop, task, stack, seconds)
    if callable(how):
        try:
            how(slow)
        except BaseException as error:
            _core._unraisable(error, how)
        return
    _standard_error.write(_said(slow, after, handle))


def stack_of(thread: int | None, called_by: str) -> tuple[Place, ...]:
    """Return the lines that run in a thread, those of asyncio and stook left out.

    Args:
        thread: Its ``threading.get_ident()``.
        called_by: The file that calls the first of them.
    """
    from stook import _waits

    frame = sys._current_frames().get(thread) if thread is not None else None
    stack = []
    for _ in range(_LONGEST_STACK):
        if frame is None or frame.f_code.co_filename == called_by:
            break
        code = frame.f_code
        if _waits.is_outside(code):
            stack.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
        frame = frame.f_back
    return tuple(stack[::-1])


def _said(slow: SlowCallback, after: float, handle: Any) -> str:
    from stook import _task_tree
    from stook._cancellation import _name_of

    who = "a callback" if slow.task is None else _name_of(slow.task)
    lines = [f"{who} has held the loop for more than {after:g} seconds:"]
    lines += [f"  at {_task_tree.place(place)}" for place in slow.stack[: -_MOST_SHOWN - 1 : -1]]
    if not slow.stack:
        lines.append("  no line of Python runs" if handle is None else f"  {handle!r}")
    return "\n".join(lines)
