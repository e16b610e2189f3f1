"""Arguments given by name: what may be named in the standard library may be named here."""

import asyncio

import pytest


async def value(result=None):
    """Return at once."""
    return result


@pytest.fixture
def calls():
    """Collect what callbacks saw."""
    return []


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("call_soon", {}),
        ("call_soon_threadsafe", {}),
        ("call_later", {"delay": 0}),
        ("call_at", {"when": 0}),
    ],
)
def test_scheduling(loop, turns, calls, name, before):
    getattr(loop, name)(callback=lambda: calls.append(name), context=None, **before)
    turns(2)
    assert calls == [name]


@pytest.mark.parametrize("name", ["call_later", "call_at"])
def test_scheduling_with_the_callback_alone_by_name(loop, turns, calls, name):
    getattr(loop, name)(0, callback=lambda: calls.append(name))
    turns(2)
    assert calls == [name]


def test_methods_of_the_loop(loop):
    loop.set_debug(enabled=True)
    loop.set_debug(enabled=False)
    loop.set_task_factory(factory=None)
    handler = loop.get_exception_handler()
    loop.set_exception_handler(handler=None)
    loop.set_exception_handler(handler=handler)
    assert loop.run_until_complete(future=loop.create_task(coro=value(1))) == 1
    assert loop.run_until_complete(loop.run_in_executor(executor=None, func=int)) == 0


def test_reports(loop, reports):
    loop.call_exception_handler(context={"message": "named"})
    assert [report["message"] for report in reports] == ["named"]


async def test_functions(engine, loop):
    assert await engine.sleep(delay=0, result="slept") == "slept"
    task = engine.create_task(coro=value(1), name="named", context=None)
    assert engine.ensure_future(coro_or_future=task, loop=None) is task
    done, pending = await engine.wait(fs=[task], timeout=None, return_when=engine.ALL_COMPLETED)
    assert (done, pending) == ({task}, set())
    assert engine.current_task(loop=loop) in engine.all_tasks(loop=loop)
    assert engine.current_task(loop=None) in engine.all_tasks(loop=None)
    assert await engine.gather(value(2), return_exceptions=False) == [2]


async def test_methods_of_futures_and_tasks(engine, loop):
    future = engine.Future(loop=None)
    future.add_done_callback(id, context=None)
    assert future.cancel(msg="named")
    task = engine.Task(coro=value(1), loop=None, name=None, context=None)
    task.get_stack(limit=None)
    task.print_stack(limit=0, file=None)
    assert task.cancel(msg=None)
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "call",
    [
        lambda future, task: future.set_result(result=1),
        lambda future, task: future.set_exception(exception=ValueError()),
        lambda future, task: future.add_done_callback(fn=print),
        lambda future, task: future.remove_done_callback(fn=print),
        lambda future, task: task.set_name(value="x"),
    ],
    ids=["set_result", "set_exception", "add_done_callback", "remove_done_callback", "set_name"],
)
def test_what_may_not_be_named(engine, loop, call):
    task = loop.create_task(value(1))
    with pytest.raises(TypeError):
        call(loop.create_future(), task)
    loop.run_until_complete(task)
