"""The loop's contract: running, stopping, closing, and what it refuses."""

import asyncio
import contextlib
import gc
import sys

import pytest


async def value(result):
    """Return at once."""
    return result


def test_run_until_complete_gives_the_result(loop):
    assert loop.run_until_complete(value("result")) == "result"
    future = loop.create_future()
    loop.call_soon(future.set_result, "future")
    assert loop.run_until_complete(future) == "future"
    assert loop.run_until_complete(loop.create_task(value("task"))) == "task"


def test_run_until_complete_takes_any_awaitable(loop):
    class Awaitable:
        def __await__(self):
            yield
            return "awaited"

    assert loop.run_until_complete(Awaitable()) == "awaited"


def test_run_until_complete_raises_the_error(loop):
    async def fail():
        raise LookupError("out")

    with pytest.raises(LookupError, match="out"):
        loop.run_until_complete(fail())


def test_done_future_still_takes_a_turn(loop):
    order = []
    future = loop.create_future()
    future.set_result(1)
    loop.call_soon(order.append, "turn")
    assert loop.run_until_complete(future) == 1
    assert order == ["turn"]


def test_loop_stopped_before_the_end_is_an_error(loop):
    future = loop.create_future()
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match=r"^Event loop stopped before Future completed\.$"):
        loop.run_until_complete(future)
    assert not future._callbacks
    future.set_result("later")
    assert loop.run_until_complete(future) == "later"


def test_task_goes_on_where_a_stop_left_it(engine, loop):
    async def body():
        loop.stop()
        await engine.sleep(0)
        return "went on"

    task = loop.create_task(body())
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(task)
    assert loop.run_until_complete(task) == "went on"


def test_stop_ends_after_the_turn(loop):
    order = []
    loop.call_soon(loop.stop)
    loop.call_soon(order.append, "same turn")
    loop.call_soon(lambda: loop.call_soon(order.append, "next turn"))
    loop.run_forever()
    assert order == ["same turn"]
    assert not loop.is_running()
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert order == ["same turn", "next turn"]


def test_stop_before_the_start_makes_one_turn(loop):
    order = []
    loop.call_soon(order.append, 1)
    loop.call_soon(lambda: loop.call_soon(order.append, 2))
    loop.stop()
    loop.run_forever()
    assert order == [1]
    loop.stop()
    loop.run_forever()
    assert order == [1, 2]


def test_state_through_a_life(engine):
    loop = engine.new_event_loop()
    seen = []
    assert (loop.is_running(), loop.is_closed()) == (False, False)
    loop.call_soon(lambda: seen.append((loop.is_running(), loop.is_closed())))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == [(True, False)]
    assert (loop.is_running(), loop.is_closed()) == (False, False)
    loop.close()
    assert (loop.is_running(), loop.is_closed()) == (False, True)
    loop.close()


def test_repr_says_the_state(quiet_loop):
    assert repr(quiet_loop).endswith("running=False closed=False debug=False>")
    quiet_loop.set_debug(True)
    assert repr(quiet_loop).endswith("running=False closed=False debug=True>")
    assert repr(quiet_loop).startswith(f"<{type(quiet_loop).__name__} ")


def test_it_is_an_event_loop_of_the_standard_library(loop):
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert isinstance(loop, asyncio.BaseEventLoop)
    assert isinstance(loop, asyncio.SelectorEventLoop)


def test_future_of_the_loop_is_a_future(engine, loop):
    future = loop.create_future()
    assert isinstance(future, engine.Future)
    assert isinstance(future, asyncio.Future)
    assert future.get_loop() is loop


@pytest.mark.parametrize("thing", [5, None, print], ids=repr)
def test_what_cannot_be_awaited_is_refused(loop, thing):
    with pytest.raises(TypeError, match="An asyncio.Future, a coroutine or an awaitable is requ"):
        loop.run_until_complete(thing)
    assert not loop.is_running()


def test_future_of_another_loop_is_refused(engine, loop):
    other = engine.new_event_loop()
    with pytest.raises(ValueError, match="^The future belongs to a different loop than the one"):
        loop.run_until_complete(other.create_future())
    other.close()


class TestNestedRuns:
    """A running loop is not run again, unless the program asks for nesting."""

    def test_same_loop(self, loop):
        async def main():
            coroutine = value(1)
            with pytest.raises(RuntimeError, match="^This event loop is already running$"):
                loop.run_until_complete(coroutine)
            coroutine.close()
            with pytest.raises(RuntimeError, match="^This event loop is already running$"):
                loop.run_forever()
            return "unharmed"

        assert loop.run_until_complete(main()) == "unharmed"

    def test_another_loop(self, engine, loop):
        other = engine.new_event_loop()

        async def main():
            coroutine = value(1)
            with pytest.raises(
                RuntimeError, match="^Cannot run the event loop while another loop is running$"
            ):
                other.run_until_complete(coroutine)
            coroutine.close()
            return asyncio.get_running_loop() is loop

        assert loop.run_until_complete(main())
        other.close()

    def test_runner(self, engine, loop):
        async def main():
            coroutine = value(1)
            with pytest.raises(
                RuntimeError, match=r"^asyncio.run\(\) cannot be called from a running event loop$"
            ):
                asyncio.run(coroutine)
            coroutine.close()

        loop.run_until_complete(main())


