"""A task drives its coroutine: steps, outcome, and what may be awaited."""

import types
import weakref

import pytest


async def value(result):
    """Return at once."""
    return result


async def test_task_gives_the_result_of_its_coroutine(engine, loop):
    task = loop.create_task(value("result"))
    assert await task == "result"
    assert task.done()
    assert task.result() == "result"
    assert task.exception() is None
    assert not task.cancelled()


async def test_task_keeps_the_exception_of_its_coroutine(engine, loop):
    error = LookupError("inside")

    async def fail():
        raise error

    task = loop.create_task(fail())
    with pytest.raises(LookupError) as caught:
        await task
    assert caught.value is error
    assert task.exception() is error


@pytest.mark.lazy
async def test_first_step_is_a_turn_after_the_making(engine, loop):
    order = []

    async def body():
        order.append("step")

    loop.call_soon(order.append, "before")
    task = loop.create_task(body())
    loop.call_soon(order.append, "after")
    assert order == []
    await task
    assert order == ["before", "step", "after"]


@pytest.mark.lazy
async def test_each_bare_yield_takes_one_turn(engine, loop):
    order = []

    async def body(name):
        for step in range(3):
            order.append(f"{name}{step}")
            await engine.sleep(0)

    await engine.gather(*(loop.create_task(body(name)) for name in "ab"))
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


@pytest.mark.lazy
async def test_waking_takes_one_turn_and_done_callbacks_another(engine, loop):
    order = []
    future = loop.create_future()

    async def body():
        await future
        order.append("woken")

    task = loop.create_task(body())
    task.add_done_callback(lambda _: order.append("callback"))
    await engine.sleep(0)
    future.set_result(None)
    for turn in range(3):
        order.append(turn)
        await engine.sleep(0)
    assert order == [0, "woken", 1, "callback", 2]


async def test_settling_a_task_from_outside_is_refused(engine, loop):
    task = loop.create_task(value(1))
    with pytest.raises(RuntimeError, match="^Task does not support set_result operation$"):
        task.set_result(1)
    with pytest.raises(RuntimeError, match="^Task does not support set_exception operation$"):
        task.set_exception(ValueError())
    assert await task == 1


@pytest.mark.lazy
async def test_waiting_for_itself_is_an_error(engine, loop):
    async def body():
        await task

    task = loop.create_task(body())
    with pytest.raises(RuntimeError, match="^Task cannot await on itself: <Task "):
        await task


async def test_future_of_another_loop_is_refused(engine, loop):
    other = engine.new_event_loop()
    foreign = other.create_future()

    async def body():
        await foreign

    task = loop.create_task(body())
    with pytest.raises(
        RuntimeError, match="^Task <Task .*> got Future <Future pending.*> attached to a different"
    ):
        await task
    other.close()


class Bare:
    """Awaitable that yields one thing and returns what it was sent."""

    def __init__(self, thing):
        self.thing = thing

    def __await__(self):
        return (yield self.thing)


@pytest.mark.parametrize("thing", [1, "text", Ellipsis, ()], ids=repr)
async def test_bad_yield_is_thrown_back(engine, loop, thing):
    async def body():
        await Bare(thing)

    with pytest.raises(RuntimeError, match="^Task got bad yield: ") as caught:
        await loop.create_task(body())
    assert str(caught.value) == f"Task got bad yield: {thing!r}"


async def test_bad_yield_can_be_caught_and_the_task_goes_on(engine, loop):
    async def body():
        try:
            await Bare(1)
        except RuntimeError:
            await engine.sleep(0)
            return "went on"

    assert await loop.create_task(body()) == "went on"


async def test_yield_of_a_future_without_await_is_refused(engine, loop):
    future = loop.create_future()

    async def body():
        await Bare(future)

    with pytest.raises(
        RuntimeError, match="^yield was used instead of yield from in task <Task .*> with <Future"
    ):
        await loop.create_task(body())


async def test_yield_of_a_generator_is_refused_with_its_own_words(engine, loop):
    def generator():
        yield

    thing = generator()

    async def body():
        await Bare(thing)

    with pytest.raises(
        RuntimeError, match="^yield was used instead of yield from for generator in task <Task"
    ):
        await loop.create_task(body())


async def test_bare_yield_is_sent_none(engine, loop):
    async def body():
        return await Bare(None)

    assert await loop.create_task(body()) is None


