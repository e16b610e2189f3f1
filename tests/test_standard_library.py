"""The parts of asyncio that stay the standard library's Python, on our tasks."""

import asyncio

import pytest


async def value(result):
    """Return after a turn."""
    await asyncio.sleep(0)
    return result


async def fail(text):
    """Fail after a turn."""
    await asyncio.sleep(0)
    raise LookupError(text)


class TestTaskGroup:
    """``TaskGroup``: all succeed, or the rest is cancelled and the errors come out together."""

    async def test_results(self, engine, loop):
        async with engine.TaskGroup() as group:
            tasks = [group.create_task(value(index), name=f"n{index}") for index in range(3)]
        assert [task.result() for task in tasks] == [0, 1, 2]
        assert [task.get_name() for task in tasks] == ["n0", "n1", "n2"]

    async def test_failure_cancels_the_rest(self, engine, loop):
        cancelled = []

        async def wait():
            try:
                await loop.create_future()
            except engine.CancelledError:
                cancelled.append(True)
                raise

        with pytest.raises(ExceptionGroup) as caught:
            async with engine.TaskGroup() as group:
                group.create_task(wait())
                group.create_task(fail("one"))
                group.create_task(fail("two"))
        assert [error.args for error in caught.value.exceptions] == [("one",), ("two",)]
        assert cancelled == [True]

    async def test_failure_of_the_body(self, engine, loop):
        with pytest.raises(ExceptionGroup) as caught:
            async with engine.TaskGroup() as group:
                task = group.create_task(value(1))
                raise ValueError("body")
        assert task.cancelled()
        assert isinstance(caught.value.exceptions[0], ValueError)

    async def test_cancelled_from_outside(self, engine, loop):
        async def body():
            async with engine.TaskGroup() as group:
                group.create_task(engine.sleep(3600))
                group.create_task(engine.sleep(3600))

        task = loop.create_task(body())
        await engine.sleep(0.001)
        task.cancel()
        with pytest.raises(engine.CancelledError):
            await task

    async def test_groups_nest(self, engine, loop):
        with pytest.raises(ExceptionGroup) as caught:
            async with engine.TaskGroup() as outer:
                outer.create_task(engine.sleep(3600))
                async with engine.TaskGroup() as inner:
                    inner.create_task(fail("inner"))
        [inner_group] = caught.value.exceptions
        assert isinstance(inner_group.exceptions[0], LookupError)


class TestTimeouts:
    """``timeout`` and ``wait_for``."""

    async def test_timeout_that_passes(self, engine, loop):
        with pytest.raises(TimeoutError):
            async with engine.timeout(0.001):
                await engine.sleep(3600)
        assert engine.current_task().cancelling() == 0

    async def test_timeout_that_does_not_pass(self, engine, loop):
        async with engine.timeout(3600) as scope:
            await engine.sleep(0)
        assert not scope.expired()

    async def test_timeout_in_the_past(self, engine, loop):
        with pytest.raises(TimeoutError):
            async with engine.timeout(-1):
                await engine.sleep(0)
                await engine.sleep(0)

    async def test_own_cancellation_inside_a_timeout_stays_one(self, engine, loop):
        async def body():
            async with engine.timeout(3600):
                await engine.sleep(3600)

        task = loop.create_task(body())
        await engine.sleep(0)
        task.cancel()
        with pytest.raises(engine.CancelledError):
            await task

    async def test_wait_for(self, engine, loop):
        assert await engine.wait_for(value(1), 5) == 1
        assert await engine.wait_for(value(1), None) == 1
        with pytest.raises(TimeoutError):
            await engine.wait_for(loop.create_future(), 0.001)
        with pytest.raises(TimeoutError):
            await engine.wait_for(loop.create_future(), 0)
        with pytest.raises(LookupError):
            await engine.wait_for(fail("inside"), 5)


class TestShield:
    """``shield`` keeps a request away from what it protects."""

    async def test_cancel_stops_the_waiter_only(self, engine, loop):
        inner = loop.create_future()

        async def body():
            await engine.shield(inner)

        task = loop.create_task(body())
        await engine.sleep(0)
        task.cancel()
        with pytest.raises(engine.CancelledError):
            await task
        assert not inner.done()
        inner.set_result(None)
        await engine.sleep(0)

    async def test_result_and_error_come_through(self, engine, loop):
        assert await engine.shield(value(3)) == 3
        with pytest.raises(LookupError):
            await engine.shield(fail("inside"))


async def test_as_completed_gives_results_in_the_order_of_their_ends(engine, loop):
    async def after(turns):
        for _ in range(turns):
            await engine.sleep(0)
        return turns

    results = [await next_one for next_one in engine.as_completed([after(9), after(1), after(5)])]
    assert results == [1, 5, 9]


class TestLocksAndQueues:
    """Locks, events, conditions, semaphores and queues wake tasks in turn."""

    async def test_lock_is_passed_on_in_order(self, engine, loop):
        lock, order = engine.Lock(), []

        async def body(name):
            async with lock:
                order.append(name)
                await engine.sleep(0)

        await engine.gather(*(body(name) for name in "abcd"))
        assert order == list("abcd")
        assert not lock.locked()

    async def test_waiter_of_a_lock_is_cancelled(self, engine, loop):
        lock = engine.Lock()
        await lock.acquire()
        waiters = [loop.create_task(lock.acquire()) for _ in range(2)]
        await engine.sleep(0)
        waiters[0].cancel()
        lock.release()
        await waiters[1]
        assert waiters[0].cancelled()
        lock.release()

    async def test_event_wakes_all(self, engine, loop):
        event = engine.Event()
        waiters = [loop.create_task(event.wait()) for _ in range(5)]
        await engine.sleep(0)
        event.set()
        assert await engine.gather(*waiters) == [True] * 5

    async def test_condition(self, engine, loop):
        condition, ready = engine.Condition(), []

        async def consumer():
            async with condition:
                await condition.wait_for(lambda: ready)
                return ready.pop()

        task = loop.create_task(consumer())
        await engine.sleep(0)
        async with condition:
            ready.append("item")
            condition.notify()
        assert await task == "item"

    async def test_semaphore_limits(self, engine, loop):
        semaphore, inside, most = engine.Semaphore(3), 0, 0

        async def body():
            nonlocal inside, most
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await engine.sleep(0)
                inside -= 1

        await engine.gather(*(body() for _ in range(12)))
        assert most == 3

    async def test_producer_and_consumers(self, engine, loop):
        queue, taken = engine.Queue(maxsize=2), []

        async def consume():
            while True:
                taken.append(await queue.get())
                queue.task_done()

        consumers = [loop.create_task(consume()) for _ in range(3)]
        for item in range(50):
            await queue.put(item)
        await queue.join()
        for consumer in consumers:
            consumer.cancel()
        await engine.gather(*consumers, return_exceptions=True)
        assert sorted(taken) == list(range(50))

    async def test_barrier(self, engine, loop):
        barrier = engine.Barrier(3)
        assert sorted(await engine.gather(*(barrier.wait() for _ in range(3)))) == [0, 1, 2]