@pytest.mark.ours
def test_loop_whose_sockets_the_collector_ended_first_is_closed(engine):
    """The collector ends what was left open in any order; asyncio then fails, and says so."""
    loop = engine.new_event_loop()
    loop._ssock.close()
    loop._csock.close()
    loop.close()
    assert loop.is_closed()


class TestClosed:
    """A closed loop refuses everything but being closed again."""

    @pytest.fixture
    def closed(self, loop):
        """Give a loop that was closed."""
        loop.close()
        return loop

    def test_running(self, closed):
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            closed.run_forever()
        coroutine = value(1)
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            closed.run_until_complete(coroutine)
        coroutine.close()

    def test_executor(self, closed):
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            closed.run_in_executor(None, print)

    def test_questions_are_answered(self, closed):
        assert closed.is_closed()
        assert not closed.is_running()
        assert closed.time() > 0
        assert "closed=True" in repr(closed)
        assert closed.create_future().get_loop() is closed

    def test_what_was_scheduled_is_gone(self, engine):
        loop = engine.new_event_loop()
        calls = []
        loop.call_soon(calls.append, 1)
        loop.call_later(0, calls.append, 2)
        loop.close()
        assert calls == []

    def test_a_running_loop_is_not_closed(self, loop):
        async def main():
            with pytest.raises(RuntimeError, match="^Cannot close a running event loop$"):
                loop.close()

        loop.run_until_complete(main())
        assert not loop.is_closed()


def test_loop_that_is_not_closed_warns(engine):
    loop = engine.new_event_loop()
    loop.run_until_complete(value(1))
    with pytest.warns(ResourceWarning, match="unclosed event loop <.*closed=False"):
        del loop
        gc.collect()


def test_loop_can_be_run_many_times(engine, loop):
    for index in range(50):
        assert loop.run_until_complete(value(index)) == index


def test_replaced_mark_of_the_running_loop_is_told_of_a_run(loop, turns, monkeypatch):
    told = []
    monkeypatch.setattr(asyncio.events, "_set_running_loop", told.append)
    try:
        turns()
    finally:
        monkeypatch.undo()
        asyncio._set_running_loop(None)
    assert told == [loop, None]


def test_hooks_of_asynchronous_generators_are_restored(loop):
    before = sys.get_asyncgen_hooks()
    seen = []

    async def main():
        seen.append(sys.get_asyncgen_hooks() != before)

    loop.run_until_complete(main())
    assert seen == [True]
    assert sys.get_asyncgen_hooks() == before


def test_forgotten_asynchronous_generator_is_closed_by_the_loop(engine, loop):
    closed = []

    async def generator():
        try:
            yield 1
        finally:
            await engine.sleep(0)
            closed.append(True)

    async def main():
        async for _ in generator():
            break
        gc.collect()
        for _ in range(4):
            await engine.sleep(0)

    loop.run_until_complete(main())
    assert closed == [True]


def test_shutdown_closes_asynchronous_generators(engine, loop, reports):
    closed = []

    async def generator(name):
        try:
            yield name
        finally:
            await engine.sleep(0)
            closed.append(name)
            if name == "fails":
                raise LookupError("while closing")

    generators = [generator("a"), generator("fails")]

    async def main():
        for agen in generators:
            await agen.__anext__()

    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert sorted(closed) == ["a", "fails"]
    [report] = reports
    assert isinstance(report["exception"], LookupError)
    assert report["asyncgen"] is generators[1]


def test_subclass_may_add_and_override(engine):
    with contextlib.closing(engine.new_event_loop()) as sample:
        base = type(sample)

    class Counting(base):
        made = 0

        def create_task(self, coro, **settings):
            self.made += 1
            return super().create_task(coro, **settings)

    loop = Counting()

    async def main():
        return await engine.create_task(value("counted"))

    assert loop.run_until_complete(main()) == "counted"
    assert loop.made == 2
    loop.close()


def test_ready_shows_what_will_run(engine, quiet_loop):
    loop = quiet_loop
    future = loop.create_future()
    first = loop.call_soon(int, 1)
    future.add_done_callback(str)
    future.set_result(None)
    loop.call_soon(future.cancel).cancel()
    assert loop._ready[0] is first
    assert all(isinstance(handle, asyncio.Handle) for handle in loop._ready)
    assert [handle._callback for handle in loop._ready] == [int, str, None]
    assert [handle._args for handle in loop._ready][:2] == [(1,), (future,)]
    assert [handle._cancelled for handle in loop._ready] == [False, False, True]


def test_scheduled_shows_every_timer(engine, quiet_loop, turns):
    loop = quiet_loop
    engine.Task(engine.sleep(70, "slept"), loop=loop)
    turns()
    first = loop.call_later(50, int, 1)
    cancelled = loop.call_later(60, int, 2)
    cancelled.cancel()
    turns()
    assert len(loop._scheduled) == 3
    assert first in loop._scheduled
    assert all(isinstance(handle, asyncio.TimerHandle) for handle in loop._scheduled)
    shown = sorted(loop._scheduled, key=lambda handle: handle.when())
    assert [handle._cancelled for handle in shown] == [False, True, False]
    assert shown[1].when() == cancelled.when()
    assert shown[1]._callback is None
    assert shown[2]._callback is asyncio.futures._set_result_unless_cancelled
    assert shown[2]._args[1] == "slept"
    assert loop._timer_cancelled_count == 1
    first.cancel()
    turns()
    assert len(loop._scheduled) == 1
    assert loop._timer_cancelled_count == 0
