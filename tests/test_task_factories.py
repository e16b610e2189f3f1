"""Task factories of a loop."""

import contextvars
import sys

import pytest


async def body():
    """Return at once."""
    return "body"


def test_factory_is_none_until_set_and_must_be_callable(engine, loop):
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None

    def factory(loop, coro, **settings):
        return engine.Task(coro, loop=loop, **settings)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    with pytest.raises(TypeError, match="^task factory must be a callable or None$"):
        loop.set_task_factory(5)
    assert loop.get_task_factory() is factory
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None


async def test_factory_makes_the_tasks_of_every_maker(engine, loop):
    made = []

    class Job(engine.Task):
        pass

    def factory(loop, coro, **settings):
        made.append(settings)
        return Job(coro, loop=loop, **settings)

    loop.set_task_factory(factory)
    context = contextvars.copy_context()
    tasks = [
        loop.create_task(body()),
        engine.create_task(body()),
        engine.ensure_future(body()),
        loop.create_task(body(), context=context),
    ]
    assert [type(task) for task in tasks] == [Job] * 4
    assert await engine.gather(*tasks, body()) == ["body"] * 5
    assert [settings.get("context") for settings in made] == [None, None, None, context, None]
    async with engine.TaskGroup() as group:
        assert type(group.create_task(body())) is Job


async def test_name_reaches_a_task_of_a_factory(engine, loop):
    loop.set_task_factory(lambda loop, coro, **more: engine.Task(coro, loop=loop, **more))
    task = loop.create_task(body(), name="named")
    assert task.get_name() == "named"
    await task


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="3.13 names it differently")
async def test_task_of_a_factory_without_a_name_counts(engine, loop):
    loop.set_task_factory(lambda loop, coro, **more: engine.Task(coro, loop=loop, **more))
    task = loop.create_task(body())
    assert task.get_name().startswith("Task-")
    await task


async def test_factory_may_return_a_future(engine, loop):
    class Named(engine.Future):
        def set_name(self, name): ...

    def factory(loop, coro, **settings):
        coro.close()
        future = Named(loop=loop)
        future.set_result("no task")
        return future

    loop.set_task_factory(factory)
    assert await loop.create_task(body()) == "no task"
    loop.set_task_factory(None)


async def test_error_of_a_factory_comes_out(engine, loop):
    def factory(loop, coro, **settings):
        coro.close()
        raise LookupError("no tasks today")

    loop.set_task_factory(factory)
    with pytest.raises(LookupError, match="no tasks today"):
        loop.create_task(body())
    loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="from 3.12 on")
def test_the_factory_of_eager_tasks_shows_the_class_it_makes_tasks_of(engine):
    """Anyio finds the class there, to make a task that is not eager."""
    factory = engine.eager_task_factory
    (cell,) = factory.__closure__
    assert cell.cell_contents is engine.Task
    assert factory.__code__ is engine.create_eager_task_factory(engine.Task).__code__
