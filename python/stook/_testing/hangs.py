"""Ending a test that hangs, with who waits for whom.

The limit is an alarm of the main thread. The coroutine of a test is asked to cancel, so that it may
clean up and its loop can go on to serve other tests. What has not ended some time after that, and
whatever is no coroutine, is left by an exception, as by Ctrl-C.

Does not end: C code that never looks for signals; tests that run in another thread than the main
one.
"""

import asyncio
import gc
import math
import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import _pytest
import pluggy
import pytest

from stook import _deadlock, _task_tree, _wait_graph, _waits
from stook._cancellation import Place
from stook._testing.watched import WatchedTest

GRACE_SECONDS = 2.0
"""How long a coroutine that was asked to cancel may take, and what is left by an exception."""
_MOST_SHOWN = 50
_PHASES = {
    "setup": "the fixtures of the test have not been set up",
    "call": "the test has not ended",
    "teardown": "the fixtures of the test have not ended",
}
_OF_PYTEST = tuple(os.path.dirname(str(of.__file__)) + os.sep for of in (_pytest, pluggy))
_Failed: Any = pytest.fail.Exception


class TimeUp(_Failed, SystemExit):
    """Ends a test: to pytest a failure, to asyncio what leaves the loop whatever task it meets."""

    def __init__(self, said: str) -> None:
        _Failed.__init__(self, said, pytrace=False)


@contextmanager
def limited(test: WatchedTest) -> Iterator[None]:
    """Limit the time of this block, which is one phase of a test.

    Where another alarm is set, the program's or another plugin's, it is set again afterwards, with
    what is left of its time; if it is to come first, there is no limit here. What pytest-timeout
    says is told with who waits for whom.
    """
    limit = test.settings.timeout
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    delay, interval = signal.getitimer(signal.ITIMER_REAL)
    previous: Any = signal.getsignal(signal.SIGALRM)
    comes_first = 0.0 < delay <= (math.inf if limit is None else limit)
    if comes_first and _deadlock.is_limit_of_a_test(previous):
        with _explained(test, previous):
            yield
        return
    if limit is None or previous is None or comes_first:
        yield
        return
    alarm = _Alarm(test, limit)
    begun = time.monotonic()
    signal.signal(signal.SIGALRM, alarm.ring)
    signal.setitimer(signal.ITIMER_REAL, limit, GRACE_SECONDS)
    try:
        yield
    finally:
        alarm.is_off = True
        # One that was set in the block stays.
        if signal.getsignal(signal.SIGALRM) == alarm.ring:
            left = delay - (time.monotonic() - begun)
            # One that was due meanwhile lets a test that was ended say why, and its fixtures end.
            left = max(left, GRACE_SECONDS if alarm.has_rung else 1e-6) if delay else 0.0
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, previous)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextmanager
def _explained(test: WatchedTest, previous: Any) -> Iterator[None]:
    """Have what another plugin's alarm ends told with who waits for whom at that moment.

    It is ended as by an alarm of our own: a failure that is raised in whatever runs may be taken
    for the end of some task.
    """

    def ring(number: int, frame: Any) -> None:
        __tracebackhide__ = True
        if test.stopped is not None:
            raise TimeUp(test.stopped)
        state = _state(frame)
        try:
            previous(number, frame)
        except _Failed as failed:
            test.stopped = f"stook: {_PHASES[test.phase]}: {failed}\n{state}"
        if test.stopped is not None:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS, GRACE_SECONDS)
            if not _asked_to_end(test):
                raise TimeUp(test.stopped)

    signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:
            signal.signal(signal.SIGALRM, previous)


class _Alarm:
    def __init__(self, test: WatchedTest, limit: float) -> None:
        self.test = test
        self.limit = limit
        self.is_off = False
        self.has_rung = False

    def ring(self, number: int, frame: Any) -> None:
        """End the test: by a request the first time, where it is a coroutine."""
        __tracebackhide__ = True
        test = self.test
        if self.is_off:
            return
        self.has_rung = True
        is_first = test.stopped is None
        if test.stopped is None:
            what = f"{_PHASES[test.phase]} after {_seconds(self.limit)}"
            test.stopped = f"stook: {what}\n{_state(frame)}"
        if is_first and _asked_to_end(test):
            return
        raise TimeUp(test.stopped)


