"""Deadlocks: awaits that would close a circle, and loops in which nothing can go on.

The compiled part finds the first as it happens, and asks here about the second when a loop has
nothing ready, no timer, no descriptor but its own and no job of its own executor for some time.

A false alarm is worse than none. So nothing is said where a handler of a signal, a thread or a job
may still wake a task; with other threads alive, only tasks are named that wait for each other.
"""

import _signal
import _thread
import collections
import contextlib
import functools
import gc
import os
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook import _late, _platform, _standard_error
from stook._by_type import function_name, is_a
from stook._cancellation import _name_of, _named

_core = _platform.load_core()

EXIT_STATUS = 70
"""What a program ends with after ``on_deadlock("exit")``: ``EX_SOFTWARE``."""
_MOST_SHOWN = 50
_MOST_REMEMBERED = 32
"""So many tasks of a loop are remembered that never began: the last ones."""
_never_began: "weakref.WeakKeyDictionary[Any, collections.deque[_NeverBegan]]" = (
    weakref.WeakKeyDictionary()
)
_threads_seen: "weakref.WeakKeyDictionary[Any, tuple[list[str], bool]]" = (
    weakref.WeakKeyDictionary()
)
"""The threads that might wake a loop when it was last looked at; whether there were idle ones."""
_MOST_HELD = 1000
"""So many objects are looked at that one of them holds, or that it was given."""
_HOLDERS = (types.CellType, types.CoroutineType)
_CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque)
_NO_OBJECTS = (type, types.ModuleType, types.FunctionType, types.CodeType, str, int, float)

_policy: Any = "report"


class DeadlockError(RuntimeError):
    """Tasks wait for each other, or nothing in a program can go on."""


def refuse_deadlocks(on: bool) -> None:
    """Say whether an await by which tasks would await each other in a circle raises.

    Args:
        on: Whether ``DeadlockError`` is raised in the task that would close the circle, which is so
            at first; else all of them wait, as they do in asyncio.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     async def one():
        ...         await tasks[1]
        ...     async def other():
        ...         await tasks[0]
        ...     tasks = [asyncio.create_task(one()), asyncio.create_task(other())]
        ...     ended = await asyncio.gather(*tasks, return_exceptions=True)
        ...     print(*(type(error).__name__ for error in ended))
        >>> stook.run(main())
        DeadlockError DeadlockError
    """
    _core._set_refusing(on)


def on_deadlock(how: Literal["report", "raise", "exit"] | Callable[[Any], object] | None) -> None:
    """Say what is to be done when nothing in a loop of stook's can go on.

    That is noticed within a second: tasks wait, nothing is ready, there is no timer, no descriptor
    but the loop's own, no job of an executor. It is told once a run of the loop. Where other
    threads may wake a task, it is told of tasks alone that wait for each other.

    Tasks that can never go on while the rest of the loop does, as nothing but they themselves
    reaches what they wait for, are told of as well, some seconds or a minute later.

    Args:
        how: ``"report"``, which is so at first: who waits for whom is written to ``sys.stderr``.
            ``"raise"``: the loop stops with ``DeadlockError``, and ``stook.run`` raises it.
            ``"exit"``: it is reported, and the loop stops with ``SystemExit`` of status 70. A
            function: it is called with the ``WaitGraph``; what it raises goes to
            ``sys.unraisablehook``. ``None``: nothing, and nothing is looked for. Of a part of a
            loop there is a report or the function is called, whatever else is said here.

    Raises:
        TypeError: It is none of these.

    Example:
        >>> import asyncio, stook
        >>> stook.on_deadlock("raise")
        >>> try:
        ...     stook.run(asyncio.Event().wait())
        ... except stook.DeadlockError:
        ...     print("nobody sets the event")
        nobody sets the event
        >>> stook.on_deadlock("report")
    """
    global _policy
    if how not in ("report", "raise", "exit", None) and not callable(how):
        raise TypeError(
            f"on_deadlock() takes 'report', 'raise', 'exit', None or a function, not {how!r}"
        )
    _policy = how
    _core._set_watching(how is not None)


def refusal(circle: list[Any]) -> DeadlockError:
    """Return the exception for the first task of a circle, which is about to close it."""
    _task_tree, _waits = _late.load("stook._task_tree"), _late.load("stook._waits")
    lines = ["these tasks would await each other:"]
    for task, awaited in zip(circle, [*circle[1:], circle[0]], strict=True):
        where = _waits.waits_at(task)
        at = "" if where is None else f" at {_task_tree.place(where)}"
        lines.append(f"  {_name_of(task)} awaits {_name_of(awaited)}{at}")
    return DeadlockError("\n".join(lines))


