"""``gather``: results in order, the first failure, cancellation in both directions."""

import gc
import re
import sys
import weakref

import pytest


@pytest.fixture
def futures(loop):
    """Give three pending futures."""
    return [loop.create_future() for _ in range(3)]


async def value(result):
    """Return at once."""
    return result


async def test_results_come_in_the_order_of_the_arguments(engine, loop, futures):
    gathered = engine.gather(*futures)
    for index in (2, 0, 1):
        loop.call_soon(futures[index].set_result, index)
    assert await gathered == [0, 1, 2]


async def test_futures_tasks_coroutines_and_awaitables_mix(engine, loop, futures):
    class Awaitable:
        def __await__(self):
            yield from engine.sleep(0).__await__()
            return "awaitable"

    futures[0].set_result("future")
    task = loop.create_task(value("task"))
    results = await engine.gather(futures[0], value("coroutine"), task, Awaitable())
    assert results == ["future", "coroutine", "task", "awaitable"]


async def test_of_nothing_is_an_empty_list(engine, loop):
    gathered = engine.gather()
    assert engine.isfuture(gathered)
    assert await gathered == []


async def test_one_argument_is_a_list_of_one(engine, loop):
    assert await engine.gather(value(1)) == [1]


async def test_same_argument_twice_is_waited_for_once_and_given_twice(engine, loop):
    runs = []

    async def body():
        runs.append(1)
        return "once"

    coroutine = body()
    assert await engine.gather(coroutine, value(2), coroutine) == ["once", 2, "once"]
    assert runs == [1]


async def test_large_gather(engine, loop):
    assert await engine.gather(*(value(i) for i in range(5000))) == list(range(5000))


async def test_each_result_list_is_a_new_one(engine, loop, futures):
    gathered = engine.gather(*futures)
    for future in futures:
        future.set_result(None)
    await gathered
    assert await gathered is await gathered


async def test_first_failure_comes_out_and_the_others_go_on(engine, loop, futures):
    gathered = engine.gather(*futures)
    loop.call_soon(futures[1].set_exception, LookupError("first"))
    with pytest.raises(LookupError, match="first"):
        await gathered
    assert not futures[0].done()
    assert not futures[2].done()
    assert isinstance(gathered.exception(), LookupError)


async def test_later_failures_count_as_read(engine, loop, reports):
    async def fail(turns):
        for _ in range(turns):
            await engine.sleep(0)
        raise ValueError(turns)

    with pytest.raises(ValueError, match="1"):
        await engine.gather(fail(1), fail(2), fail(3))
    for _ in range(5):
        await engine.sleep(0)
    gc.collect()
    assert reports == []


async def test_failures_become_results_when_asked_for(engine, loop):
    error = LookupError("kept")

    async def fail():
        raise error

    results = await engine.gather(value(1), fail(), value(3), return_exceptions=True)
    assert results == [1, error, 3]


async def test_failure_from_before_the_gather_comes_out(engine, loop, futures):
    futures[2].set_exception(LookupError("early"))
    gathered = engine.gather(*futures)
    # From 3.12 on children that are done are looked at in the call itself.
    assert gathered.done() == (sys.version_info >= (3, 12))
    with pytest.raises(LookupError, match="early"):
        await gathered


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_of_a_child_stops_the_loop_and_then_reaches_the_waiter(engine, loop, kind):
    async def stop():
        await engine.sleep(0)
        raise kind("enough")

    async def main():
        await engine.gather(stop())

    task = loop.create_task(main())
    with pytest.raises(kind, match="enough"):
        loop.run_forever()
    assert not task.done()
    with pytest.raises(kind, match="enough"):
        loop.run_forever()
    assert isinstance(task.exception(), kind)


