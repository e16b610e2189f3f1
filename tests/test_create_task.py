"""``create_task`` and ``ensure_future``."""

import contextvars
import gc
import inspect
import re
import warnings

import pytest

number = contextvars.ContextVar("number", default=0)


async def value(result):
    """Return at once."""
    return result


async def test_create_task_makes_a_task_of_the_running_loop(engine, loop):
    task = engine.create_task(value(1))
    assert isinstance(task, engine.Task)
    assert task.get_loop() is loop
    assert await task == 1


async def test_name_and_context(engine, loop):
    context = contextvars.copy_context()
    context.run(number.set, 5)

    async def body():
        number.set(number.get() + 1)

    task = engine.create_task(body(), name="named", context=context)
    assert task.get_name() == "named"
    await task
    assert context[number] == 6
    assert number.get() == 0


async def test_settings_are_keywords(engine, loop):
    coroutine = value(1)
    with pytest.raises(TypeError):
        engine.create_task(coroutine, "name")
    with pytest.raises(TypeError):
        engine.create_task()
    coroutine.close()


def test_create_task_outside_a_loop(engine):
    coroutine = value(1)
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        engine.create_task(coroutine)
    coroutine.close()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_coroutine_refused_outside_a_loop_is_warned_about(engine):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError):
            engine.create_task(value(1))
        gc.collect()
    assert [str(warning.message) for warning in caught] == ["coroutine 'value' was never awaited"]


@pytest.mark.parametrize("thing", [None, 5, print], ids=repr)
async def test_create_task_of_what_is_no_coroutine(engine, loop, thing):
    with pytest.raises(TypeError) as caught:
        engine.create_task(thing)
    assert str(caught.value) == f"a coroutine was expected, got {thing!r}"


async def test_create_task_of_a_future_is_refused(engine, loop):
    with pytest.raises(TypeError, match="^a coroutine was expected, got <Future"):
        engine.create_task(loop.create_future())


async def test_ensure_future_of_a_coroutine_is_a_task(engine, loop):
    task = engine.ensure_future(value(1))
    assert isinstance(task, engine.Task)
    assert await task == 1


async def test_ensure_future_gives_futures_back(engine, loop):
    future = loop.create_future()
    assert engine.ensure_future(future) is future
    task = loop.create_task(value(1))
    assert engine.ensure_future(task) is task
    assert engine.ensure_future(task, loop=loop) is task
    await task


async def test_ensure_future_wraps_an_awaitable(engine, loop):
    class Awaitable:
        def __await__(self):
            yield
            return "awaited"

    task = engine.ensure_future(Awaitable())
    assert isinstance(task, engine.Task)
    assert await task == "awaited"


async def test_ensure_future_gives_back_what_behaves_like_a_future(engine, loop):
    class Like:
        _asyncio_future_blocking = False

    like = Like()
    assert engine.ensure_future(like) is like


@pytest.mark.parametrize("thing", [5, None, print, "text"], ids=repr)
async def test_ensure_future_of_what_cannot_be_awaited(engine, loop, thing):
    text = "An asyncio.Future, a coroutine or an awaitable is required"
    with pytest.raises(TypeError, match=re.escape(text)):
        engine.ensure_future(thing)


def test_ensure_future_with_a_loop_that_does_not_run(engine, loop):
    task = engine.ensure_future(value(1), loop=loop)
    assert task.get_loop() is loop
    assert loop.run_until_complete(task) == 1


def test_ensure_future_of_a_foreign_future(engine, loop):
    other = engine.new_event_loop()
    foreign = other.create_future()
    with pytest.raises(
        ValueError,
        match="^The future belongs to a different loop than the one specified as the loop arg",
    ):
        engine.ensure_future(foreign, loop=loop)
    other.close()


def test_ensure_future_on_a_closed_loop_closes_the_coroutine(engine, loop):
    loop.close()
    coroutine = value(1)
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        engine.ensure_future(coroutine, loop=loop)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


async def test_ensure_future_takes_the_loop_by_name_only(engine, loop):
    future = loop.create_future()
    with pytest.raises(TypeError):
        engine.ensure_future(future, loop)


async def test_task_made_by_the_loop_has_the_arguments_too(engine, loop):
    context = contextvars.copy_context()
    task = loop.create_task(value(1), name="of the loop", context=context)
    assert task.get_name() == "of the loop"
    await task
    with pytest.raises(TypeError):
        loop.create_task(5, 6)
