"""Eager start, from 3.12 on: a task's first step runs inside the call that makes it."""

import contextvars
import gc
import sys

import pytest

pytestmark = pytest.mark.eager

number = contextvars.ContextVar("number", default=0)


async def test_first_step_runs_at_once(engine, loop):
    order = []

    async def body():
        order.append("step")
        await engine.sleep(0)
        order.append("second step")

    task = loop.create_task(body())
    order.append("made")
    await task
    assert order == ["step", "made", "second step"]


async def test_task_that_never_waits_is_done_when_made(engine, loop):
    async def body():
        return "at once"

    task = loop.create_task(body())
    assert task.done()
    assert task.result() == "at once"
    if engine.native or sys.version_info >= (3, 13):  # The call crashes 3.12.1.
        assert task.get_coro() is None
    assert task not in engine.all_tasks()
    assert await task == "at once"


async def test_task_that_fails_at_once_keeps_its_error(engine, loop):
    async def body():
        raise LookupError("at once")

    task = loop.create_task(body())
    assert task.done()
    assert isinstance(task.exception(), LookupError)


async def test_task_that_cancels_itself_at_once(engine, loop):
    async def body():
        raise engine.CancelledError("at once")

    task = loop.create_task(body())
    assert task.cancelled()
    with pytest.raises(engine.CancelledError, match="at once"):
        await task


async def test_done_callback_added_after_is_called_a_turn_later(engine, loop):
    called = []

    async def body(): ...

    task = loop.create_task(body())
    task.add_done_callback(called.append)
    assert called == []
    await engine.sleep(0)
    assert called == [task]


async def test_current_task_is_swapped_and_restored(engine, loop):
    seen = []
    outer = engine.current_task()

    async def body():
        seen.append(engine.current_task())
        await engine.sleep(0)
        seen.append(engine.current_task())

    task = loop.create_task(body())
    assert engine.current_task() is outer
    await task
    assert seen == [task, task]


async def test_current_task_is_restored_after_an_error(engine, loop):
    outer = engine.current_task()

    async def body():
        raise LookupError

    task = loop.create_task(body())
    assert engine.current_task() is outer
    task.exception()


async def test_eager_tasks_nest(engine, loop):
    order = []

    async def level(depth):
        order.append(("in", depth, engine.current_task().get_name()))
        if depth < 3:
            await loop.create_task(level(depth + 1), name=str(depth + 1))
        order.append(("out", depth, engine.current_task().get_name()))

    engine.current_task().set_name("main")
    await level(0)
    entered = [(kind, depth) for kind, depth, _ in order]
    assert entered == [("in", d) for d in range(4)] + [("out", d) for d in reversed(range(4))]


async def test_tasks_that_run_eagerly_are_listed_meanwhile(engine, loop):
    seen = []

    async def body():
        seen.append(engine.current_task() in engine.all_tasks())
        await engine.sleep(0)
        seen.append(engine.current_task() in engine.all_tasks())

    await loop.create_task(body())
    assert seen == [True, True]


async def test_context_is_a_copy_unless_given(engine, loop):
    async def body():
        number.set(number.get() + 1)
        return number.get()

    number.set(5)
    assert await loop.create_task(body()) == 6
    assert number.get() == 5
    given = contextvars.copy_context()
    given.run(number.set, 10)
    assert await loop.create_task(body(), context=given) == 11
    assert given[number] == 11


async def test_name_is_set_when_the_body_has_run_or_before(engine, loop):
    async def body(): ...

    assert loop.create_task(body(), name="named").get_name() == "named"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_comes_out_of_the_making_and_stays_in_the_task(engine, loop, reports, kind):
    async def stop():
        raise kind("enough")

    seen = []

    async def main():
        try:
            loop.create_task(stop())
        except kind as error:
            seen.append(str(error))

    loop.run_until_complete(main())
    assert seen == ["enough"]
    gc.collect()
    [report] = reports
    assert report["message"] == "Task exception was never retrieved"
    assert isinstance(report["exception"], kind)


async def test_gather_of_tasks_done_at_once_is_done(engine, loop):
    async def body(value):
        return value

    gathered = engine.gather(*(loop.create_task(body(value)) for value in range(3)))
    assert await gathered == [0, 1, 2]


async def test_wait_for_tasks_done_at_once_returns_them_all(engine, loop):
    async def body(): ...

    tasks = {loop.create_task(body()) for _ in range(3)}
    assert await engine.wait(tasks) == (tasks, set())


async def test_task_group_of_tasks_done_at_once(engine, loop):
    async def body(value):
        return value

    async with engine.TaskGroup() as group:
        tasks = [group.create_task(body(value)) for value in range(3)]
        assert all(task.done() for task in tasks)
    assert [task.result() for task in tasks] == [0, 1, 2]


def test_outside_a_running_loop_the_start_waits(engine, loop):
    order = []

    async def body():
        order.append("ran")

    task = loop.create_task(body())
    assert order == []
    loop.run_until_complete(task)
    assert order == ["ran"]


async def test_eager_start_of_the_constructor(engine, loop):
    order = []

    async def body(name):
        order.append(name)
        await engine.sleep(0)

    lazy = engine.Task(body("lazy"), loop=loop)
    eager = engine.Task(body("eager"), loop=loop, eager_start=True)
    assert order == ["eager"]
    await engine.gather(lazy, eager)
    assert order == ["eager", "lazy"]


async def test_eager_start_without_a_loop_is_that_of_the_running_one(engine, loop):
    if not engine.native:
        pytest.skip("asyncio of some micro versions raises AttributeError")
    order = []

    async def body(name):
        order.append(name)
        await engine.sleep(0)

    tasks = [
        engine.Task(body("without"), eager_start=True),
        engine.Task(body("none"), eager_start=True, loop=None),
    ]
    assert order == ["without", "none"]
    assert {task.get_loop() for task in tasks} == {loop}
    await engine.gather(*tasks)


async def test_made_factory_calls_the_given_constructor(engine, loop):
    made = []

    class Job(engine.Task):
        pass

    def construct(coro, **settings):
        made.append(sorted(settings))
        return Job(coro, **settings)

    loop.set_task_factory(engine.create_eager_task_factory(construct))

    async def body():
        return "job"

    task = loop.create_task(body())
    assert type(task) is Job
    assert task.done()
    assert made == [["context", "eager_start", "loop", "name"]]


async def test_many_eager_tasks_leave_nothing_registered(engine, loop):
    async def body(): ...

    for _ in range(1000):
        await loop.create_task(body())
    assert engine.all_tasks() == {engine.current_task()}