class _NeverBegan(NamedTuple):
    """A task that was cancelled before its first step, and what it would have had to do with."""

    name: str
    record: Any
    had: list[Any]


def never_began(task: Any) -> None:
    """Remember a task that is cancelled before its first step; called by the compiled part.

    What it has to do with is what the variables of its coroutine hold, also those of functions
    around it, and what is in the objects that these hold.
    """
    held = _variables(task.get_coro())
    for each in tuple(held):
        held += _inside(each)
    had = []
    for each in held:
        if not is_a(each, *_NO_OBJECTS) and type(each).__weakrefoffset__:
            had.append(weakref.ref(each))
    loop = task.get_loop()
    remembered = _never_began.setdefault(loop, collections.deque(maxlen=_MOST_REMEMBERED))
    remembered.append(_NeverBegan(_name_of(task), _core.cancellation(task), had))


def _variables(coroutine: Any) -> list[Any]:
    """Return what a coroutine holds, and what coroutines hold that it has been given."""
    held: list[Any] = []
    left, seen = [coroutine], {id(coroutine)}
    while left and len(held) < _MOST_HELD:
        for each in gc.get_referents(left.pop()):
            if type(each) not in _HOLDERS:
                held.append(each)
            elif id(each) not in seen:
                seen.add(id(each))
                left.append(each)
    return held


def _inside(thing: Any) -> list[Any]:
    """Return what is in an object: its items or its attributes. Nothing of the program's runs."""
    if is_a(thing, *_NO_OBJECTS):
        return []
    if type(thing) in _CONTAINERS:
        return gc.get_referents(thing) if len(thing) <= _MOST_HELD else []
    found = []
    for kind in type(thing).__mro__[:-1]:
        names = vars(kind)
        # By their kinds: a property of the program's is neither.
        if is_a(names.get("__dict__"), types.GetSetDescriptorType):
            found += names["__dict__"].__get__(thing).values()
        for slot in names.values() if "__slots__" in names else ():
            if is_a(slot, types.MemberDescriptorType):
                with contextlib.suppress(AttributeError):
                    found.append(slot.__get__(thing))
    return found


def _named_as_never_begun(loop: Any, graph: Any) -> list[str]:
    """Return a line of each task that never began, with who waits for what it had."""
    lines = []
    for one in _never_began.get(loop, ()):
        had = [thing for reference in one.had if (thing := reference()) is not None]
        waiting = [
            _named(info.name)
            for info in graph.tasks
            if info.wait is not None and any(info.wait.what is thing for thing in had)
        ]
        said = f"{one.name} was cancelled before its first step"
        if one.record is not None:
            said += f": {one.record.explain().splitlines()[0]}"
        if waiting:
            verb = "waits" if len(waiting) == 1 else "wait"
            said += f"\n  it had what {', '.join(waiting)} {verb} for"
        lines.append(said)
    return lines


def look_at(loop: Any, is_first: bool) -> bool:
    """Tell of a loop in which nothing can go on; called by the compiled part while the loop waits.

    Args:
        loop: The event loop.
        is_first: Whether it has not been looked at before in this wait. Later looks see whether
            other threads have ended, and who waits for whom only then: in the loop nothing has run.

    Returns:
        Whether it is not to be asked again in this run.

    Raises:
        DeadlockError: The program has asked for that.
        SystemExit: The program has asked for that.
    """
    try:
        found = _found(loop, is_first)
    except Exception as error:
        # What cannot be told is no reason to end the program.
        _core._unraisable(error, look_at)
        return True
    if found is None:
        return False
    _tell(*found)
    return True


def _found(loop: Any, is_first: bool) -> tuple[Any, str] | None:
    """Return who waits for whom where nothing can go on, and that in words."""
    if _may_be_woken(loop):
        return None
    others = other_threads()
    threads = (others, has_idle_threads())
    if not is_first and _threads_seen.get(loop) == threads:
        return None
    _threads_seen[loop] = threads
    graph = _late.load("stook._wait_graph").wait_graph(loop)
    if not graph.tasks or not all(map(_waits_for_loop, graph.tasks)):
        return None
    if others and not graph.stuck:
        return None
    waits = [info.wait for info in graph.tasks if info.wait is not None]
    if any(_is_from_outside(wait, is_alone=not others) for wait in waits):
        return None
    if loop._ready:
        # A thread has woken the loop since then, and may have ended.
        return None
    return graph, _said(graph, others, _named_as_never_begun(loop, graph))


def _waits_for_loop(info: Any) -> bool:
    """Whether a task of a loop that waits for events waits: so does one that has run it again."""
    return info.state == "waiting" or getattr(info.task.get_coro(), "cr_running", False)


