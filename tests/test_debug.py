"""Debug mode: how it is switched on and what it adds."""

import asyncio
import gc
import logging
import sys
import traceback
import warnings

import pytest

from programs import output_of, run_python


async def value(result):
    """Return at once."""
    return result


def test_mode_can_be_switched(loop):
    loop.set_debug(True)
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


def test_loop_that_runs_can_be_switched(engine, loop):
    depths = []

    async def main():
        for mode in (True, False, True):
            loop.set_debug(mode)
            await engine.sleep(0)
            depths.append(sys.get_coroutine_origin_tracking_depth() > 0)

    loop.set_debug(False)
    before = sys.get_coroutine_origin_tracking_depth()
    loop.run_until_complete(main())
    assert depths == [True, False, True]
    assert sys.get_coroutine_origin_tracking_depth() == before


@pytest.mark.parametrize("mode", [True, False])
def test_runner_sets_the_mode(engine, mode):
    async def main():
        return engine.get_running_loop().get_debug()

    assert engine.run(main(), debug=mode) is mode


PRINT_MODE = """
import asyncio
async def main():
    print(asyncio.get_running_loop().get_debug())
asyncio.run(main())
"""


@pytest.mark.needs_stook
@pytest.mark.parametrize(
    ("variable", "options", "expected"),
    [("", [], "False"), ("1", [], "True"), ("", ["-X", "dev"], "True")],
)
def test_environment_and_option_switch_it_on(variable, options, expected):
    process = run_python(
        [*options, "-m", "stook", "-c", PRINT_MODE], environment={"PYTHONASYNCIODEBUG": variable}
    )
    assert output_of(process).strip() == expected


class TestPlaceOfMaking:
    """Futures, tasks and handles know the stack that made them."""

    @pytest.fixture
    def debug_loop(self, loop):
        """Give a loop in debug mode."""
        loop.set_debug(True)
        return loop

    def last(self, thing):
        """Return the innermost frame of the making."""
        frame = thing._source_traceback[-1]
        return frame.filename, frame.name

    def test_future(self, engine, debug_loop):
        here = (__file__, "test_future")
        assert self.last(engine.Future(loop=debug_loop)) == here
        assert self.last(debug_loop.create_future())[1] in ("test_future", "create_future")

    @pytest.mark.lazy
    def test_task(self, engine, debug_loop):
        here = (__file__, "test_task")
        task = debug_loop.create_task(value(1))
        assert self.last(task) == here
        direct = engine.Task(value(1), loop=debug_loop)
        assert self.last(direct) == here
        debug_loop.run_until_complete(engine.gather(task, direct))

    @pytest.mark.parametrize("name", ["call_soon", "call_soon_threadsafe", "call_later", "call_at"])
    def test_handles(self, debug_loop, name):
        before = (0,) if name in ("call_later", "call_at") else ()
        handle = getattr(debug_loop, name)(*before, print)
        assert self.last(handle) == (__file__, "test_handles")
        handle.cancel()

    def test_out_of_debug_mode_there_is_none(self, engine, quiet_loop):
        handle = quiet_loop.call_soon(print)
        assert not handle._source_traceback
        handle.cancel()
        assert engine.Future(loop=quiet_loop)._source_traceback is None

    def test_frames_are_those_of_a_traceback(self, engine, debug_loop):
        future = engine.Future(loop=debug_loop)
        assert isinstance(future._source_traceback, traceback.StackSummary)
        assert future._source_traceback[-1].lineno > 0


def test_slow_callback_is_logged(loop, turns, caplog):
    def slow(): ...

    loop.set_debug(True)
    loop.slow_callback_duration = 0
    caplog.set_level(logging.WARNING, "asyncio")
    loop.call_soon(slow)
    turns()
    [message] = [record.message for record in caplog.records if "slow" in record.message]
    assert message.startswith("Executing <Handle test_slow_callback_is_logged.<locals>.slow() at")
    assert " took 0.0" in message
    assert message.endswith(" seconds")


