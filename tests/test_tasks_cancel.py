"""Cancelling a task: where the request goes, what the coroutine may do with it, the counters."""

import sys

import pytest


async def forever(loop):
    """Wait for a future nobody settles."""
    await loop.create_future()


async def test_cancel_reaches_the_await_and_ends_the_task(engine, loop):
    seen = []

    async def body():
        try:
            await loop.create_future()
        except engine.CancelledError as error:
            seen.append(error.args)
            raise
        finally:
            seen.append("cleaned")

    task = loop.create_task(body())
    await engine.sleep(0)
    assert task.cancel("why") is True
    assert not task.done()
    with pytest.raises(engine.CancelledError) as caught:
        await task
    assert caught.value.args == ("why",)
    assert seen == [("why",), "cleaned"]
    assert task.cancelled()


@pytest.mark.lazy
async def test_cancel_before_the_first_step_runs_nothing_of_the_body(engine, loop):
    started = []

    async def body():
        started.append(True)

    task = loop.create_task(body())
    task.cancel()
    assert task._must_cancel is True
    with pytest.raises(engine.CancelledError):
        await task
    assert started == []


async def test_cancel_of_a_done_task_is_refused(engine, loop):
    async def body():
        return 1

    task = loop.create_task(body())
    await task
    assert task.cancel() is False
    assert task.cancelling() == 0
    assert task.result() == 1


async def test_cancel_goes_to_the_innermost_of_a_chain(engine, loop):
    order = []

    async def inner():
        try:
            await forever(loop)
        except engine.CancelledError:
            order.append("inner")
            raise

    async def outer():
        try:
            await loop.create_task(inner())
        except engine.CancelledError:
            order.append("outer")
            raise

    task = loop.create_task(outer())
    await engine.sleep(0)
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert order == ["inner", "outer"]


async def test_swallowed_cancellation_lets_the_task_go_on(engine, loop):
    async def body():
        try:
            await forever(loop)
        except engine.CancelledError:
            pass
        await engine.sleep(0)
        return "went on"

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel()
    assert await task == "went on"
    assert not task.cancelled()
    assert task.cancelling() == 1


async def test_cancellation_may_be_turned_into_another_error(engine, loop):
    async def body():
        try:
            await forever(loop)
        except engine.CancelledError:
            raise LookupError("instead") from None

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(LookupError, match="instead"):
        await task


async def test_coroutine_that_raises_cancelled_error_by_itself_is_cancelled(engine, loop):
    async def body():
        raise engine.CancelledError("by itself")

    task = loop.create_task(body())
    with pytest.raises(engine.CancelledError, match="by itself"):
        await task
    assert task.cancelled()
    assert task.cancelling() == 0


async def test_same_cancelled_error_comes_out_once(engine, loop):
    error = engine.CancelledError("kept")

    async def body():
        raise error

    task = loop.create_task(body())
    with pytest.raises(engine.CancelledError) as caught:
        await task
    assert caught.value is error
    with pytest.raises(engine.CancelledError) as caught:
        task.result()
    assert caught.value is not error


async def test_cancel_twice_before_the_step_gives_the_last_message(engine, loop):
    task = loop.create_task(forever(loop))
    await engine.sleep(0)
    task.cancel("first")
    task.cancel("second")
    assert task.cancelling() == 2
    with pytest.raises(engine.CancelledError) as caught:
        await task
    assert caught.value.args in [("first",), ("second",)]
    assert task.cancelled()


@pytest.mark.lazy
async def test_cancel_meets_a_result_that_is_ready(engine, loop):
    future = loop.create_future()

    async def body():
        return await future

    task = loop.create_task(body())
    await engine.sleep(0)
    future.set_result("ready")
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert future.result() == "ready"


@pytest.mark.lazy
async def test_cancel_from_within_takes_the_next_await(engine, loop):
    order = []

    async def body():
        task.cancel("myself")
        order.append("still running")
        await engine.sleep(0)
        order.append("never")

    task = loop.create_task(body())
    with pytest.raises(engine.CancelledError, match="myself"):
        await task
    assert order == ["still running"]


@pytest.mark.lazy
async def test_cancel_from_within_without_another_await_still_cancels(engine, loop):
    async def body():
        task.cancel()
        return "not given"

    task = loop.create_task(body())
    with pytest.raises(engine.CancelledError):
        await task


