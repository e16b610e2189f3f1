"""What may be made a task: coroutines of every kind, and what is refused."""

import collections.abc
import inspect
import sys
import types

import pytest


class HandMade(collections.abc.Coroutine):
    """A coroutine written out as a class, the way compiled extensions provide them."""

    def __init__(self, yields, result=None, error=None):
        self.yields = list(yields)
        self.result = result
        self.error = error
        self.log = []

    def send(self, value):
        self.log.append(("send", value))
        if self.yields:
            return self.yields.pop(0)
        if self.error is not None:
            raise self.error
        raise StopIteration(self.result)

    def throw(self, kind, value=None, traceback=None):
        error = kind if value is None else value
        self.log.append(("throw", type(error) if isinstance(error, BaseException) else error))
        if isinstance(error, type):
            error = error()
        raise error

    def close(self):
        self.log.append(("close", None))

    def __await__(self):
        return self


async def test_hand_made_coroutine_is_driven_by_send(engine, loop):
    coroutine = HandMade([None, None], result="made")
    assert await loop.create_task(coroutine) == "made"
    assert coroutine.log == [("send", None)] * 3


@pytest.mark.parametrize("result", [None, (), (1, 2), StopIteration(1), ValueError("x")], ids=repr)
async def test_hand_made_coroutine_returns_by_stop_iteration(engine, loop, result):
    assert await loop.create_task(HandMade([None], result=result)) is result


async def test_hand_made_coroutine_fails(engine, loop):
    error = LookupError("made")
    with pytest.raises(LookupError) as caught:
        await loop.create_task(HandMade([None], error=error))
    assert caught.value is error


async def test_hand_made_coroutine_is_cancelled_by_throw(engine, loop):
    coroutine = HandMade([None] * 5)
    task = loop.create_task(coroutine)
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert coroutine.log[-1] == ("throw", engine.CancelledError)


async def test_hand_made_coroutine_yields_a_future(engine, loop):
    future = loop.create_future()

    class Waiting(HandMade):
        def send(self, value):
            if not future.done():
                future._asyncio_future_blocking = True
                return future
            raise StopIteration(future.result())

    loop.call_soon(future.set_result, "waited")
    assert await loop.create_task(Waiting([])) == "waited"


async def test_coroutine_whose_methods_live_on_the_instance_type_only(engine, loop):
    class Delegating:
        """Passes everything on to a real coroutine, as tracing wrappers do."""

        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def __await__(self):
            return self._inner.__await__()

        def send(self, value):
            return self._inner.send(value)

        def throw(self, *arguments):
            return self._inner.throw(*arguments)

        def close(self):
            return self._inner.close()

    collections.abc.Coroutine.register(Delegating)

    async def body():
        await engine.sleep(0)
        return "through"

    assert await loop.create_task(Delegating(body())) == "through"


@types.coroutine
def generator_based():
    """A coroutine of the kind that came before ``async def``."""
    yield
    return "generator"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="until 3.11")
async def test_generator_is_a_coroutine(engine, loop):
    assert await loop.create_task(generator_based()) == "generator"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="from 3.12 on")
def test_generator_is_no_coroutine(engine, loop):
    with pytest.raises(TypeError, match="^a coroutine was expected, got <generator object"):
        engine.Task(generator_based(), loop=loop)


async def test_generator_based_coroutine_is_awaited_inside_another(engine, loop):
    async def body():
        return await generator_based()

    assert await loop.create_task(body()) == "generator"


async def test_coroutine_of_an_asynchronous_generator(engine, loop):
    async def generator():
        yield 1
        yield 2

    agen = generator()
    first = agen.__anext__()

    async def body():
        return await first

    assert await loop.create_task(body()) == 1
    await agen.aclose()


@pytest.mark.parametrize(
    "thing",
    [None, 5, "text", print, object, (lambda: None), iter([])],
    ids=lambda thing: type(thing).__name__,
)
def test_what_is_no_coroutine_is_refused(engine, loop, thing):
    with pytest.raises(TypeError) as caught:
        engine.Task(thing, loop=loop)
    assert str(caught.value) == f"a coroutine was expected, got {thing!r}"


def test_coroutine_function_is_refused(engine, loop):
    async def body(): ...

    with pytest.raises(TypeError, match="^a coroutine was expected, got <function "):
        engine.Task(body, loop=loop)


def test_future_and_task_are_refused(engine, loop):
    future = loop.create_future()
    with pytest.raises(TypeError, match="^a coroutine was expected, got <Future pending"):
        engine.Task(future, loop=loop)


def test_refused_thing_leaves_no_task_behind(engine, loop):
    with pytest.raises(TypeError):
        loop.create_task(5)
    assert engine.all_tasks(loop) == set()


def test_closed_loop_takes_no_task(engine, loop):
    async def body(): ...

    coroutine = body()
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.create_task(coroutine)
    coroutine.close()


async def test_finished_coroutine_cannot_be_run_again(engine, loop):
    async def body(): ...

    coroutine = body()
    await loop.create_task(coroutine)
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        await loop.create_task(coroutine)


async def test_task_of_a_coroutine_that_awaits_nothing_leaves_no_warning(engine, loop):
    async def body():
        return inspect.currentframe() is not None

    assert await loop.create_task(body())
