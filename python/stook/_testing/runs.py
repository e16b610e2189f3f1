"""What of a test runs on loops: its coroutine, and the runs that it starts itself.

On a loop of others that has no factory of tasks its tasks are stook's meanwhile; so it is known
which line made them, what they swallow and what nobody reads.
"""

import asyncio
import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stook import _factory, _platform, _shutdown
from stook._testing import leaks
from stook._testing.watched import WatchedTest, is_about_to_end, owner, pending_tasks

_core = _platform.load_core()

_MOST_TURNS = 16
"""So many turns of the loop are given to tasks that are about to end when the test is over."""


@contextmanager
def coroutine_watched(test: WatchedTest) -> Iterator[None]:
    """Watch the coroutine of a test in this block; if it has none, what it runs itself."""
    place = _place_of_coroutine(test.item)
    if place is None:
        token = owner.set(test)
        try:
            yield
        finally:
            owner.reset(token)
        return
    holder, name = place
    function = getattr(holder, name)
    had = vars(holder).get(name)
    setattr(holder, name, _watched(test, function))
    try:
        yield
    finally:
        if had is None and holder is not test.item:
            delattr(holder, name)
        else:
            setattr(holder, name, function)


def _place_of_coroutine(item: pytest.Item) -> tuple[Any, str] | None:
    """Return what has the coroutine function that a test is, and by which attribute."""
    if not isinstance(item, pytest.Function):
        return None
    places: list[tuple[Any, str]] = [(item, "obj")]
    if leaks.is_unittest(item):
        places = [(item.instance, item.name)]
    elif hasattr(item.obj, "hypothesis"):
        places = [(item.obj.hypothesis, "inner_test")]
    for holder, name in places:
        if inspect.iscoroutinefunction(getattr(holder, name, None)):
            return holder, name
    return None


def _watched(test: WatchedTest, function: Any) -> Any:
    @functools.wraps(function)
    async def run(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        loop = asyncio._get_running_loop()
        if loop is None:
            # A loop of another kind, such as Trio's.
            return await function(*arguments, **named)
        test.loop, test.task = loop, asyncio.current_task()
        token = owner.set(test)
        try:
            with _run_for(test, loop):
                return await _settled(test, function(*arguments, **named))
        except asyncio.CancelledError:
            if test.stopped is None or test.phase != "call":
                raise
            test.task.uncancel()
            raise pytest.fail.Exception(test.stopped, pytrace=False) from None
        finally:
            leaks.look(test, "over", loop)
            owner.reset(token)
            test.task = None

    return run


async def _settled(test: WatchedTest, coroutine: Any) -> Any:
    """Await the coroutine of a test, and let those of its tasks end that are about to."""
    __tracebackhide__ = True
    try:
        result = await coroutine
    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        await _settle(test)
        raise
    await _settle(test)
    return result


async def _settle(test: WatchedTest) -> None:
    for _ in range(_MOST_TURNS):
        if not any(map(is_about_to_end, pending_tasks(test, test.loop))):
            return
        await asyncio.sleep(0)


@contextmanager
def _run_for(test: WatchedTest, loop: Any) -> Iterator[None]:
    """Note that a loop runs something of a test, and have its tasks be stook's in this block."""
    test.loops.add(loop)
    if isinstance(loop, _core.LoopCore) or loop.get_task_factory() is not None:
        yield
        return
    loop.set_task_factory(_factory.task_factory)
    try:
        yield
    finally:
        if loop.get_task_factory() is _factory.task_factory:
            loop.set_task_factory(None)


_own_run = asyncio.Runner.run
_own_close = asyncio.Runner.close
_own_shut_down = _shutdown.shut_down


@functools.wraps(_own_run)
def _run(self: Any, coro: Any, *, context: Any = None) -> Any:
    __tracebackhide__ = True
    test = owner.get()
    if test is None:
        return _own_run(self, coro, context=context)
    loop = self.get_loop()
    with _run_for(test, loop):
        try:
            return _own_run(self, coro, context=context)
        except BaseException:
            # Where the run was broken off, what it ran is there still, and no leak.
            for task in pending_tasks(test, loop):
                if task.get_coro() is coro:
                    test.told.add(id(task))
            raise


@functools.wraps(_own_close)
def _close(self: Any) -> None:
    __tracebackhide__ = True
    _look_before_closing(getattr(self, "_loop", None))
    _own_close(self)


@functools.wraps(_own_shut_down)
def _shut_down(loop: Any, grace: float) -> None:
    _look_before_closing(loop)
    _own_shut_down(loop, grace)


def _look_before_closing(loop: Any) -> None:
    test = WatchedTest.current
    if test is not None and loop is not None and test.stopped is None:
        leaks.look(test, "closing", loop)


_REPLACED: tuple[tuple[Any, str, Any, Any], ...] = (
    (asyncio.Runner, "run", _own_run, _run),
    (asyncio.Runner, "close", _own_close, _close),
    (_shutdown, "shut_down", _own_shut_down, _shut_down),
)
"""What holds a function, its name there, the function and what stands in its place."""


def watch() -> None:
    """Watch what ``asyncio.run``, ``stook.run`` and runners run, from now on."""
    for holder, name, _, ours in _REPLACED:
        setattr(holder, name, ours)


def forget() -> None:
    """End that."""
    for holder, name, own, ours in _REPLACED:
        if vars(holder)[name] is ours:
            setattr(holder, name, own)