@pytest.mark.lazy
async def test_cancel_from_within_and_an_error_gives_the_error(engine, loop):
    async def body():
        task.cancel()
        raise LookupError("stronger")

    task = loop.create_task(body())
    with pytest.raises(LookupError, match="stronger"):
        await task


async def test_cancel_during_the_clean_up_of_a_cancel(engine, loop):
    order = []

    async def body():
        try:
            await forever(loop)
        finally:
            try:
                await forever(loop)
            finally:
                order.append("second")

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel()
    await engine.sleep(0)
    await engine.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert order == ["second"]


async def test_awaiting_a_cancelled_task_does_not_cancel_the_waiter(engine, loop):
    task = loop.create_task(forever(loop))
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert engine.current_task().cancelling() == 0


class TestCounters:
    """``cancelling`` and ``uncancel`` count requests and change nothing else."""

    async def test_requests_are_counted_up_and_down(self, engine, loop):
        task = loop.create_task(forever(loop))
        await engine.sleep(0)
        assert task.cancelling() == 0
        task.cancel()
        assert task.cancelling() == 1
        task.cancel()
        assert task.cancelling() == 2
        assert task.uncancel() == 1
        assert task.uncancel() == 0
        assert task.uncancel() == 0
        assert task.cancelling() == 0
        with pytest.raises(engine.CancelledError):
            await task

    async def test_finished_task_keeps_its_count(self, engine, loop):
        task = loop.create_task(forever(loop))
        await engine.sleep(0)
        task.cancel()
        with pytest.raises(engine.CancelledError):
            await task
        assert task.cancelling() == 1
        assert task.cancel() is False
        assert task.cancelling() == 1

    @pytest.mark.skipif(sys.version_info < (3, 13), reason="from 3.13 on")
    @pytest.mark.lazy
    async def test_uncancel_to_zero_takes_back_a_request_not_yet_delivered(self, engine, loop):
        async def body():
            await engine.sleep(0)
            return "unharmed"

        task = loop.create_task(body())
        task.cancel()
        assert task._must_cancel is True
        task.uncancel()
        assert task._must_cancel is False
        assert await task == "unharmed"

    @pytest.mark.skipif(sys.version_info >= (3, 13), reason="until 3.12")
    @pytest.mark.lazy
    async def test_uncancel_does_not_take_back_a_request(self, engine, loop):
        task = loop.create_task(engine.sleep(0))
        task.cancel()
        task.uncancel()
        assert task._must_cancel is True
        with pytest.raises(engine.CancelledError):
            await task

    @pytest.mark.lazy
    async def test_uncancel_above_zero_keeps_the_request(self, engine, loop):
        task = loop.create_task(engine.sleep(0))
        task.cancel()
        task.cancel()
        assert task.uncancel() == 1
        with pytest.raises(engine.CancelledError):
            await task


async def test_message_goes_down_to_the_awaited_future(engine, loop):
    future = loop.create_future()

    async def body():
        await future

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel("message")
    assert future.cancelled()
    assert future._cancel_message == "message"
    with pytest.raises(engine.CancelledError, match="message"):
        await task


async def test_cancel_takes_its_message_by_position_or_name(engine, loop):
    for arguments, names in (((), {}), (("m",), {}), ((), {"msg": "m"})):
        task = loop.create_task(forever(loop))
        await engine.sleep(0)
        assert task.cancel(*arguments, **names)
        with pytest.raises(engine.CancelledError):
            await task
    with pytest.raises(TypeError):
        task.cancel("m", "n")
    with pytest.raises(TypeError):
        task.cancel(reason="m")


@pytest.mark.native
async def test_cycle_of_tasks_that_await_each_other_is_cancelled_as_a_whole(engine, loop, request):
    # The standard library recurses here until a RecursionError.
    import stook

    request.addfinalizer(lambda: stook.refuse_deadlocks(True))
    stook.refuse_deadlocks(False)
    tasks = []

    async def body(index):
        await tasks[(index + 1) % 3]

    tasks += [engine.Task(body(index), loop=loop) for index in range(3)]
    await engine.sleep(0)
    await engine.sleep(0)
    assert tasks[0].cancel() is True
    results = await engine.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [engine.CancelledError] * 3


async def test_traceback_of_a_cancellation_names_the_await(engine, loop):
    async def inner():
        await loop.create_future()

    async def body():
        await inner()

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError) as caught:
        await task
    names = []
    trace = caught.value.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-2:] == ["body", "inner"]
