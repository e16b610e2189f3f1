"""Was it me or my child: whether a cancellation is of the current task's own request."""

import asyncio
import gc

import pytest

import stook

pytestmark = pytest.mark.recorded


async def turns(count=3):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def name_of(function):
    """The name in a test's identifier, which has to be the same in each process."""
    return "nothing" if function is None else function.__name__


async def forever():
    """Wait."""
    await asyncio.sleep(1000)


async def is_mine(awaitable):
    """Return whether the cancellation that ends ``awaitable`` is the current task's own."""
    try:
        await awaitable
    except asyncio.CancelledError as error:
        return stook.cancellation(error).is_mine()
    raise AssertionError("nothing was cancelled")


async def stop(task):
    """Cancel a task and wait for its end; tell whether what ended that was of the caller."""
    task.cancel()
    return await is_mine(task)


async def after_a_timeout(job):
    """A timeout that was waited for has expired, and takes its request back."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.shield(job)


async def after_wait_for(job):
    """The same by the function."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(job), 0.001)


async def after_a_token(job):
    """A block has been cancelled by its token."""
    source = stook.CancellationSource()
    asyncio.get_running_loop().call_soon(source.cancel)
    with pytest.raises(asyncio.CancelledError):
        async with source.token:
            await asyncio.shield(job)


async def after_a_group(job):
    """One of a group has failed."""

    async def fail():
        raise LookupError

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.shield(job)


async def after_taking_back(job):
    """A cancellation was handled, and taken back."""
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.shield(job)
    asyncio.current_task().uncancel()


@pytest.mark.parametrize("pause", [0, 1])
@pytest.mark.parametrize(
    "before", [after_a_timeout, after_wait_for, after_a_token, after_a_group, after_taking_back]
)
def test_child_that_is_stopped_after_a_request_was_taken_back_is_not_mine(engine, before, pause):
    async def main():
        job = asyncio.create_task(forever())
        await before(job)
        assert asyncio.current_task().cancelling() == 0
        await turns(pause)
        assert not await stop(job)

    engine.run(main())


