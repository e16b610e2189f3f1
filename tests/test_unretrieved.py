"""Exceptions that nobody reads, tasks that are lost, and loops that keep their tasks."""

import asyncio
import gc
import weakref

import pytest

import stook
from engines import INSTALLED
from loops import LOOPS, run_on
from stook import _unretrieved

pytestmark = pytest.mark.needs_stook


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


@pytest.fixture(autouse=True)
def _asyncios_policy_afterwards():
    yield
    stook.on_unretrieved(None)


async def fails():
    """Raise at once."""
    raise OSError("lost")


async def lose_one():
    """Make a task that fails, and forget it."""
    task = asyncio.ensure_future(fails())
    line = lose_one.__code__.co_firstlineno + 2
    await asyncio.wait([task])
    del task
    gc.collect()
    return line


def test_a_function_is_told_who_made_the_task(run):
    told = []

    async def main():
        stook.on_unretrieved(told.append)
        return await lose_one()

    line = run(main)
    [lost] = told
    assert (type(lost.exception), str(lost.exception)) == (OSError, "lost")
    assert lost.created == (__file__, line, "lose_one")
    assert isinstance(lost.future, asyncio.Task)


def test_the_log_has_the_line(run):
    reports = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        await lose_one()
        stook.on_unretrieved("log")
        return await lose_one()

    line = run(main)
    assert "created_at" not in reports[0]
    assert reports[1]["created_at"] == f"{__file__}:{line}, in lose_one"
    assert reports[1]["message"] == "Task exception was never retrieved"


def test_the_default_report_is_logged_with_the_line(run, caplog):
    async def main():
        # In debug mode the log has the whole stack.
        asyncio.get_running_loop().set_debug(False)
        await asyncio.sleep(0)
        return await lose_one()

    line = run(main)
    [record] = caplog.records
    assert record.message.startswith("Task exception was never retrieved\n")
    assert f"\ncreated_at: {__file__}:{line}, in lose_one\n" in record.message


def test_run_raises_what_nobody_read():
    stook.on_unretrieved("raise")
    with pytest.raises(ExceptionGroup) as caught:
        stook.run(lose_one())
    assert [str(error) for error in caught.value.exceptions] == ["lost"]
    assert stook.run(asyncio.sleep(0, "nothing is left over")) == "nothing is left over"


def test_an_error_of_the_program_goes_before_what_nobody_read(caplog):
    async def main():
        await lose_one()
        raise KeyError("of the program")

    stook.on_unretrieved("raise")
    with pytest.raises(KeyError, match="of the program"):
        stook.run(main())
    [told] = caplog.records
    assert told.getMessage().startswith("Task exception was never retrieved")
    assert str(told.exc_info[1]) == "lost"
    assert stook.run(asyncio.sleep(0, "nothing is left over")) == "nothing is left over"


def test_what_a_loop_of_another_run_leaves_is_reported_there(caplog):
    stook.on_unretrieved("raise")
    loop = stook.new_event_loop()
    try:
        loop.run_until_complete(lose_one())
    finally:
        loop.close()
    [told] = caplog.records
    assert str(told.exc_info[1]) == "lost"
    assert stook.run(asyncio.sleep(0, "clean")) == "clean"


def test_a_policy_that_raises_stops_nothing(run, capsys):
    import sys

    unraisable = []

    def policy(lost):
        raise KeyError("in the policy")

    async def main():
        before, sys.unraisablehook = sys.unraisablehook, lambda told: unraisable.append(told)
        try:
            stook.on_unretrieved(policy)
            await lose_one()
        finally:
            sys.unraisablehook = before
        return "went on"

    assert run(main) == "went on"
    assert [type(told.exc_value) for told in unraisable] == [KeyError]


def test_a_lost_task_is_told_of(run):
    told = []

    async def waits():
        await asyncio.get_running_loop().create_future()

    async def main():
        stook.on_unretrieved(told.append)
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        del task
        gc.collect()

    run(main)
    [lost] = told
    assert lost.exception is None
    assert lost.created.function == main.__qualname__


@pytest.mark.parametrize("how", [3, "warn", []])
def test_no_other_policy_is_taken(how):
    with pytest.raises(TypeError, match="takes None, 'log', 'raise' or a function"):
        stook.on_unretrieved(how)