def _seconds(number: float) -> str:
    return "1 second" if number == 1 else f"{number:g} seconds"


def stop_alarm() -> None:
    """Let a test go on for as long as it takes: somebody looks at it in a debugger."""
    if getattr(signal.getsignal(signal.SIGALRM), "__module__", None) == __name__:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _asked_to_end(test: WatchedTest) -> bool:
    if test.phase != "call" or test.task is None or test.task.done():
        return False
    running: Any = asyncio._get_running_loop()
    if running is not test.loop:
        return False
    running.call_soon_threadsafe(test.interrupt)
    return True


def _state(frame: Any) -> str:
    """Return in words where all is while this thread is interrupted at a frame."""
    lines = []
    places = _places(frame)
    if places:
        lines.append(f"{threading.current_thread().name} is running")
        lines += [f"  at {_task_tree.place(place)}" for place in places]
    here = asyncio._get_running_loop()
    if here is not None:
        lines.append(_tree(_wait_graph.wait_graph(here)))
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for loop in _running_loops():
        graph = _wait_graph.wait_graph(loop)
        if loop is not here and graph.tasks:
            name = names.get(getattr(loop, "_thread_id", None), "another thread")
            lines += [f"on the loop of {name}:", _tree(graph)]
    return "\n".join(lines)


def _places(frame: Any) -> list[Place]:
    """Return the program's lines, the newest first, up to the loop or pytest."""
    places = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_OF_PYTEST) or (
            code.co_name == "run_forever" and not _waits.is_outside(code)
        ):
            break
        if _waits.is_outside(code) and code.co_filename != selectors.__file__:
            places.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
        frame = frame.f_back
    return places


def _running_loops() -> list[Any]:
    # By the type: proxies may do anything when they are asked for their class.
    loops = [each for each in gc.get_objects() if issubclass(type(each), asyncio.AbstractEventLoop)]
    return [loop for loop in loops if loop.is_running()]


def _tree(graph: Any) -> str:
    return _task_tree.tree(graph, _MOST_SHOWN)


@contextmanager
def watched_for_deadlocks(test: WatchedTest) -> Iterator[None]:
    """End the test, in this block, as soon as nothing in a loop of stook's can go on.

    What the program has asked for in such a case is done again afterwards.
    """
    if not test.settings.deadlocks:
        yield
        return

    def end(graph: Any) -> None:
        _end_by_deadlock(test, graph)

    previous = _deadlock._policy
    _deadlock.on_deadlock(end)
    try:
        yield
    finally:
        if _deadlock._policy is end:
            _deadlock.on_deadlock(previous)


def _end_by_deadlock(test: WatchedTest, graph: Any) -> None:
    loop: Any = asyncio._get_running_loop()
    if loop is not None and not _concerns(test, loop, graph):
        # The test itself goes on.
        print(f"stook: tasks can never go on\n{_tree(graph)}", file=sys.stderr)
        return
    others = _deadlock.other_threads()
    said = _deadlock._said(graph, others, _deadlock._named_as_never_begun(loop, graph))
    if loop is None or others or threading.get_ident() != test.thread:
        # Others may still wake it; or it is none of the test's own.
        print(f"stook: {said}", file=sys.stderr)
        return
    test.stopped = f"stook: {said}"
    if not _asked_to_end(test):
        loop.call_soon_threadsafe(_leave, test.stopped)


def _concerns(test: WatchedTest, loop: Any, graph: Any) -> bool:
    stuck = {id(info.task) for info in graph.tasks}
    if test.task is not None and loop is test.loop:
        return id(test.task) in stuck
    return all(id(task) in stuck for task in asyncio.all_tasks(loop))


def _leave(said: str) -> None:
    __tracebackhide__ = True
    raise TimeUp(said)
