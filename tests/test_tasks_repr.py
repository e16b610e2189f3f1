"""How tasks show themselves: names, ``repr``, stacks."""

import collections.abc
import io
import re

import pytest


async def waiting(future):
    """Wait for ``future``."""
    return await future


WAITING_LINE = waiting.__code__.co_firstlineno


@pytest.mark.lazy
async def test_names_are_counted_up_unless_given(engine, loop):
    tasks = [loop.create_task(engine.sleep(0)) for _ in range(2)]
    numbers = [int(re.fullmatch(r"Task-(\d+)", task.get_name())[1]) for task in tasks]
    assert numbers[1] == numbers[0] + 1
    named = loop.create_task(engine.sleep(0), name="mine")
    assert named.get_name() == "mine"
    after = loop.create_task(engine.sleep(0))
    assert int(after.get_name().removeprefix("Task-")) == numbers[1] + 1
    await engine.gather(*tasks, named, after)


async def test_name_becomes_text(engine, loop):
    class Thing:
        def __str__(self):
            return "a thing"

    task = loop.create_task(engine.sleep(0), name=5)
    assert task.get_name() == "5"
    assert task.set_name(Thing()) is None
    assert task.get_name() == "a thing"
    task.set_name(None)
    assert task.get_name() == "None"
    task.set_name("")
    assert task.get_name() == ""
    await task


async def test_name_that_is_text_is_kept_as_it_is(engine, loop):
    class Text(str):
        pass

    name = Text("kept")
    task = engine.Task(engine.sleep(0), loop=loop, name="x")
    task.set_name(name)
    assert task.get_name() == "kept"
    await task


async def test_name_whose_text_fails_is_refused(engine, loop):
    class Thing:
        def __str__(self):
            raise LookupError("no name")

    task = loop.create_task(engine.sleep(0), name="before")
    with pytest.raises(LookupError, match="no name"):
        task.set_name(Thing())
    assert task.get_name() == "before"
    await task


async def test_repr_through_a_life(engine, quiet_loop):
    loop = quiet_loop
    future = loop.create_future()
    task = loop.create_task(waiting(future), name="T")
    if not engine.eager:
        assert repr(task) == (
            f"<Task pending name='T' coro=<waiting() running at {__file__}:{WAITING_LINE}>>"
        )
    await engine.sleep(0)
    place = f"{__file__}:{WAITING_LINE + 2}"
    shown = repr(task)
    assert shown.startswith(
        f"<Task pending name='T' coro=<waiting() running at {place}> wait_for=<Future pending cb=["
    )
    future.set_result("value")
    await task
    assert repr(task) == (
        f"<Task finished name='T' coro=<waiting() done, defined at {__file__}:{WAITING_LINE}> "
        "result='value'>"
    )


async def test_repr_of_failure_and_cancellation(engine, quiet_loop):
    loop = quiet_loop
    future = loop.create_future()
    failed = loop.create_task(waiting(future), name="F")
    future.set_exception(ValueError("bad"))
    cancelled = loop.create_task(waiting(loop.create_future()), name="C")
    await engine.sleep(0)
    cancelled.cancel()
    assert repr(cancelled).startswith("<Task cancelling name='C' coro=<waiting() running")
    await engine.wait([failed, cancelled])
    assert repr(failed).endswith("exception=ValueError('bad')>")
    assert repr(cancelled) == (
        f"<Task cancelled name='C' coro=<waiting() done, defined at {__file__}:{WAITING_LINE}>>"
    )
    failed.exception()


async def test_repr_shows_the_class_and_the_callbacks(engine, quiet_loop):
    class Job(engine.Task):
        pass

    def called(_): ...

    task = Job(engine.sleep(0), loop=quiet_loop, name="J")
    task.add_done_callback(called)
    assert repr(task).startswith("<Job pending name='J' coro=<sleep() ")
    assert "cb=[test_repr_shows_the_class_and_the_callbacks.<locals>.called() at" in repr(task)
    await task


@pytest.mark.lazy
async def test_repr_in_debug_mode_names_the_place_of_making(engine, loop):
    loop.set_debug(True)
    task = loop.create_task(waiting(loop.create_future()))
    line = task._source_traceback[-1].lineno
    assert f" created at {__file__}:{line}" in repr(task)
    task.cancel()
    await engine.wait([task])


