"""Records of several requests: which is told, which were met, and from which line each came."""

import asyncio
import contextlib
import inspect
import time

import pytest

import stook

pytestmark = pytest.mark.recorded


def here(offset=0):
    """Return the line of the caller, or one so many lines on."""
    return inspect.currentframe().f_back.f_lineno + offset


async def turns(count=3):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def forever(engine):
    """Wait."""
    await engine.sleep(1000)


async def cancelled_by(awaitable):
    """Return the record of the cancellation that ends ``awaitable``, and whether it is its own."""
    try:
        await awaitable
    except asyncio.CancelledError as error:
        record = stook.cancellation(error)
        return record, record.is_mine()
    raise AssertionError("nothing was cancelled")


def shown(record):
    """Return the steps of a record's chain as tuples."""
    return [
        (step.kind, step.who and step.who.name, step.where and step.where.line, step.reason)
        for step in record.chain
    ]


def test_each_request_of_one_line_has_its_own_time(engine):
    async def main():
        def ask(task):
            task.cancel()

        tasks = [asyncio.create_task(cancelled_by(forever(engine))) for _ in range(2)]
        await turns()
        ask(tasks[0])
        await engine.sleep(0.05)
        ask(tasks[1])
        (first, _), (second, _) = await engine.gather(*tasks)
        assert first.where == second.where
        assert second.when - first.when > 0.03

    engine.run(main())


def test_children_of_a_race_or_gather_that_is_cancelled_are_asked_from_the_same_line(engine):
    async def main():
        for several in (stook.race, stook.first_success, gather_that_cancels):
            children = [asyncio.create_task(cancelled_by(forever(engine))) for _ in range(2)]
            task = asyncio.create_task(several(*children), name="several")
            await turns()
            task.cancel("enough")
            line = here(-1)
            await asyncio.wait([task])
            for child in children:
                record, is_mine = child.result()
                assert shown(record)[-1][1:] == ("main", line, "enough")
                assert (shown(record)[0], is_mine) == (
                    ("parent cancelled", "several", line, None),
                    True,
                )

    async def gather_that_cancels(*children):
        await stook.gather(*children, on_error="cancel")

    async def named():
        asyncio.current_task().set_name("main")
        await main()

    engine.run(named())


def test_one_request_that_came_in_several_ways_is_not_met_by_itself(engine):
    async def main():
        source = stook.CancellationSource()

        async def body():
            async with source.token, source.token:
                return await cancelled_by(forever(engine))

        task = stook.create_task(body(), token=source.token)
        await turns()
        source.cancel("enough")
        assert task.cancelling() == 3
        record, is_mine = await task
        assert (record.reason, record.others, is_mine) == ("enough", (), True)
        assert "at the same time" not in record.explain()

    engine.run(main())


def test_nearest_of_two_requests_is_told_where_one_led_to_the_other(engine):
    async def main():
        async def slow():
            try:
                await forever(engine)
            finally:
                await forever(engine)

        async def middle():
            return await cancelled_by(engine.gather(asyncio.create_task(slow())))

        async def asker():
            try:
                await forever(engine)
            finally:
                task.cancel()

        source = stook.CancellationSource()
        task = stook.create_task(middle(), token=source.token)
        asking = stook.create_task(asker(), token=source.token)
        await turns()
        source.cancel("enough")
        await asyncio.wait([task, asking])
        record, is_mine = task.result()
        kinds = [step.kind for step in record.chain]
        assert (kinds, is_mine) == (["explicit", "token"], True)
        assert [other.kind for other in record.others] == ["token"]

    engine.run(main())


def test_of_several_that_were_swallowed_the_first_is_told(engine):
    async def main():
        async def stubborn():
            for _ in range(2):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)
            return "done"

        task = asyncio.create_task(stubborn())
        for reason in ("first", "second"):
            await turns()
            stook.cancel(task, reason=reason)
        assert await task == "done"
        assert stook.cancellation(task).reason == "first"
        assert stook.cancellation(task).swallowed is not None

    engine.run(main())


def test_what_is_taken_back_is_the_request_of_a_block_before_that_of_somebody_else(engine):
    async def main():
        async def work():
            try:
                async with asyncio.timeout(1000) as timeout:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(1000)
                    timeout.reschedule(asyncio.get_running_loop().time())
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(1000)
                    await turns()
            except TimeoutError:
                pass

        task = asyncio.create_task(work())
        await turns()
        stook.cancel(task, reason="user")
        await task
        # The timeout has taken back its own.
        assert stook.cancellation(task).reason == "user"
        assert stook.cancellation(task).swallowed is not None

    engine.run(main())


def test_one_request_that_came_in_several_ways_at_different_times_is_one(engine):
    source = stook.CancellationSource()
    records = []

    async def inner():
        records.append(await cancelled_by(forever(engine)))

    async def outer():
        # The clock of records goes on between the request to this task and that of the block.
        source.token.register(lambda _token: time.sleep(0.05))
        async with source.token:
            await asyncio.create_task(inner(), name="inner")

    async def main():
        task = stook.create_task(outer(), name="outer", token=source.token)
        await turns()
        source.cancel("why")
        await asyncio.wait([task])

    engine.run(main())
    ((record, is_mine),) = records
    assert [step.kind for step in record.chain] == ["parent cancelled", "token"]
    assert (record.others, is_mine) == ((), True)


def test_who_awaits_the_same_future_is_told_of_the_request_that_ended_it(engine):
    async def main():
        future = stook.Future()
        below = [asyncio.create_task(cancelled_by(future)) for _ in range(2)]

        async def awaits():
            await below[0]

        task = asyncio.create_task(awaits(), name="above")
        await turns()
        stook.cancel(task, reason="enough")
        (asked, _), (beside, is_mine) = [await each for each in below]
        assert [step.reason for step in asked.chain] == [None, "enough"]
        assert beside is asked
        assert not is_mine
        await task

    engine.run(main())
