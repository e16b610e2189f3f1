"""Awaiting a future: the iterator it gives and what travels through it."""

import collections.abc
import inspect
import sys
import types

import pytest


@pytest.fixture
def future(engine, loop):
    """Give a pending future."""
    return engine.Future(loop=loop)


@pytest.fixture(params=["__iter__", "__await__"])
def iterator(future, request):
    """Give an iterator of the future, by both ways to ask for it."""
    return getattr(future, request.param)()


def test_future_is_awaitable_and_iterable(future):
    assert inspect.isawaitable(future)
    assert isinstance(future, collections.abc.Awaitable)
    assert isinstance(future, collections.abc.Iterable)


def test_iterator_has_what_a_generator_has(iterator):
    assert iter(iterator) is iterator
    assert isinstance(iterator, collections.abc.Generator)


def test_first_step_gives_the_future_and_marks_it(future, iterator):
    assert future._asyncio_future_blocking is False
    assert next(iterator) is future
    assert future._asyncio_future_blocking is True


def test_first_step_by_send_takes_any_value(future, iterator):
    assert iterator.send("whatever") is future


@pytest.mark.parametrize("step", [next, lambda iterator: iterator.send(None)])
def test_second_step_on_a_pending_future_is_an_error(iterator, step):
    next(iterator)
    with pytest.raises(RuntimeError, match="^await wasn't used with future$"):
        step(iterator)


@pytest.mark.parametrize(
    "value",
    [None, 5, (), (1, 2), StopIteration(7), ValueError("a value"), (ValueError, "x"), [1]],
    ids=repr,
)
@pytest.mark.parametrize("when", ["before", "between"])
def test_result_comes_as_the_value_of_stop_iteration(future, iterator, value, when):
    if when == "between":
        next(iterator)
    future.set_result(value)
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value is value


def test_iterator_is_used_up_after_the_result(future, iterator):
    future.set_result(3)
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    assert caught.value.value is None


def test_exception_comes_out_of_the_step(future, iterator):
    error = LookupError("out")
    next(iterator)
    future.set_exception(error)
    with pytest.raises(LookupError) as caught:
        next(iterator)
    assert caught.value is error


def test_cancellation_comes_out_of_the_step_with_its_message(future, iterator, engine):
    next(iterator)
    future.cancel("why")
    with pytest.raises(engine.CancelledError) as caught:
        next(iterator)
    assert caught.value.args == ("why",)


@pytest.mark.parametrize("started", [False, True])
def test_exception_thrown_in_comes_back_and_ends_the_iterator(future, iterator, started):
    if started:
        next(iterator)
    error = ValueError("thrown")
    with pytest.raises(ValueError) as caught:
        iterator.throw(error)
    assert caught.value is error
    assert not future.done()
    with pytest.raises(StopIteration):
        next(iterator)


def test_class_thrown_in_is_instantiated(iterator):
    with pytest.raises(ValueError) as caught:
        iterator.throw(ValueError)
    assert caught.value.args == ()


@pytest.mark.filterwarnings("ignore:the .* signature of throw:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:the .* signature of athrow:DeprecationWarning")
class TestThrowOfThreeArguments:
    """The signature that is deprecated from 3.12 on and still works."""

    def test_value_is_made_from_the_type(self, iterator):
        with pytest.raises(ValueError) as caught:
            iterator.throw(ValueError, "text")
        assert caught.value.args == ("text",)

    def test_instance_may_be_given_as_the_value(self, iterator):
        error = ValueError("mine")
        with pytest.raises(ValueError) as caught:
            iterator.throw(ValueError, error)
        assert caught.value is error

    def test_traceback_is_the_start_of_the_new_one(self, iterator):
        try:
            raise LookupError
        except LookupError as error:
            trace = error.__traceback__
        with pytest.raises(ValueError) as caught:
            iterator.throw(ValueError, None, trace)
        last = caught.value.__traceback__
        while last.tb_next is not None:
            last = last.tb_next
        assert last.tb_frame is trace.tb_frame

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ((5,), "exceptions must be classes deriving BaseException or instances"),
            ((int,), "exceptions must be classes deriving BaseException or instances"),
            ((ValueError, None, 5), r"throw\(\) third argument must be a traceback"),
            ((ValueError("x"), 3), "instance exception may not have a separate value"),
        ],
    )
    def test_nonsense_is_refused_and_changes_nothing(self, future, iterator, arguments, text):
        next(iterator)
        with pytest.raises(TypeError, match=text):
            iterator.throw(*arguments)
        future.set_result("still there")
        with pytest.raises(StopIteration, match="still there"):
            next(iterator)

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="deprecated from 3.12 on")
    def test_it_is_deprecated(self, iterator):
        with pytest.warns(DeprecationWarning, match="signature of throw"):
            with pytest.raises(ValueError):
                iterator.throw(ValueError, "text")


def test_throw_without_an_argument_is_refused(iterator):
    with pytest.raises(TypeError):
        iterator.throw()


def test_close_ends_the_iterator_and_may_be_repeated(future, iterator):
    next(iterator)
    assert iterator.close() is None
    assert iterator.close() is None
    with pytest.raises(StopIteration):
        next(iterator)
    assert not future.done()


def test_two_iterators_of_one_future_are_independent(future):
    one, two = iter(future), iter(future)
    assert next(one) is future
    future.set_result("both")
    for iterator in (one, two):
        with pytest.raises(StopIteration, match="both"):
            next(iterator)


def test_blocking_mark_can_be_written(future):
    future._asyncio_future_blocking = True
    assert future._asyncio_future_blocking is True
    future._asyncio_future_blocking = False
    assert future._asyncio_future_blocking is False


async def test_await_of_a_done_future_does_not_wait(engine, loop, future):
    order = []
    loop.call_soon(order.append, "a turn later")
    future.set_result("at once")
    assert await future == "at once"
    assert order == []


async def test_await_gives_result_exception_and_cancellation(engine, loop):
    fine, wrong, gone = (engine.Future(loop=loop) for _ in range(3))
    loop.call_soon(fine.set_result, "fine")
    loop.call_soon(wrong.set_exception, LookupError("wrong"))
    loop.call_soon(gone.cancel, "gone")
    assert await fine == "fine"
    with pytest.raises(LookupError, match="wrong"):
        await wrong
    with pytest.raises(engine.CancelledError, match="gone"):
        await gone


async def test_yield_from_in_a_generator_based_coroutine(engine, loop, future):
    @types.coroutine
    def old_style():
        return (yield from future)

    loop.call_soon(future.set_result, "old")
    assert await old_style() == "old"


async def test_many_tasks_await_one_future_and_wake_in_order(engine, loop, future):
    order = []

    async def waiter(name):
        order.append((name, await future))

    tasks = [loop.create_task(waiter(name)) for name in "abcd"]
    await engine.sleep(0)
    future.set_result(1)
    await engine.gather(*tasks)
    assert order == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]