async def test_duck_typed_future_is_awaited(engine, loop):
    class Duck:
        _asyncio_future_blocking = False
        callback = None

        def get_loop(self):
            return loop

        def add_done_callback(self, callback, *, context):
            self.callback, self.context = callback, context

        def cancel(self, msg=None):
            self.cancel_message = msg
            loop.call_soon(self.callback, self)
            return True

        def result(self):
            return "quack"

        def __await__(self):
            self._asyncio_future_blocking = True
            yield self
            return self.result()

    duck = Duck()

    async def body():
        return await duck

    task = loop.create_task(body())
    await engine.sleep(0)
    assert duck.context is not None
    assert duck._asyncio_future_blocking is False
    assert task._fut_waiter is duck
    loop.call_soon(duck.callback, duck)
    assert await task == "quack"


@pytest.mark.lazy
async def test_error_of_a_duck_while_it_is_subscribed_to_is_reported(engine, loop, reports):
    class Broken:
        _asyncio_future_blocking = False

        def get_loop(self):
            raise LookupError("no loop")

        def __await__(self):
            self._asyncio_future_blocking = True
            yield self

    async def body():
        await Broken()

    task = loop.create_task(body())
    await engine.sleep(0)
    [report] = reports
    assert repr(report["exception"]) == "LookupError('no loop')"
    assert not task.done()
    task._log_destroy_pending = False


async def test_waiter_attribute_shows_what_is_awaited(engine, loop):
    future = loop.create_future()

    async def body():
        await future
        await engine.sleep(0)

    task = loop.create_task(body())
    await engine.sleep(0)
    assert task._fut_waiter is future
    assert engine.isfuture(task._fut_waiter)
    future.set_result(None)
    await engine.sleep(0)
    assert task._fut_waiter is None
    await task


async def test_task_awaits_task(engine, loop):
    inner = loop.create_task(value("inner"))

    async def body():
        return await inner

    assert await loop.create_task(body()) == "inner"


async def test_coroutine_is_given_back_until_and_after_the_end(engine, loop):
    coroutine = value(1)
    task = loop.create_task(coroutine)
    if not engine.eager:
        assert task.get_coro() is coroutine
        assert task._coro is coroutine
        await task
        assert task.get_coro() is coroutine
    await task


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_stops_the_loop_and_stays_in_the_task(engine, loop, kind):
    async def body():
        await engine.sleep(0)
        raise kind("enough")

    task = loop.create_task(body())
    with pytest.raises(kind, match="enough"):
        loop.run_forever()
    assert not loop.is_running()
    assert isinstance(task.exception(), kind)


def test_other_base_exceptions_end_the_task_only(engine, loop):
    class Sudden(BaseException):
        pass

    async def body():
        raise Sudden

    with pytest.raises(Sudden):
        loop.run_until_complete(body())


def test_stop_iteration_out_of_a_coroutine_becomes_a_runtime_error(engine, loop):
    async def body():
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        loop.run_until_complete(body())


async def test_task_can_be_referred_to_weakly(engine, loop):
    task = loop.create_task(value(1))
    reference = weakref.ref(task)
    assert reference() is task
    await task


async def test_class_takes_a_parameter(engine, loop):
    assert isinstance(engine.Task[int], types.GenericAlias)
    assert engine.Task[int].__origin__ is engine.Task


async def test_subclass_may_override_and_add(engine, loop):
    class Named(engine.Task):
        extra = None

        def cancel(self, msg=None):
            self.extra = msg
            return False

    task = Named(value(5), loop=loop)
    assert task.cancel("not now") is False
    assert await task == 5
    assert task.extra == "not now"
    assert type(task) is Named
    assert task.__class__ is Named


async def test_loop_is_a_keyword_and_defaults_to_the_running_one(engine, loop):
    coroutine = value(1)
    with pytest.raises(TypeError):
        engine.Task(coroutine, loop)
    task = engine.Task(coroutine)
    assert task.get_loop() is loop
    assert await task == 1


async def test_result_is_let_go_with_the_task(engine, loop):
    class Result:
        pass

    result = Result()
    reference = weakref.ref(result)
    task = loop.create_task(value(result))
    del result
    assert await task is reference()
    del task
    await engine.sleep(0)
    assert reference() is None


async def test_a_hundred_levels_of_tasks(engine, loop):
    async def level(depth):
        return depth if depth == 100 else await loop.create_task(level(depth + 1))

    assert await level(0) == 100
