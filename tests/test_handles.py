"""Callbacks of the loop: their handles, order, contexts and errors."""

import asyncio
import contextvars
import gc
import sys
import weakref

import pytest

number = contextvars.ContextVar("number", default=0)


@pytest.fixture
def calls():
    """Collect what callbacks saw."""
    return []


def schedule_soon(loop, callback, *args, **settings):
    """Schedule by ``call_soon``."""
    return loop.call_soon(callback, *args, **settings)


def schedule_threadsafe(loop, callback, *args, **settings):
    """Schedule by ``call_soon_threadsafe``."""
    return loop.call_soon_threadsafe(callback, *args, **settings)


def schedule_later(loop, callback, *args, **settings):
    """Schedule by ``call_later`` without a delay."""
    return loop.call_later(0, callback, *args, **settings)


def schedule_at(loop, callback, *args, **settings):
    """Schedule by ``call_at`` for now."""
    return loop.call_at(loop.time(), callback, *args, **settings)


EVERY_WAY = [schedule_soon, schedule_threadsafe, schedule_later, schedule_at]
every_way = pytest.mark.parametrize("schedule", EVERY_WAY, ids=lambda way: way.__name__)


@every_way
def test_callback_gets_its_arguments_once(loop, turns, calls, schedule):
    handle = schedule(loop, lambda *args: calls.append(args), 1, "two", None)
    assert calls == []
    turns(2)
    assert calls == [(1, "two", None)]
    assert not handle.cancelled()


@every_way
def test_handle_is_one_of_the_standard_library_to_isinstance(loop, schedule):
    handle = schedule(loop, print)
    assert isinstance(handle, asyncio.Handle)
    timed = schedule in (schedule_later, schedule_at)
    assert isinstance(handle, asyncio.TimerHandle) is timed
    handle.cancel()


@every_way
def test_cancelled_callback_does_not_run(loop, turns, calls, schedule):
    handle = schedule(loop, calls.append, "never")
    assert handle.cancelled() is False
    assert handle.cancel() is None
    assert handle.cancelled() is True
    handle.cancel()
    turns(2)
    assert calls == []


@every_way
def test_cancelling_lets_go_of_callback_and_arguments(loop, turns, schedule):
    class Thing:
        def method(self, other): ...

    thing, other = Thing(), Thing()
    references = [weakref.ref(thing), weakref.ref(other)]
    handle = schedule(loop, thing.method, other)
    handle.cancel()
    del thing, other
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    turns()


@every_way
def test_running_lets_go_of_callback_and_arguments_with_the_handle(loop, turns, schedule):
    class Thing: ...

    thing = Thing()
    reference = weakref.ref(thing)
    schedule(loop, id, thing)
    turns(2)
    del thing
    gc.collect()
    assert reference() is None


@every_way
def test_cancelling_after_the_call_is_harmless(loop, turns, calls, schedule):
    handle = schedule(loop, calls.append, 1)
    turns(2)
    handle.cancel()
    turns()
    assert calls == [1]
    assert handle.cancelled()


@every_way
def test_callback_may_cancel_one_of_the_same_turn(loop, turns, calls, schedule):
    loop.call_soon(lambda: later.cancel())
    later = schedule(loop, calls.append, "never")
    turns(2)
    assert calls == []


@every_way
def test_context_is_that_of_the_scheduling(loop, turns, calls, schedule):
    number.set(4)
    schedule(loop, lambda: calls.append(number.get()))
    number.set(0)
    turns(2)
    assert calls == [4]


@every_way
def test_context_may_be_given(loop, turns, calls, schedule):
    context = contextvars.copy_context()
    context.run(number.set, 8)

    def callback():
        calls.append(number.get())
        number.set(9)

    handle = schedule(loop, callback, context=context)
    if sys.version_info >= (3, 12):
        assert handle.get_context() is context
    turns(2)
    assert calls == [8]
    assert context[number] == 9
    assert number.get() == 0


@every_way
def test_error_is_reported_with_the_handle(loop, turns, reports, schedule):
    error = ValueError("in the callback")

    def fail():
        raise error

    handle = schedule(loop, fail)
    turns(2)
    [report] = reports
    assert report["exception"] is error
    assert report["handle"] is handle
    assert report["message"].startswith("Exception in callback ")
    assert "fail" in report["message"]


