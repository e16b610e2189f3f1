"""What people write about ``gather``, ``wait`` and cancelling, each claim as a test.

Delays are turns of the loop instead of seconds, so that the order is the same each time.
"""

import gc

import pytest


async def turns(engine, count):
    """Let the loop make some turns."""
    for _ in range(count):
        await engine.sleep(0)


@pytest.fixture
def flaky(engine):
    """Give a coroutine function that ends after some turns: even numbers well, odd ones not."""
    log = []

    async def body(number):
        await turns(engine, 6 * number)
        log.append(number)
        if number % 2:
            raise ValueError(number)
        return number

    body.log = log
    return body


class TestCancellingTheWaiter:
    """If gather is cancelled its children are too; if a wait is, they remain intact."""

    async def test_wait_leaves_its_tasks_alone(self, engine, loop):
        task = loop.create_task(turns(engine, 5))
        waiter = loop.create_task(engine.wait({task}))
        await engine.sleep(0)
        waiter.cancel()
        with pytest.raises(engine.CancelledError):
            await waiter
        assert not task.done()
        assert await task is None

    async def test_gather_takes_its_children_along(self, engine, loop):
        task = loop.create_task(turns(engine, 500))
        waiter = engine.gather(task)
        await engine.sleep(0)
        waiter.cancel()
        with pytest.raises(engine.CancelledError):
            await waiter
        assert task.cancelled()

    async def test_gather_leaves_alone_what_is_done(self, engine, loop):
        done, running = loop.create_task(turns(engine, 0)), loop.create_task(turns(engine, 500))
        await turns(engine, 2)
        waiter = engine.gather(done, running)
        waiter.cancel()
        with pytest.raises(engine.CancelledError):
            await waiter
        assert (done.cancelled(), running.cancelled()) == (False, True)


class TestFirstOfSeveral:
    """The first that ends decides; the rest is cancelled, and all are when the waiter is."""

    @pytest.fixture
    def wait_any(self, engine):
        """Give the function of the story."""

        async def wait_any(tasks):
            cancel = tasks
            try:
                done, cancel = await engine.wait(tasks, return_when=engine.FIRST_COMPLETED)
                return done, cancel
            finally:
                for task in cancel:
                    task.cancel()

        return wait_any

    @pytest.fixture
    def cast(self, engine, loop, wait_any):
        """Give work, the event of a lost connection, and the two waiters."""
        lost = engine.Event()
        work = loop.create_task(turns(engine, 30), name="work")
        waiting_for_loss = loop.create_task(lost.wait(), name="loss")
        waiter = loop.create_task(wait_any({work, waiting_for_loss}), name="any")
        return work, lost, waiting_for_loss, waiter

    async def ends(self, engine, *tasks):
        """Say how tasks end."""
        results = await engine.gather(*tasks, return_exceptions=True)
        return ["cancelled" if isinstance(r, engine.CancelledError) else "done" for r in results]

    async def test_work_is_done(self, engine, loop, cast):
        work, _, waiting_for_loss, waiter = cast
        ends = await self.ends(engine, waiter, waiting_for_loss, work)
        assert ends == ["done", "cancelled", "done"]

    async def test_connection_is_lost(self, engine, loop, cast):
        work, lost, waiting_for_loss, waiter = cast
        await turns(engine, 3)
        lost.set()
        ends = await self.ends(engine, waiter, waiting_for_loss, work)
        assert ends == ["done", "done", "cancelled"]

    async def test_waiter_is_cancelled(self, engine, loop, cast):
        work, _, waiting_for_loss, waiter = cast
        await turns(engine, 3)
        waiter.cancel()
        ends = await self.ends(engine, waiter, waiting_for_loss, work)
        assert ends == ["cancelled", "cancelled", "cancelled"]


class TestWhoWasCancelled:
    """Awaiting a task directly, both cancellations look the same; through a future they differ."""

    @pytest.mark.parametrize("who", ["child", "parent"])
    async def test_direct_await_does_not_tell(self, engine, loop, who):
        seen = []
        child = loop.create_task(turns(engine, 500))

        async def wait():
            try:
                await child
            except engine.CancelledError as error:
                seen.append((type(error), error.args))
                raise

        parent = loop.create_task(wait())
        await turns(engine, 2)
        (child if who == "child" else parent).cancel()
        await engine.wait([parent])
        assert seen == [(engine.CancelledError, ())]
        assert child.cancelled()
        assert parent.cancelling() == (1 if who == "parent" else 0)

    @pytest.mark.parametrize("who", ["child", "parent"])
    async def test_done_callback_tells(self, engine, loop, who):
        class ChildCancelled(engine.CancelledError):
            pass

        child = loop.create_task(turns(engine, 500))

        async def detect():
            relay = loop.create_future()

            def on_done(task):
                if relay.done():
                    return
                if task.cancelled():
                    relay.set_exception(ChildCancelled())
                else:
                    relay.set_result(task.result())

            child.add_done_callback(on_done)
            await relay

        parent = loop.create_task(detect())
        await turns(engine, 2)
        (child if who == "child" else parent).cancel()
        with pytest.raises(engine.CancelledError) as caught:
            await parent
        assert type(caught.value) is (ChildCancelled if who == "child" else engine.CancelledError)
        assert child.cancelled() is (who == "child")
        child.cancel()
        await turns(engine, 2)

    async def test_clean_up_runs_before_the_waiter_learns_of_it(self, engine, loop):
        order = []

        async def cancel_me():
            try:
                await turns(engine, 500)
            except engine.CancelledError:
                order.append("except")
                raise
            finally:
                order.append("finally")

        task = loop.create_task(cancel_me())
        await turns(engine, 2)
        task.cancel()
        try:
            await task
        except engine.CancelledError:
            order.append("waiter")
        assert order == ["except", "finally", "waiter"]