async def test_repr_of_a_task_of_a_nameless_coroutine(engine, quiet_loop):
    class Bare:
        def send(self, value):
            raise StopIteration(1)

        throw = close = __await__ = send

    collections.abc.Coroutine.register(Bare)
    task = engine.Task(Bare(), loop=quiet_loop, name="B")
    assert repr(task) == "<Task pending name='B' coro=<<Bare without __name__>()>>"
    assert await task == 1


class TestStacks:
    """``get_stack`` and ``print_stack``."""

    async def test_stack_of_a_waiting_task_is_its_frame(self, engine, loop):
        task = loop.create_task(waiting(loop.create_future()))
        await engine.sleep(0)
        [frame] = task.get_stack()
        assert frame.f_code is waiting.__code__
        assert frame.f_lineno == WAITING_LINE + 2
        task.cancel()
        await engine.wait([task])

    async def test_stack_of_a_failed_task_is_its_traceback(self, engine, loop):
        def inner():
            raise ValueError("deep")

        async def outer():
            inner()

        task = loop.create_task(outer())
        await engine.wait([task])
        assert [frame.f_code.co_name for frame in task.get_stack()] == ["outer", "inner"]
        assert [frame.f_code.co_name for frame in task.get_stack(limit=1)] == ["outer"]
        assert task.get_stack(limit=0) == []
        task.exception()

    async def test_stack_of_a_finished_task_is_empty(self, engine, loop):
        task = loop.create_task(engine.sleep(0))
        await task
        assert task.get_stack() == []

    async def test_stack_of_the_running_task(self, engine, loop):
        frames = engine.current_task().get_stack(limit=1)
        assert [frame.f_code.co_name for frame in frames] == ["test_stack_of_the_running_task"]

    async def test_printed_stack_of_a_waiting_task(self, engine, quiet_loop):
        task = quiet_loop.create_task(waiting(quiet_loop.create_future()), name="W")
        await engine.sleep(0)
        out = io.StringIO()
        assert task.print_stack(file=out) is None
        lines = out.getvalue().splitlines()
        assert lines[0].startswith("Stack for <Task pending name='W' ")
        assert lines[0].endswith(" (most recent call last):")
        assert lines[1] == f'  File "{__file__}", line {WAITING_LINE + 2}, in waiting'
        assert lines[2] == "    return await future"
        task.cancel()
        await engine.wait([task])

    async def test_printed_stack_of_a_failed_task(self, engine, loop):
        async def fail():
            raise ValueError("printed")

        task = loop.create_task(fail())
        await engine.wait([task])
        out = io.StringIO()
        task.print_stack(limit=5, file=out)
        text = out.getvalue()
        assert text.startswith("Traceback for <Task finished name=")
        assert text.endswith("ValueError: printed\n")
        task.exception()

    async def test_printed_stack_of_a_finished_task(self, engine, loop, capsys):
        task = loop.create_task(engine.sleep(0))
        await task
        task.print_stack()
        assert capsys.readouterr().out.startswith("No stack for <Task finished ")

    async def test_arguments_are_keywords(self, engine, loop):
        task = engine.current_task()
        with pytest.raises(TypeError):
            task.get_stack(1)
        with pytest.raises(TypeError):
            task.print_stack(1)


@pytest.mark.native
@pytest.mark.lazy
async def test_a_long_chain_shows_twenty_of_its_tasks(engine, loop):
    tasks = [loop.create_task(waiting(loop.create_future()), name="end")]
    for number in range(500):
        tasks.append(loop.create_task(waiting(tasks[-1]), name=f"t{number}"))
    await engine.sleep(0)
    await engine.sleep(0)
    shown = repr(tasks[-1])
    assert shown.count("<Task pending name=") == 20
    assert shown.count("<Task name='t479' ...>") == 1
    assert repr(tasks[18]).count("<Task pending name=") == 19
    assert "name='end'" in repr(tasks[18])
    assert repr(tasks[-1]) == shown
    tasks[-1].cancel()
    await engine.wait(tasks)


@pytest.mark.native
@pytest.mark.lazy
async def test_what_fails_while_it_is_shown_does_not_count_afterwards(engine, loop):
    class Fails:
        def __repr__(self):
            raise LookupError("no repr")

    task = loop.create_task(waiting(loop.create_future()))
    await engine.sleep(0)
    task.add_done_callback(Fails())
    for _ in range(30):
        with pytest.raises(LookupError, match="no repr"):
            repr(task)
    task.remove_done_callback(next(function for function, _ in task._callbacks))
    assert repr(task).startswith("<Task pending name=")
    task.cancel()
    await engine.wait([task])
