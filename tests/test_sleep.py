"""``sleep``: order, results, bad delays, and what it is as an object."""

import gc
import inspect
import sys
import warnings

import pytest


@pytest.mark.parametrize("delay", [0, -1, 0.0, -0.5, False])
async def test_no_delay_takes_one_turn(engine, loop, delay):
    order = []
    loop.call_soon(order.append, "first")
    loop.call_soon(loop.call_soon, order.append, "a turn later")
    await engine.sleep(delay)
    assert order == ["first"]


@pytest.mark.parametrize("delay", [0, 0.001])
async def test_result_is_given_back(engine, loop, delay):
    result = object()
    assert await engine.sleep(delay, result) is result
    assert await engine.sleep(delay, result=result) is result
    assert await engine.sleep(delay) is None


async def test_sleeps_end_in_the_order_of_their_delays(engine, loop):
    order = []

    async def sleeper(delay):
        await engine.sleep(delay)
        order.append(delay)

    await engine.gather(*(sleeper(delay) for delay in (0.15, 0.05, 0.1, 0)))
    assert order == [0, 0.05, 0.1, 0.15]


async def test_it_sleeps_at_least_the_delay(engine, loop):
    start = loop.time()
    await engine.sleep(0.01)
    assert loop.time() - start >= 0.0099


async def test_cancelled_sleep_ends_at_once(engine, loop):
    task = loop.create_task(engine.sleep(3600))
    await engine.sleep(0)
    task.cancel("wake up")
    with pytest.raises(engine.CancelledError, match="wake up"):
        await task


async def test_cancelled_sleep_of_no_delay(engine, loop):
    task = loop.create_task(engine.sleep(0))
    if not engine.eager:
        await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task


@pytest.mark.parametrize("delay", ["1", None, object(), []])
async def test_delay_that_is_no_number(engine, loop, delay):
    with pytest.raises(TypeError):
        await engine.sleep(delay)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="from 3.13 on")
async def test_delay_that_is_not_a_number(engine, loop):
    with pytest.raises(ValueError, match=r"^Invalid delay: NaN \(not a number\)$"):
        await engine.sleep(float("nan"))


async def test_delays_of_other_kinds_of_number(engine, loop):
    import decimal
    import fractions

    assert await engine.sleep(fractions.Fraction(1, 1000), "fraction") == "fraction"
    with pytest.raises(TypeError):
        await engine.sleep(decimal.Decimal("0.001"))


async def test_wrong_arguments(engine):
    for call in (lambda: engine.sleep(), lambda: engine.sleep(0, 1, 2), lambda: engine.sleep(x=1)):
        with pytest.raises(TypeError):
            call()


def test_it_is_a_coroutine_and_its_function_is_a_coroutine_function(engine):
    coroutine = engine.sleep(1)
    assert inspect.iscoroutine(coroutine)
    assert engine.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine)
    assert inspect.iscoroutinefunction(engine.sleep)
    assert engine.iscoroutinefunction(engine.sleep)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    assert coroutine.cr_running is False
    assert coroutine.cr_await is None
    assert coroutine.__name__ == "sleep"
    assert coroutine.__qualname__ == "sleep"
    assert coroutine.cr_code.co_name == "sleep"
    coroutine.close()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_it_is_not_a_generator(engine):
    coroutine = engine.sleep(0)
    assert not inspect.isgenerator(coroutine)
    assert not hasattr(coroutine, "__iter__")
    assert not hasattr(coroutine, "__next__")
    coroutine.close()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("delay", [0, 1])
def test_never_awaited_is_warned_about(engine, delay):
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.sleep(delay)
        gc.collect()
    assert [str(warning.message) for warning in caught] == ["coroutine 'sleep' was never awaited"]
    assert caught[0].category is RuntimeWarning


def test_closed_before_it_was_awaited_is_not_warned_about(engine):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.sleep(1).close()
        gc.collect()
    assert caught == []


def test_driven_by_hand(engine):
    coroutine = engine.sleep(0, "by hand")
    assert coroutine.send(None) is None
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value == "by hand"
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        coroutine.send(None)


def test_first_send_must_be_none(engine):
    coroutine = engine.sleep(0)
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        coroutine.send(1)
    coroutine.close()


@pytest.mark.parametrize("started", [False, True])
def test_thrown_into(engine, started):
    coroutine = engine.sleep(0)
    if started:
        coroutine.send(None)
    with pytest.raises(LookupError, match="thrown"):
        coroutine.throw(LookupError("thrown"))
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        coroutine.send(None)


def test_delay_outside_a_loop(engine):
    coroutine = engine.sleep(1)
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        coroutine.send(None)


async def test_awaited_twice(engine, loop):
    coroutine = engine.sleep(0)
    await coroutine
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        await coroutine


async def test_wrapper_of_await_gives_an_iterator(engine, loop):
    wrapper = engine.sleep(0, "wrapped").__await__()
    assert iter(wrapper) is wrapper
    assert next(wrapper) is None
    with pytest.raises(StopIteration) as caught:
        next(wrapper)
    assert caught.value.value == "wrapped"


async def test_waiting_sleep_shows_what_it_waits_for(engine, loop):
    coroutine = engine.sleep(3600)
    task = loop.create_task(coroutine)
    await engine.sleep(0)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    assert engine.isfuture(task._fut_waiter)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task


async def test_many_sleepers(engine, loop, many):
    results = await engine.gather(*(engine.sleep(0.001, index) for index in range(many)))
    assert results == list(range(many))