def test_slow_callback_goes_to_the_logger_of_the_moment(loop, turns, monkeypatch):
    warnings_logged = []

    class Logger:
        debug = info = error = lambda self, *args, **kwargs: None

        def warning(self, message, *args):
            warnings_logged.append(message % args)

    monkeypatch.setattr(asyncio.base_events, "logger", Logger())
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    loop.call_soon(int)
    turns()
    assert warnings_logged[0].startswith("Executing <Handle int() ")


def test_slow_step_is_logged_with_the_task(engine, loop, caplog):
    async def slow():
        await engine.sleep(0)

    loop.set_debug(True)
    loop.slow_callback_duration = 0
    caplog.set_level(logging.WARNING, "asyncio")
    task = engine.Task(slow(), loop=loop, name="slow task")
    loop.run_until_complete(task)
    messages = [record.message for record in caplog.records if "name='slow task'" in record.message]
    assert messages
    assert messages[0].startswith("Executing <Task pending name='slow task' coro=<")
    assert messages[0].endswith(" seconds")


@pytest.mark.parametrize("function", ["gather", "wait"])
def test_slow_counting_of_children_is_logged(engine, loop, caplog, function):
    async def main():
        child = loop.create_future()
        loop.call_soon(child.set_result, None)
        waiting = {"gather": lambda: engine.gather(child), "wait": lambda: engine.wait([child])}
        await waiting[function]()

    loop.set_debug(True)
    loop.slow_callback_duration = 0
    loop.run_until_complete(main())
    # asyncio has functions inside its own here; see the differences.
    names = ("._done_callback(", "._on_completion(")
    messages = [record.message for record in caplog.records]
    assert len([text for text in messages if any(name in text for name in names)]) == 1


def test_quick_callbacks_are_not_logged(loop, turns, caplog):
    loop.set_debug(True)
    loop.slow_callback_duration = 1000
    caplog.set_level(logging.WARNING, "asyncio")
    loop.call_soon(int)
    turns()
    assert caplog.records == []


def test_slow_callback_out_of_debug_mode_is_not_logged(quiet_loop, turns, caplog):
    quiet_loop.slow_callback_duration = 0
    quiet_loop.call_soon(int)
    turns()
    assert caplog.records == []


def test_duration_is_a_tenth_of_a_second_at_first(loop):
    assert loop.slow_callback_duration == 0.1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_never_awaited_coroutine_names_its_making(engine, loop):
    async def main():
        value("forgotten")
        await engine.sleep(0)

    loop.set_debug(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.run_until_complete(main())
        gc.collect()
    [warning] = caught
    text = str(warning.message)
    assert text.startswith("coroutine 'value' was never awaited\nCoroutine created at")
    assert "in main" in text


async def test_all_of_it_works_in_debug_mode(engine, loop):
    loop.set_debug(True)
    results = await engine.gather(value(1), loop.create_task(value(2)), engine.sleep(0.001, 3))
    assert results == [1, 2, 3]
    done, pending = await engine.wait([loop.create_task(value(4))], timeout=5)
    assert (len(done), len(pending)) == (1, 0)
    async with asyncio.timeout(5):
        await engine.sleep(0)


@pytest.mark.needs_stook
@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_tasks_on_loops_of_others_are_made_where_the_program_makes_them(name):
    import stook
    from loops import LOOPS

    made = {}

    async def main():
        loop = asyncio.get_running_loop()
        made["main"] = asyncio.current_task()
        made["create_task"] = asyncio.create_task(value(1))
        made["ensure_future"] = asyncio.ensure_future(value(1))
        made["loop"] = loop.create_task(value(1))
        made["itself"] = stook.task_factory(loop, value(1))
        gathered = asyncio.gather(value(1))
        [made["gather"]] = asyncio.all_tasks() - set(made.values())
        await gathered
        async with asyncio.TaskGroup() as group:
            made["group"] = group.create_task(value(1))

    stook.run(main(), debug=True, loop_factory=LOOPS[name])
    for how, task in made.items():
        last = task._source_traceback[-1]
        function = (
            "test_tasks_on_loops_of_others_are_made_where_the_program_makes_them"
            if how == "main"
            else "main"
        )
        assert (last.filename, last.name) == (__file__, function), how
        assert f"created at {__file__}:{last.lineno}" in repr(task)