@pytest.mark.parametrize("wait", [None, stook.detect_cancel, stook.race], ids=name_of)
def test_end_of_a_task_of_the_same_token_is_not_mine_after_the_block(engine, wait):
    async def main():
        source = stook.CancellationSource()
        workers = [stook.create_task(forever(), token=source.token) for _ in range(3)]
        slow = asyncio.create_task(after_cleaning_up(source.token))
        asyncio.get_running_loop().call_soon(source.cancel, "enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            async with source.token:
                await forever()
        assert stook.cancellation(caught.value).is_mine()
        for worker in (*workers, slow):
            assert not await is_mine(wait(worker) if wait else worker)

    async def after_cleaning_up(token):
        async with token:
            try:
                await forever()
            finally:
                await turns()

    engine.run(main())


def test_end_of_a_task_that_one_statement_asked_too_is_not_mine(engine):
    async def main():
        async def parent():
            with pytest.raises(asyncio.CancelledError):
                await forever()
            return await is_mine(child)

        child = asyncio.create_task(forever())
        task = asyncio.create_task(parent())
        await turns()
        for each in (task, child):
            each.cancel()
        assert not await task

    engine.run(main())


def test_child_that_a_clean_up_stops_counts_as_mine_while_the_request_stands(engine):
    async def main():
        async def parent():
            child = asyncio.create_task(forever())
            try:
                await forever()
            finally:
                results.append(await stop(child))
                with pytest.raises(stook.ChildCancelled):
                    await stook.detect_cancel(child)
                (ended,) = await stook.cancel_and_wait(asyncio.create_task(forever()))
                results.append(ended.state)

        results = []
        task = asyncio.create_task(parent())
        await turns()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert results == [True, "cancelled"]

    engine.run(main())


def test_cancellation_that_a_clean_up_lets_out_in_its_place_is_mine(engine):
    async def main():
        async def work():
            child = asyncio.create_task(forever())
            try:
                await forever()
            finally:
                child.cancel()
                await child

        task = asyncio.create_task(is_mine(work()))
        await turns()
        task.cancel()
        assert await task

    engine.run(main())


async def by_its_token(supervisor, helper, source):
    """One token cancels both."""
    source.cancel("stop")


async def by_one_statement(supervisor, helper, source):
    """One statement asks both."""
    for task in (supervisor, helper):
        task.cancel()


async def by_two_statements(supervisor, helper, source):
    """One asks the one, and another the other."""
    helper.cancel("helper")
    supervisor.cancel("supervisor")


async def by_cancel_and_wait(supervisor, helper, source):
    """The same in another order."""
    await stook.cancel_and_wait(helper, supervisor)


@pytest.mark.parametrize(
    "ask", [by_its_token, by_one_statement, by_two_statements, by_cancel_and_wait]
)
@pytest.mark.parametrize("wait", [asyncio.shield, asyncio.gather, None], ids=name_of)
def test_own_cancellation_is_not_lost_where_a_clean_up_lets_out_another(engine, ask, wait):
    async def main():
        async def work():
            try:
                await forever()
            finally:
                await (wait(helper) if wait else helper)

        async def supervise():
            for _ in range(3):
                if await is_mine(work()):
                    return "mine"

        source = stook.CancellationSource()
        helper = stook.create_task(forever(), token=source.token)
        supervisor = stook.create_task(supervise(), token=source.token)
        await turns()
        await ask(supervisor, helper, source)
        assert await asyncio.wait_for(supervisor, 10) == "mine"

    engine.run(main())


def test_what_the_end_of_a_run_cancels_ends_it(engine):
    async def main():
        async def work():
            try:
                await forever()
            finally:
                await helper

        async def supervise():
            while not await is_mine(work()):
                answers.append(False)
            answers.append(True)

        helper = asyncio.create_task(forever())
        kept.append(asyncio.create_task(supervise()))
        await turns()

    answers, kept = [], []
    engine.run(main())
    assert answers == [True]


def test_child_and_caller_that_are_cancelled_in_one_turn(engine):
    async def main():
        for wait in (lambda task: asyncio.wait_for(task, 1000), asyncio.shield, asyncio.gather):
            child = asyncio.create_task(forever())

            async def parent(wait=wait, child=child):
                try:
                    await wait(child)
                except asyncio.CancelledError as error:
                    record = stook.cancellation(error)
                    reasons = {one.reason for one in (record, *record.others)}
                    return reasons >= {"shutdown"} and record.is_mine()

            task = asyncio.create_task(parent())
            await turns()
            stook.cancel(child, reason="child")
            stook.cancel(task, reason="shutdown")
            assert await task

    engine.run(main())


def test_future_that_its_owner_cancels_after_a_request_was_taken_back_is_not_mine(engine):
    async def main():
        async def work():
            try:
                await forever()
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()
                future = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(future.cancel)
                try:
                    await future
                except asyncio.CancelledError as error:
                    now = stook.cancellation(error)
                    await turns()
                    later = stook.cancellation(error)
                    return now.kind, later.kind, now.is_mine(), later.is_mine()

        task = asyncio.create_task(work())
        await turns()
        task.cancel()
        now, later, *mine = await task
        assert (now == later, mine) == (True, [False, False])

    engine.run(main())


def test_condition_that_puts_a_cancellation_aside_raises_it_as_mine(engine):
    async def main():
        async def work():
            async with condition:
                try:
                    await condition.wait()
                except asyncio.CancelledError as error:
                    record = stook.cancellation(error)
                    records.append((record.reason, record.is_mine()))
                    raise

        records = []
        condition = asyncio.Condition()
        task = asyncio.create_task(work())
        await turns()
        async with condition:
            condition.notify_all()
            await turns()
            stook.cancel(task, reason="shutdown")
            await turns()
        await asyncio.wait([task])
        assert records == [("shutdown", True)]
        assert stook.cancellation(task).reason == "shutdown"

    engine.run(main())


@pytest.mark.parametrize("kind", [asyncio.CancelledError, OSError], ids=lambda kind: kind.__name__)
def test_what_is_raised_from_a_cancellation_has_its_record(engine, kind):
    async def main():
        async def library():
            try:
                await forever()
            except asyncio.CancelledError as error:
                raise kind("wrapped") from error

        async def work():
            try:
                await library()
            except kind as error:
                record = stook.cancellation(error)
                return record.reason, record.is_mine()

        task = asyncio.create_task(work())
        await turns()
        stook.cancel(task, reason="enough")
        assert await task == ("enough", True)

    engine.run(main())


def lookup_errors():
    """Count those that are alive."""
    gc.collect()
    return sum(isinstance(object_, LookupError) for object_ in gc.get_objects())


def test_no_exception_that_was_raised_inside_is_left(engine):
    async def main():
        async def block(token):
            async with token:
                await forever()

        async def once():
            source = stook.CancellationSource()
            registration = source.token.register(lambda: None)
            registration.unregister()
            registration.unregister()
            tasks = [stook.create_task(forever(), token=source.token) for _ in range(5)]
            tasks.append(asyncio.create_task(block(source.token)))
            tasks.append(asyncio.create_task(stook.when_all([forever()], source.token)))
            await turns()
            source.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                task.cancelled() or task.exception()
            stook.cancellation(asyncio.CancelledError())

        await once()
        before = lookup_errors()
        for _ in range(20):
            await once()
        assert lookup_errors() <= before + 2

    engine.run(main())