def _may_be_woken(loop: Any) -> bool:
    """Whether something else than a thread may end the loop's wait."""
    own = {loop._ssock.fileno()} if loop._ssock is not None else set()
    if set(loop._selector.get_map() or ()) - own or loop._signal_handlers:
        return True
    return any(_is_programs_own(handler) for handler in _handlers())


def _handlers() -> list[Any]:
    # Not that of `signal`: it shows a handler as text, and with that whatever the handler holds.
    found = (_signal.getsignal(number) for number in sorted(signal.valid_signals()))
    return [handler for handler in found if callable(handler)]


def _is_programs_own(handler: Any) -> bool:
    if handler is signal.default_int_handler:
        return False
    if is_limit_of_a_test(handler):
        return False
    # `asyncio.Runner` cancels its main task when it is interrupted.
    method = handler.func if is_a(handler, functools.partial) else handler
    if not is_a(method, types.MethodType):
        return True
    return function_name(method.__func__) != "Runner._on_sigint"


def is_limit_of_a_test(function: Any) -> bool:
    """Whether a handler or a timer's function is the time limit of a test, which only ends it."""
    return getattr(function, "__module__", None) in ("stook._testing.hangs", "pytest_timeout")


def _is_from_outside(wait: Any, is_alone: bool) -> bool:
    """Whether something else than a task may end a wait.

    Descriptors that the loop watches and the signal of a process that ends do not count here: a
    loop that has such is not asked about. So a server, say, waits in vain for connections of which
    none is watched any more.
    """
    if wait.until is not None:
        return True
    if wait.kind == "executor":
        return not is_alone or has_idle_threads()
    return not is_alone and wait.kind in ("io", "process", "server")


def other_threads() -> list[str]:
    """Return the names of the other threads that may wake a task; those nobody knows last."""
    frames = sys._current_frames()
    # What runs here is among them, and has them all: a circle, by which the locals of the other
    # threads would outlive these.
    del frames[_thread.get_ident()]
    threads = {thread.ident: thread for thread in threading.enumerate()}
    others = [
        threads[number].name if number in threads else f"thread {number}"
        for number, frame in frames.items()
        if not is_limit_of_a_test(getattr(threads.get(number), "function", None))
        and not _waits_for_jobs(frame)
        and not _watches(number)
        and not _is_of_execnet(frame)
    ]
    try:
        native = len(os.listdir("/proc/self/task"))
    except OSError:
        native = 0
    if native > len(frames) + 1:
        others.append("one that is not Python's")
    return others


def has_idle_threads() -> bool:
    """Whether there is a thread of an executor that has nothing to do."""
    return any(map(_waits_for_jobs, sys._current_frames().values()))


def _watches(thread: int) -> bool:
    """Whether a thread is stook's own, which watches loops."""
    watcher = sys.modules.get("stook._watcher")
    return watcher is not None and watcher.is_watcher(thread)


def _waits_for_jobs(frame: Any) -> bool:
    """Whether a thread of an executor has nothing to do."""
    if frame.f_globals.get("__name__") == "stook._executor":
        frame = frame.f_back
    pools = sys.modules.get("concurrent.futures.thread")
    return pools is not None and frame is not None and frame.f_code is pools._worker.__code__


def _is_of_execnet(frame: Any) -> bool:
    """Whether a thread waits for what ``pytest -n`` has to say, which is nothing to the tests."""
    return str(frame.f_globals.get("__name__")).startswith("execnet.")


def tell_of_part(graph: Any, lines: list[str]) -> None:
    """Tell of tasks that can never go on, while others of their loop do.

    Args:
        graph: These tasks.
        lines: What is said of them beside their tree.
    """
    if callable(_policy):
        _call(graph)
    else:
        tree = _late.load("stook._task_tree").tree(graph, _MOST_SHOWN)
        said = ["tasks can never go on", tree, *lines]
        _standard_error.write("\n".join(said))


def _call(graph: Any) -> None:
    try:
        _policy(graph)
    except BaseException as error:
        _core._unraisable(error, _policy)


def _tell(graph: Any, said: str) -> None:
    if callable(_policy):
        _call(graph)
        return
    if _policy == "raise":
        raise DeadlockError(said)
    _standard_error.write(said)
    if _policy == "exit":
        raise SystemExit(EXIT_STATUS)


def _said(graph: Any, others: list[str], never_begun: list[str]) -> str:
    tree = _late.load("stook._task_tree").tree(graph, _MOST_SHOWN)
    tree = "\n".join([tree, *never_begun])
    if not others:
        return f"nothing can go on: every task waits, and nothing is to come\n{tree}"
    threads = ", ".join(sorted(others))
    return f"tasks wait for each other, unless another thread wakes them ({threads})\n{tree}"
