"""``wait``: the three conditions, timeouts, cancellation of the waiter, bad input."""

import gc
import inspect
import sys

import pytest


@pytest.fixture
def futures(loop):
    """Give three pending futures."""
    return [loop.create_future() for _ in range(3)]


async def test_all_completed_is_the_default(engine, loop, futures):
    for index in (1, 2, 0):
        loop.call_soon(futures[index].set_result, index)
    assert await engine.wait(futures) == (set(futures), set())


async def test_failures_and_cancellations_are_done_and_not_raised(engine, loop, futures):
    futures[0].set_result(0)
    futures[1].set_exception(LookupError("inside"))
    futures[2].cancel()
    done, pending = await engine.wait(futures)
    assert (done, pending) == (set(futures), set())
    assert isinstance(futures[1].exception(), LookupError)


async def test_failures_stay_unread(engine, loop, reports, futures):
    futures[0].set_exception(ValueError("unread"))
    await engine.wait(futures[:1])
    futures.clear()
    gc.collect()
    assert [report["exception"].args for report in reports] == [("unread",)]


async def test_first_completed_returns_with_the_first(engine, loop, futures):
    loop.call_soon(futures[1].set_result, "first")
    done, pending = await engine.wait(futures, return_when=engine.FIRST_COMPLETED)
    assert done == {futures[1]}
    assert pending == {futures[0], futures[2]}
    assert not any(future.done() for future in pending)


async def test_first_completed_gives_all_that_are_done_by_then(engine, loop, futures):
    loop.call_soon(futures[1].set_result, "first")
    loop.call_soon(futures[2].set_result, "same turn")
    done, pending = await engine.wait(futures, return_when=engine.FIRST_COMPLETED)
    assert (done, pending) == ({futures[1], futures[2]}, {futures[0]})


@pytest.mark.parametrize("ready", [{0}, {0, 2}, {0, 1, 2}])
async def test_first_completed_of_done_ones_takes_a_turn_all_the_same(engine, loop, futures, ready):
    order = []
    for index in ready:
        futures[index].set_result(None)
    loop.call_soon(order.append, "a turn later")
    done, pending = await engine.wait(futures, return_when=engine.FIRST_COMPLETED)
    assert order == ["a turn later"]
    assert done == {futures[index] for index in ready}
    assert pending == set(futures) - done


async def test_first_exception_returns_with_the_first_failure(engine, loop, futures):
    loop.call_soon(futures[0].set_result, "no failure")
    loop.call_soon(loop.call_soon, futures[1].set_exception, LookupError("failure"))
    done, pending = await engine.wait(futures, return_when=engine.FIRST_EXCEPTION)
    assert (done, pending) == ({futures[0], futures[1]}, {futures[2]})
    futures[1].exception()


async def test_first_exception_does_not_count_cancellations(engine, loop, futures):
    loop.call_soon(futures[0].cancel)
    loop.call_soon(futures[1].set_result, None)
    loop.call_soon(loop.call_soon, futures[2].set_result, None)
    done, pending = await engine.wait(futures, return_when=engine.FIRST_EXCEPTION)
    assert (done, pending) == (set(futures), set())


async def test_first_exception_sees_a_failure_from_before(engine, loop, futures):
    futures[2].set_exception(LookupError("before"))
    done, pending = await engine.wait(futures, return_when=engine.FIRST_EXCEPTION)
    assert (done, pending) == ({futures[2]}, set(futures[:2]))
    futures[2].exception()


async def test_conditions_are_the_standard_words(engine):
    assert engine.FIRST_COMPLETED == "FIRST_COMPLETED"
    assert engine.FIRST_EXCEPTION == "FIRST_EXCEPTION"
    assert engine.ALL_COMPLETED == "ALL_COMPLETED"


@pytest.mark.parametrize("timeout", [0, -1, 0.001])
async def test_timeout_returns_what_there_is_and_cancels_nothing(engine, loop, futures, timeout):
    futures[0].set_result(0)
    done, pending = await engine.wait(futures, timeout=timeout)
    assert (done, pending) == ({futures[0]}, set(futures[1:]))
    assert not any(future.done() for future in pending)


async def test_timeout_that_is_not_reached_changes_nothing(engine, loop, futures):
    for future in futures:
        loop.call_soon(future.set_result, None)
    assert await engine.wait(futures, timeout=60) == (set(futures), set())


async def test_after_the_return_nothing_is_left_on_the_pending_ones(engine, loop, futures):
    loop.call_soon(futures[0].set_result, None)
    await engine.wait(futures, return_when=engine.FIRST_COMPLETED)
    assert not futures[1]._callbacks
    assert not futures[2]._callbacks
    await engine.wait(futures[1:], timeout=0)
    assert not futures[1]._callbacks


async def test_cancelling_the_waiter_leaves_the_tasks_alone(engine, loop, futures):
    task = loop.create_task(engine.wait(futures))
    await engine.sleep(0)
    task.cancel("not the futures")
    with pytest.raises(engine.CancelledError, match="not the futures"):
        await task
    assert not any(future.done() for future in futures)
    assert not any(future._callbacks for future in futures)