@pytest.mark.parametrize("loop_factory", [None, asyncio.SelectorEventLoop])
def test_a_loop_that_keeps_tasks_loses_none(loop_factory):
    ended = []

    async def waits():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    async def done():
        return None

    async def main():
        asyncio.ensure_future(waits())
        finished = weakref.ref(asyncio.ensure_future(done()))
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        assert len(asyncio.all_tasks()) == 2
        assert finished() is None
        assert ended == []

    stook.run(main(), keep_tasks=True, loop_factory=loop_factory)
    assert ended == ["cleaned up"]


def test_keeping_can_be_switched_on_and_off():
    async def waits():
        await asyncio.get_running_loop().create_future()

    async def main():
        loop = asyncio.get_running_loop()
        assert loop.keep_tasks is False
        first = weakref.ref(asyncio.ensure_future(waits()))
        loop.keep_tasks = True
        second = weakref.ref(asyncio.ensure_future(waits()))
        await asyncio.sleep(0)
        gc.collect()
        assert first() is not None and second() is not None
        assert loop.keep_tasks is True
        for task in (first(), second()):
            task.cancel()
        del task
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        assert first() is None and second() is None
        loop.keep_tasks = False

    stook.run(main())


def test_a_closed_loop_keeps_nothing():
    async def waits():
        await asyncio.get_running_loop().create_future()

    loop = stook.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.keep_tasks = True
    task = weakref.ref(loop.create_task(waits()))
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert task() is not None
    loop.close()
    gc.collect()
    assert task() is None


def other_loop(name, *, with_factory):
    """Make a loop of asyncio's or uvloop's, with stook's tasks on it or without."""
    loop = LOOPS[name]()
    if not with_factory:
        loop.set_task_factory(None)
    return loop


async def waits_for_nobody():
    """Wait for what nothing else refers to."""
    await asyncio.get_running_loop().create_future()


def lost(loop):
    """Make a task that waits, and forget it; return a weak reference."""
    return weakref.ref(loop.create_task(waits_for_nobody()))


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("with_factory", [True, False])
@pytest.mark.parametrize("sets_it_inside", [True, False])
def test_other_loops_keep_tasks_with_stooks_factory(name, with_factory, sets_it_inside):
    async def main():
        loop = asyncio.get_running_loop()
        if sets_it_inside:
            loop.set_task_factory(stook.task_factory)
        task = lost(loop)
        await asyncio.sleep(0)
        gc.collect()
        assert task() is not None
        is_stooks = with_factory or sets_it_inside or INSTALLED
        assert isinstance(task(), stook.Task) == is_stooks

    loop_factory = lambda: other_loop(name, with_factory=with_factory)  # noqa: E731
    stook.run(main(), keep_tasks=True, loop_factory=loop_factory)


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_a_program_says_that_another_loop_is_to_keep_tasks(name):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        first = lost(loop)
        loop.keep_tasks = True
        second = lost(loop)
        await asyncio.sleep(0)
        gc.collect()
        assert second() is not None
        second().cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        # A loop of stook's keeps those as well that were there before.
        assert first() is None or INSTALLED
        assert second() is None
        loop.keep_tasks = False
        third = lost(loop)
        await asyncio.sleep(0)
        gc.collect()
        assert third() is None

    run_on(name, main)


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_another_loop_that_is_closed_keeps_nothing(name):
    loop = LOOPS[name]()
    loop.set_exception_handler(lambda *_: None)
    loop.keep_tasks = True
    task = lost(loop)
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert task() is not None
    loop.close()
    gc.collect()
    assert task() is None
    assert loop.is_closed()


@pytest.mark.parametrize("policy", [None, "log"])
def test_who_watches_is_told_as_well_as_the_loop(run, policy):
    told, reports = [], []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: reports.append(context))
        stook.on_unretrieved(policy)
        return await lose_one()

    _unretrieved.watch(told.append)
    try:
        line = run(main)
    finally:
        _unretrieved.forget(told.append)
    assert [lost.created.line for lost in told] == [line]
    [context] = reports
    assert context["message"] == "Task exception was never retrieved"
    assert ("created_at" in context) == (policy is not None)
    stook.on_unretrieved(None)
    run(lose_one)
    assert len(told) == 1