@every_way
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_leaves_the_loop_and_the_rest_runs_next_time(loop, calls, schedule, kind):
    def interrupt():
        raise kind("enough")

    schedule(loop, interrupt)
    schedule(loop, calls.append, "after")
    with pytest.raises(kind, match="enough"):
        loop.run_forever()
    assert calls == []
    assert not loop.is_running()
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert calls == ["after"]


def test_other_base_exceptions_are_reported(loop, turns, reports):
    class Sudden(BaseException):
        pass

    def fail():
        raise Sudden

    loop.call_soon(fail)
    turns()
    assert isinstance(reports[0]["exception"], Sudden)


@every_way
def test_closed_loop_takes_no_callback(loop, schedule):
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        schedule(loop, print)


@pytest.mark.parametrize(
    ("name", "before"),
    [("call_soon", ()), ("call_soon_threadsafe", ()), ("call_at", (0.0,)), ("call_later", (0,))],
)
class TestBadCallbacks:
    """Debug mode refuses at once what can never be called."""

    def test_coroutine_function(self, loop, name, before):
        async def body(): ...

        loop.set_debug(True)
        shown = name if name != "call_later" else "call_at"
        with pytest.raises(TypeError, match=rf"^coroutines cannot be used with {shown}\(\)$"):
            getattr(loop, name)(*before, body)

    def test_coroutine(self, loop, name, before):
        async def body(): ...

        coroutine = body()
        loop.set_debug(True)
        with pytest.raises(TypeError, match="^coroutines cannot be used with call_"):
            getattr(loop, name)(*before, coroutine)
        coroutine.close()

    def test_what_is_not_callable(self, loop, name, before):
        loop.set_debug(True)
        with pytest.raises(TypeError, match=r"^a callable object was expected by call_.*, got 5$"):
            getattr(loop, name)(*before, 5)

    def test_without_debug_mode_it_fails_when_called(self, loop, reports, turns, name, before):
        loop.set_debug(False)
        getattr(loop, name)(*before, 5)
        turns(2)
        assert isinstance(reports[0]["exception"], TypeError)

    def test_without_a_callback(self, loop, name, before):
        with pytest.raises(TypeError):
            getattr(loop, name)(*before)

    def test_unknown_keyword(self, loop, name, before):
        with pytest.raises(TypeError):
            getattr(loop, name)(*before, print, flush=True)


def test_callbacks_run_in_the_order_of_their_scheduling(loop, turns, calls):
    for index in range(100):
        schedule = (schedule_soon, schedule_threadsafe)[index % 2]
        schedule(loop, calls.append, index)
    turns()
    assert calls == list(range(100))


def test_callback_scheduled_by_a_callback_runs_a_turn_later(loop, turns, calls):
    loop.call_soon(lambda: loop.call_soon(calls.append, "second"))
    loop.call_soon(calls.append, "first")
    turns()
    assert calls == ["first"]
    turns()
    assert calls == ["first", "second"]


def test_handles_of_the_standard_library_can_be_made_by_hand(loop, calls):
    handle = asyncio.Handle(calls.append, ("by hand",), loop, contextvars.copy_context())
    handle._run()
    assert calls == ["by hand"]
    handle.cancel()
    assert handle.cancelled()


def test_repr_of_a_handle(quiet_loop):
    def callback(*args): ...

    line = callback.__code__.co_firstlineno
    name = "test_repr_of_a_handle.<locals>.callback"
    handle = quiet_loop.call_soon(callback, 1, "two")
    shown = "1, 'two'" if sys.version_info < (3, 13) else ""
    assert repr(handle) == f"<Handle {name}({shown}) at {__file__}:{line}>"
    handle.cancel()
    assert repr(handle) == "<Handle cancelled>"


def test_repr_of_a_timer(quiet_loop):
    def callback(): ...

    line = callback.__code__.co_firstlineno
    name = "test_repr_of_a_timer.<locals>.callback"
    handle = quiet_loop.call_at(12.5, callback)
    assert repr(handle) == f"<TimerHandle when=12.5 {name}() at {__file__}:{line}>"
    handle.cancel()
    assert repr(handle) == "<TimerHandle cancelled when=12.5>"


def test_repr_in_debug_mode_has_arguments_and_the_place_of_making(loop):
    def callback(*args): ...

    loop.set_debug(True)
    handle = loop.call_soon(callback, 1)
    line = handle._source_traceback[-1].lineno
    assert "callback(1)" in repr(handle)
    assert repr(handle).endswith(f" created at {__file__}:{line}>")
    handle.cancel()
    assert repr(handle).startswith("<Handle cancelled ")
    assert repr(handle).endswith(f" created at {__file__}:{line}>")