class TestFailures:
    """What becomes of a failure, and of the tasks beside it."""

    async def test_gather_gives_up_at_the_first_and_the_others_go_on(self, engine, loop, flaky):
        with pytest.raises(ValueError, match="1"):
            await engine.gather(*(flaky(number) for number in range(10)))
        assert flaky.log == [0, 1]
        await turns(engine, 100)
        assert flaky.log == list(range(10))

    async def test_later_failures_behind_a_gather_are_not_reported(
        self, engine, loop, flaky, reports
    ):
        task = loop.create_task(engine.wait([engine.gather(*(flaky(n) for n in range(10)))]))
        await task
        await turns(engine, 100)
        del task
        gc.collect()
        assert [report["exception"].args for report in reports] == [(1,)]

    async def test_wait_goes_on_to_the_end(self, engine, loop, flaky):
        tasks = [loop.create_task(flaky(number)) for number in range(10)]
        done, pending = await engine.wait(tasks)
        assert (len(done), len(pending)) == (10, 0)
        assert flaky.log == list(range(10))
        for task in done:
            task.exception()

    async def test_failures_behind_a_wait_are_each_reported(self, engine, loop, flaky, reports):
        await engine.wait([loop.create_task(flaky(number)) for number in range(10)])
        await engine.sleep(0)
        gc.collect()
        assert sorted(report["exception"].args for report in reports) == [
            (number,) for number in range(1, 10, 2)
        ]
        assert {report["message"] for report in reports} == {"Task exception was never retrieved"}

    async def test_failures_read_from_the_tasks_are_not_reported(self, engine, loop, flaky):
        done, _ = await engine.wait([loop.create_task(flaky(number)) for number in range(10)])
        caught = []
        for task in done:
            try:
                await task
            except ValueError as error:
                caught.append(error.args[0])
        assert sorted(caught) == [1, 3, 5, 7, 9]

    async def test_gather_collects_failures_when_asked_to(self, engine, loop, flaky):
        results = await engine.gather(*(flaky(n) for n in range(10)), return_exceptions=True)
        assert [number for number, result in enumerate(results) if result != number] == [
            1, 3, 5, 7, 9,
        ]  # fmt: skip

    async def test_wait_stops_at_the_first_failure_when_asked_to(self, engine, loop, flaky):
        tasks = [loop.create_task(flaky(number)) for number in range(10)]
        done, pending = await engine.wait(tasks, return_when=engine.FIRST_EXCEPTION)
        assert (len(done), len(pending)) == (2, 8)
        await engine.gather(*tasks, return_exceptions=True)


class TestGroupsAndSteps:
    """gather groups, wait goes in steps."""

    async def test_groups_of_groups(self, engine, loop):
        async def tag(name):
            await turns(engine, len(name))
            return name

        groups = [engine.gather(*(tag(f"{g}.{n}") for n in range(g + 1))) for g in range(3)]
        assert await engine.gather(*groups) == [["0.0"], ["1.0", "1.1"], ["2.0", "2.1", "2.2"]]

    async def test_group_can_be_cancelled_as_one(self, engine, loop):
        tasks = [loop.create_task(turns(engine, 500)) for _ in range(3)]
        group = engine.gather(*tasks[:2])
        await engine.sleep(0)
        group.cancel()
        with pytest.raises(engine.CancelledError):
            await group
        assert [task.cancelled() for task in tasks] == [True, True, False]

    async def test_group_runs_before_it_is_awaited(self, engine, loop, flaky):
        group = engine.gather(flaky(0), flaky(2))
        assert not group.done()
        await turns(engine, 50)
        assert group.done()
        assert group.result() == [0, 2]

    def test_waiting_in_steps_between_runs_of_the_loop(self, engine, loop):
        async def runner(number):
            await turns(engine, 20 * number)
            return number

        tasks = [loop.create_task(runner(number)) for number in (3, 1, 4, 2)]
        step = engine.wait(tasks, return_when=engine.FIRST_COMPLETED)
        finished, unfinished = loop.run_until_complete(step)
        assert [task.result() for task in finished] == [1]
        finished, unfinished = loop.run_until_complete(engine.wait(unfinished, timeout=0))
        assert len(unfinished) == 3
        finished, unfinished = loop.run_until_complete(engine.wait(unfinished))
        assert unfinished == set()

    async def test_coroutines_are_no_longer_taken_by_wait(self, engine, loop, flaky):
        coroutines = [flaky(0), flaky(2)]
        with pytest.raises(TypeError, match="^Passing coroutines is forbidden, use tasks explic"):
            await engine.wait(coroutines)
        for coroutine in coroutines:
            coroutine.close()

    async def test_task_group_ends_when_all_have_ended(self, engine, loop, flaky):
        async with engine.TaskGroup() as group:
            tasks = [group.create_task(flaky(number)) for number in (4, 0, 2)]
        assert [task.result() for task in tasks] == [4, 0, 2]
        assert flaky.log == [0, 2, 4]