async def test_cancelling_a_waiter_with_a_timeout(engine, loop, futures):
    task = loop.create_task(engine.wait(futures, timeout=3600))
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert not any(future.done() for future in futures)


async def test_two_waiters_of_the_same_futures(engine, loop, futures):
    waiters = [
        loop.create_task(engine.wait(futures, return_when=engine.FIRST_COMPLETED)),
        loop.create_task(engine.wait(futures)),
    ]
    await engine.sleep(0)
    futures[0].set_result(None)
    assert await waiters[0] == ({futures[0]}, set(futures[1:]))
    for future in futures[1:]:
        future.set_result(None)
    assert await waiters[1] == (set(futures), set())


@pytest.mark.parametrize("make", [list, set, tuple, iter, dict.fromkeys])
async def test_any_iterable_will_do(engine, loop, futures, make):
    for future in futures:
        future.set_result(None)
    assert await engine.wait(make(futures)) == (set(futures), set())


async def test_generator_of_futures(engine, loop, futures):
    for future in futures:
        future.set_result(None)
    generator = (future for future in futures)
    if sys.version_info >= (3, 12):
        assert await engine.wait(generator) == (set(futures), set())
        return
    with pytest.raises(TypeError, match="^expect a list of futures, not generator$"):
        await engine.wait(generator)


async def test_repeated_futures_are_waited_for_once(engine, loop, futures):
    loop.call_soon(futures[0].set_result, None)
    done, pending = await engine.wait([futures[0], futures[0]])
    assert (done, pending) == ({futures[0]}, set())


async def test_result_is_a_tuple_of_two_new_sets(engine, loop, futures):
    futures[0].set_result(None)
    given = {futures[0]}
    result = await engine.wait(given)
    assert type(result) is tuple
    assert type(result[0]) is set
    assert result[0] is not given


class TestBadInput:
    """What ``wait`` refuses, with the words of the standard library."""

    async def test_nothing(self, engine, loop):
        with pytest.raises(ValueError, match=r"^Set of (coroutines|Tasks)/Futures is empty\.$"):
            await engine.wait([])

    async def test_one_future(self, engine, loop, futures):
        with pytest.raises(TypeError, match="^expect a list of futures, not Future$"):
            await engine.wait(futures[0])

    async def test_one_task(self, engine, loop):
        task = loop.create_task(engine.sleep(0))
        with pytest.raises(TypeError, match="^expect a list of futures, not Task$"):
            await engine.wait(task)
        await task

    async def test_one_coroutine(self, engine, loop):
        coroutine = engine.sleep(0)
        with pytest.raises(TypeError, match="^expect a list of futures, not coroutine$"):
            await engine.wait(coroutine)
        coroutine.close()

    async def test_coroutines(self, engine, loop, futures):
        coroutine = engine.sleep(0)
        with pytest.raises(
            TypeError, match=r"^Passing coroutines is forbidden, use tasks explicitly\.$"
        ):
            await engine.wait([futures[0], coroutine])
        coroutine.close()
        assert not futures[0]._callbacks

    @pytest.mark.parametrize("word", ["FIRST", None, 5, "all_completed"])
    async def test_unknown_condition(self, engine, loop, futures, word):
        with pytest.raises(ValueError) as caught:
            await engine.wait(futures, return_when=word)
        assert str(caught.value) == f"Invalid return_when value: {word}"

    async def test_what_is_not_iterable(self, engine, loop):
        with pytest.raises(TypeError, match="'int' object is not iterable"):
            await engine.wait(5)

    async def test_iterable_that_fails(self, engine, loop, futures):
        class Failing:
            def __iter__(self):
                yield futures[0]
                raise LookupError("half way")

        with pytest.raises(LookupError, match="half way"):
            await engine.wait(Failing())
        assert not futures[0]._callbacks

    async def test_timeout_that_is_no_number(self, engine, loop, futures):
        with pytest.raises(TypeError):
            await engine.wait(futures, timeout="soon")

    async def test_condition_and_timeout_are_keywords(self, engine, loop, futures):
        with pytest.raises(TypeError):
            engine.wait(futures, 1)
        with pytest.raises(TypeError):
            engine.wait(futures, loop=loop)
        with pytest.raises(TypeError):
            engine.wait()


async def test_nothing_is_checked_before_the_await(engine, loop):
    coroutine = engine.wait([])
    assert inspect.iscoroutine(coroutine)
    assert engine.iscoroutine(coroutine)
    assert inspect.iscoroutinefunction(engine.wait)
    coroutine.close()


async def test_wait_is_a_coroutine_to_make_a_task_of(engine, loop, futures):
    futures[0].set_result(None)
    done, _ = await loop.create_task(engine.wait(futures[:1]))
    assert done == {futures[0]}


@pytest.mark.lazy
async def test_order_of_waiting_to_the_turn(engine, loop, futures):
    order = []

    async def waiter():
        await engine.wait(futures)
        order.append("returned")

    task = loop.create_task(waiter())
    await engine.sleep(0)
    for future in futures:
        future.set_result(None)
    for turn in range(4):
        order.append(turn)
        await engine.sleep(0)
    await task
    assert order == [0, 1, "returned", 2, 3]