class TestCancelTheGather:
    """A request to the gather goes to every child that is not done."""

    async def test_children_are_cancelled(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        futures[0].set_result("done before")
        assert gathered.cancel("why") is True
        assert [future.cancelled() for future in futures] == [False, True, True]
        assert not gathered.done()
        with pytest.raises(engine.CancelledError) as caught:
            await gathered
        assert caught.value.args == ("why",)
        # The error is set as an exception, so the gather itself does not count as cancelled.
        assert not gathered.cancelled()

    async def test_refused_when_done(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        for future in futures:
            future.set_result(None)
        await gathered
        assert gathered.cancel() is False

    async def test_refused_when_all_children_are_done(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        for future in futures:
            future.set_result(None)
        assert gathered.cancel() is False
        assert await gathered == [None] * 3

    async def test_it_tells_of_a_request_that_a_child_has_accepted(self, engine, loop, futures):
        refused, accepted = engine.gather(futures[0]), engine.gather(*futures)
        futures[0].set_result(None)
        assert refused.cancel() is False
        assert refused._cancel_requested is False
        assert await refused == [None]
        assert accepted._cancel_requested is False
        accepted.cancel()
        assert accepted._cancel_requested is True
        with pytest.raises(engine.CancelledError):
            await accepted
        assert accepted._cancel_requested is True

    async def test_a_request_that_is_set_by_hand_counts(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        gathered._cancel_requested = True
        assert gathered._cancel_requested is True
        for future in futures:
            future.set_result(None)
        with pytest.raises(engine.CancelledError):
            await gathered

    async def test_a_request_that_is_taken_back_by_hand_does_not_count(self, engine, loop, futures):
        gathered = engine.gather(*futures, return_exceptions=True)
        futures[0].set_result(1)
        assert gathered.cancel("why") is True
        gathered._cancel_requested = False
        assert gathered._cancel_requested is False
        first, *others = await gathered
        assert first == 1
        assert [error.args for error in others] == [("why",), ("why",)]

    @pytest.mark.parametrize("by_hand", [0, "", None, [], 1, "yes", [0]])
    async def test_a_request_set_by_hand_may_be_anything(self, engine, loop, futures, by_hand):
        gathered, asked = engine.gather(*futures), engine.gather(*futures)
        gathered._cancel_requested = asked._cancel_requested = by_hand
        assert gathered._cancel_requested is by_hand
        assert asked.cancel() is True
        assert asked._cancel_requested is True
        with pytest.raises(engine.CancelledError):
            await asked
        assert gathered._cancel_requested is by_hand
        with pytest.raises(engine.CancelledError):
            await gathered

    @pytest.mark.parametrize("truth", [True, False])
    async def test_what_is_set_by_hand_is_asked_for_its_truth_at_the_end(
        self, engine, loop, futures, truth
    ):
        asked = []

        class Odd:
            def __bool__(self):
                asked.append([future.done() for future in futures])
                return truth

        gathered = engine.gather(*futures)
        gathered._cancel_requested = Odd()
        for future in futures:
            assert asked == []
            future.set_result(None)
        ended = await engine.gather(gathered, return_exceptions=True)
        assert asked == [[True] * 3]
        if truth:
            assert isinstance(ended[0], engine.CancelledError)
        else:
            assert ended == [[None] * 3]

    async def test_a_value_set_by_hand_is_let_go(self, engine, loop, futures):
        class Odd:
            pass

        gathered = engine.gather(*futures)
        for let_go in (
            lambda: gathered.cancel(),
            lambda: setattr(gathered, "_cancel_requested", False),
            lambda: setattr(gathered, "_cancel_requested", 5),
            lambda: delattr(gathered, "_cancel_requested"),
        ):
            odd = Odd()
            kept = weakref.ref(odd)
            gathered._cancel_requested = odd
            del odd
            assert kept() is not None
            let_go()
            assert kept() is None
            for future in futures:
                future.done() or future.set_result(None)
        with pytest.raises(engine.CancelledError):
            await gathered

    @pytest.mark.parametrize("return_exceptions", [False, True])
    async def test_what_cannot_be_told_by_hand_is_reported_and_settles_nothing(
        self, engine, loop, futures, return_exceptions, reports
    ):
        class Odd:
            def __bool__(self):
                raise ValueError("neither")

        gathered = engine.gather(*futures, return_exceptions=return_exceptions)
        deleted = engine.gather(*futures, return_exceptions=return_exceptions)
        gathered._cancel_requested = Odd()
        del deleted._cancel_requested
        for future in futures:
            future.set_result(None)
        await engine.sleep(0)
        await engine.sleep(0)
        assert not gathered.done()
        assert not deleted.done()
        words = "'_GatheringFuture' object has no attribute '_cancel_requested'"
        errors = [report["exception"] for report in reports]
        assert [(type(error), str(error)) for error in errors] == [
            (ValueError, "neither"),
            (AttributeError, words),
        ]

    async def test_a_request_may_be_deleted_and_made_again(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        words = "'_GatheringFuture' object has no attribute '_cancel_requested'"
        for make, made in (
            (lambda: setattr(gathered, "_cancel_requested", 7), 7),
            (gathered.cancel, True),
        ):
            del gathered._cancel_requested
            with pytest.raises(AttributeError, match=words):
                gathered._cancel_requested  # noqa: B018
            with pytest.raises(AttributeError):
                del gathered._cancel_requested
            make()
            assert gathered._cancel_requested == made
        with pytest.raises(engine.CancelledError):
            await gathered

    async def test_children_put_there_by_hand_are_asked_but_give_no_results(
        self, engine, loop, futures
    ):
        other = loop.create_future()
        gathered = engine.gather(*futures)
        gathered._children = [other]
        assert gathered._children == [other]
        assert gathered.cancel() is True
        assert other.cancelled()
        assert not any(future.done() for future in futures)
        gathered._cancel_requested = False
        for number, future in enumerate(futures):
            future.set_result(number)
        assert await gathered == [0, 1, 2]

    async def test_children_that_were_deleted_cannot_be_asked(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        del gathered._children
        words = "'_GatheringFuture' object has no attribute '_children'"
        with pytest.raises(AttributeError, match=words):
            gathered._children  # noqa: B018
        with pytest.raises(AttributeError, match=words):
            gathered.cancel()
        with pytest.raises(AttributeError):
            del gathered._children
        for number, future in enumerate(futures):
            future.set_result(number)
        assert await gathered == [0, 1, 2]

    async def test_a_class_derived_from_it_tells_of_requests_too(self, engine, loop, futures):
        gathered = engine.gather(*futures, return_exceptions=True)

        class Mine(type(gathered)):
            pass

        mine = Mine(futures, loop=loop)
        assert mine._cancel_requested is False
        mine._cancel_requested = "by hand"
        assert mine._cancel_requested == "by hand"
        assert mine.cancel() is True
        assert mine._cancel_requested is True
        mine._cancel_requested = False
        assert mine._cancel_requested is False
        del mine._cancel_requested
        words = "'Mine' object has no attribute '_cancel_requested'"
        with pytest.raises(AttributeError, match=words):
            mine._cancel_requested  # noqa: B018
        assert mine.cancel() is False  # All of them are done.
        assert not hasattr(mine, "_cancel_requested")
        mine.__init__([], loop=loop)
        assert mine._cancel_requested is False
        await gathered

    async def test_children_that_swallow_it(self, engine, loop):
        async def stubborn():
            try:
                await loop.create_future()
            except engine.CancelledError:
                return "swallowed"

        gathered = engine.gather(stubborn(), stubborn())
        await engine.sleep(0)
        assert gathered.cancel() is True
        with pytest.raises(engine.CancelledError):
            await gathered

    async def test_with_exceptions_as_results_it_is_still_cancelled(self, engine, loop, futures):
        gathered = engine.gather(*futures, return_exceptions=True)
        gathered.cancel("all")
        with pytest.raises(engine.CancelledError):
            await gathered
        assert all(future.cancelled() for future in futures)

    async def test_through_the_task_that_waits(self, engine, loop, futures):
        async def main():
            await engine.gather(*futures)

        task = loop.create_task(main())
        await engine.sleep(0)
        task.cancel("from outside")
        with pytest.raises(engine.CancelledError, match="from outside"):
            await task
        assert [future._cancel_message for future in futures] == ["from outside"] * 3

    async def test_nested_gathers_pass_it_down(self, engine, loop, futures):
        outer = engine.gather(engine.gather(*futures[:2]), engine.gather(futures[2]))
        outer.cancel()
        assert all(future.cancelled() for future in futures)
        with pytest.raises(engine.CancelledError):
            await outer


class TestCancelAChild:
    """A child cancelled by someone else is a failure of the gather, not a request to it."""

    async def test_it_comes_out_as_cancelled_error(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        futures[1].cancel("child")
        with pytest.raises(engine.CancelledError) as caught:
            await gathered
        assert caught.value.args == ("child",)
        assert not futures[0].done()

    async def test_the_gather_is_not_cancelled_but_failed(self, engine, loop, futures):
        gathered = engine.gather(*futures)
        futures[1].cancel()
        await engine.sleep(0)
        await engine.sleep(0)
        assert gathered.done()
        assert isinstance(gathered.exception(), engine.CancelledError)
        assert not gathered.cancelled()

    async def test_as_a_result_when_asked_for(self, engine, loop, futures):
        gathered = engine.gather(*futures, return_exceptions=True)
        futures[0].set_result(0)
        futures[1].cancel("child")
        futures[2].set_result(2)
        results = await gathered
        assert [results[0], results[2]] == [0, 2]
        assert isinstance(results[1], engine.CancelledError)
        assert results[1].args == ("child",)


async def test_it_is_a_future_with_its_own_name(engine, quiet_loop, futures):
    gathered = engine.gather(*futures)
    assert isinstance(gathered, engine.Future)
    assert type(gathered).__name__ == "_GatheringFuture"
    assert repr(gathered) == "<_GatheringFuture pending>"
    assert gathered.get_loop() is quiet_loop
    gathered.cancel()
    with pytest.raises(engine.CancelledError):
        await gathered
    assert repr(gathered) == "<_GatheringFuture finished exception=CancelledError()>"


async def test_done_callbacks_of_the_gather(engine, loop, futures):
    called = []
    gathered = engine.gather(*futures)
    gathered.add_done_callback(called.append)
    for future in futures:
        future.set_result(None)
    await gathered
    await engine.sleep(0)
    assert called == [gathered]


async def test_failure_nobody_read_is_reported_once(engine, loop, reports):
    async def fail():
        raise ValueError("unread")

    gathered = engine.gather(fail(), fail())
    for _ in range(3):
        await engine.sleep(0)
    assert gathered.done()
    del gathered
    gc.collect()
    assert [report["message"] for report in reports] == [
        "_GatheringFuture exception was never retrieved"
    ]


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("return_exceptions", [False, True])
async def test_a_child_that_begins_anew_before_it_is_counted_is_counted(
    engine, loop, futures, reports, return_exceptions, last
):
    first, second, _ = futures
    gathered = engine.gather(first, second, return_exceptions=return_exceptions)
    if last:
        second.set_result(2)
        await engine.sleep(0)
    first.set_result(1)
    first.__init__(loop=loop)
    await engine.sleep(0)
    raises = last or not return_exceptions
    assert [(type(report["exception"]), str(report["exception"])) for report in reports] == [
        (engine.InvalidStateError, "Exception is not set.")
    ] * raises
    first.set_result(3)
    if not last:
        second.set_result(2)
        assert await gathered == [3, 2]
    await engine.sleep(0)
    assert gathered.done() is not bool(last)


async def test_gather_keeps_its_children_alive(engine, loop):
    done = []

    async def child(index):
        await engine.sleep(0)
        gc.collect()
        await engine.sleep(0)
        done.append(index)

    await engine.gather(*(child(index) for index in range(10)))
    assert sorted(done) == list(range(10))


@pytest.mark.parametrize("thing", [5, None, "text", print, Ellipsis], ids=repr)
async def test_what_cannot_be_awaited_is_refused(engine, loop, thing):
    text = "An asyncio.Future, a coroutine or an awaitable is required"
    with pytest.raises(TypeError, match=re.escape(text)):
        engine.gather(thing)


async def test_refusal_leaves_the_earlier_ones_running(engine, loop, futures):
    with pytest.raises(TypeError):
        engine.gather(futures[0], 5)
    futures[0].set_result(None)
    await engine.sleep(0)


def test_future_of_another_loop_is_refused(engine, loop):
    other = engine.new_event_loop()
    foreign = other.create_future()

    async def main():
        with pytest.raises(
            ValueError,
            match="^The future belongs to a different loop than the one specified as the loop arg",
        ):
            engine.gather(loop.create_future(), foreign)

    loop.run_until_complete(main())
    other.close()


def test_outside_a_loop_futures_bring_their_own(engine, loop, futures):
    gathered = engine.gather(*futures)
    assert gathered.get_loop() is loop
    for future in futures:
        loop.call_soon(future.set_result, "out")
    assert loop.run_until_complete(gathered) == ["out"] * 3


async def test_unknown_keyword_is_refused(engine, loop):
    with pytest.raises(TypeError):
        engine.gather(loop=loop)


@pytest.mark.lazy
async def test_order_of_a_small_gather_to_the_turn(engine, loop):
    order = []

    async def child(name):
        order.append(f"{name} starts")
        await engine.sleep(0)
        order.append(f"{name} ends")

    async def waiter():
        await engine.gather(child("a"), child("b"))
        order.append("gathered")

    task = loop.create_task(waiter())
    for turn in range(6):
        order.append(turn)
        await engine.sleep(0)
    await task
    assert order == [
        0, 1, "a starts", "b starts", 2, "a ends", "b ends", 3, 4, "gathered", 5,
    ]  # fmt: skip
