"""Sources and tokens: firing, registering, linking, waiting, timers."""

import asyncio
import gc
import sys
import threading
import weakref

import pytest

from programs import output_of, run_python

pytestmark = [pytest.mark.needs_stook, pytest.mark.anywhere]

try:
    import stook
except ImportError:
    stook = None


def line_of(function, offset):
    """Return a line of ``function``, counted from its ``def``."""
    return function.__code__.co_firstlineno + offset


def run_in_thread(function, *arguments):
    """Run a function in a thread of its own, to its end, and return what it returns."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function(*arguments)))
    thread.start()
    thread.join()
    return answers[0]


# One source.


def test_a_source_fires_once():
    source = stook.CancellationSource()
    token = source.token
    assert token is source.token
    assert not source.is_cancelled and not token.is_cancelled and token.reason is None
    assert source.cancel("first") is True
    assert source.cancel("second") is False
    assert source.is_cancelled and token.is_cancelled
    assert token.reason == "first"


def test_what_they_show():
    source = stook.CancellationSource()
    assert repr(source) == "<CancellationSource not cancelled>"
    assert repr(source.token) == "<CancellationToken not cancelled>"
    source.cancel(5)
    assert repr(source.token) == "<CancellationToken cancelled reason=5>"
    other = stook.CancellationSource()
    other.close()
    assert repr(other) == "<CancellationSource closed>"


def test_raise_if_cancelled_tells_who_asked_and_from_where():
    source = stook.CancellationSource()
    source.token.raise_if_cancelled()
    source.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as caught:
        source.token.raise_if_cancelled()
    record = stook.cancellation(caught.value)
    assert (record.kind, record.reason, record.who) == ("token", "enough", None)
    function = test_raise_if_cancelled_tells_who_asked_and_from_where
    assert record.where == (__file__, line_of(function, 3), function.__qualname__)
    assert caught.value.args == ()


def test_a_token_cannot_be_made():
    with pytest.raises(TypeError, match="a token comes from"):
        stook.CancellationToken()


def test_a_closed_source_does_not_fire():
    with stook.CancellationSource() as source:
        calls = []
        source.token.register(calls.append)
    assert source.cancel() is False
    assert not source.token.is_cancelled and calls == []
    source.token.register(calls.append)
    assert calls == []
    source.token.raise_if_cancelled()


def test_what_has_fired_stays_so_when_closed():
    source = stook.CancellationSource()
    source.cancel("kept")
    source.close()
    assert source.token.is_cancelled and source.token.reason == "kept"


def test_the_token_that_never_fires():
    token = stook.CancellationToken.none()
    assert token is stook.CancellationSource().token.none()
    registration = token.register(print)
    assert not token.is_cancelled
    assert registration.unregister() is False
    token.raise_if_cancelled()


# Callbacks.


def test_callbacks_are_called_in_order_with_the_token():
    source = stook.CancellationSource()
    calls = []
    for name in "abc":
        source.token.register(lambda token, name=name: calls.append((name, token)))
    source.cancel()
    assert calls == [("a", source.token), ("b", source.token), ("c", source.token)]


def test_a_callback_is_called_at_once_where_the_token_has_fired():
    source = stook.CancellationSource()
    source.cancel("early")
    reasons = []
    registration = source.token.register(lambda token: reasons.append(token.reason))
    assert reasons == ["early"]
    assert registration.unregister() is False


def test_unregistering():
    source = stook.CancellationSource()
    calls = []
    first = source.token.register(lambda _token: calls.append("first"))
    with source.token.register(lambda _token: calls.append("second")) as second:
        pass
    third = source.token.register(lambda _token: calls.append("third"))
    assert first.unregister() is True
    assert first.unregister() is False
    source.cancel()
    assert calls == ["third"]
    assert second.unregister() is False and third.unregister() is False


def test_a_callback_takes_out_the_next_one():
    source = stook.CancellationSource()
    calls = []
    source.token.register(lambda _token: calls.append(second.unregister()))
    second = source.token.register(lambda _token: calls.append("second"))
    source.token.register(lambda _token: calls.append("third"))
    source.cancel()
    assert calls == [True, "third"]


def test_a_callback_registers_and_fires_again():
    source = stook.CancellationSource()
    calls = []

    def callback(token):
        calls.append(source.cancel("again"))
        token.register(lambda _token: calls.append("inner"))

    source.token.register(callback)
    source.token.register(lambda token: calls.append(token.reason))
    source.cancel("once")
    assert calls == [False, "inner", "once"]


@pytest.mark.parametrize("thing", [None, 5, "text"], ids=repr)
def test_what_cannot_be_called_is_refused(thing):
    source = stook.CancellationSource()
    with pytest.raises(TypeError, match=f"not {type(thing).__name__}$"):
        source.token.register(thing)
    source.cancel()
    with pytest.raises(TypeError):
        source.token.register(thing)


async def test_a_callback_that_raises_stops_no_other(engine, loop, reports):
    source = stook.CancellationSource()
    calls = []

    def fails(_token):
        raise ValueError("of a callback")

    source.token.register(calls.append)
    source.token.register(fails)
    source.token.register(calls.append)
    assert source.cancel() is True
    source.token.register(fails)
    assert calls == [source.token, source.token]
    assert [str(report["exception"]) for report in reports] == ["of a callback"] * 2
    assert reports[0]["callback"] is fails
    reports.clear()


def test_without_a_loop_the_error_goes_to_the_hook(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    source = stook.CancellationSource()
    calls = []

    def fails(_token):
        raise ValueError("of a callback")

    source.token.register(fails)
    source.token.register(calls.append)
    source.cancel()
    assert calls == [source.token]
    (one,) = told
    assert one.exc_type is ValueError and one.object is fails


def test_an_interrupt_comes_out_after_the_others_were_called():
    source = stook.CancellationSource()
    calls = []

    def interrupted(_token):
        raise KeyboardInterrupt("of a callback")

    source.token.register(interrupted)
    source.token.register(calls.append)
    with pytest.raises(KeyboardInterrupt, match="of a callback"):
        source.cancel()
    assert calls == [source.token] and source.is_cancelled


def test_an_interrupt_comes_out_of_registering_late():
    source = stook.CancellationSource()
    source.cancel()

    def interrupted(_token):
        raise KeyboardInterrupt("of a callback")

    with pytest.raises(KeyboardInterrupt, match="of a callback"):
        source.token.register(interrupted)


def test_callbacks_run_in_the_thread_that_cancels():
    source = stook.CancellationSource()
    threads = []
    source.token.register(lambda _token: threads.append(threading.current_thread()))
    run_in_thread(source.cancel)
    assert threads != [threading.current_thread()] and len(threads) == 1


# Links.


def test_a_linked_source_fires_with_the_first_of_its_parents():
    one, two = stook.CancellationSource(), stook.CancellationSource()
    both = stook.CancellationSource.linked(one.token, two.token)
    two.cancel("two")
    one.cancel("one")
    assert both.is_cancelled and both.token.reason == "two"
    assert both.cancel("self") is False


def test_a_linked_source_has_the_record_of_its_parent():
    parent = stook.CancellationSource()
    child = stook.CancellationSource(parent.token)
    parent.cancel("why")
    errors = []
    for token in (parent.token, child.token):
        with pytest.raises(asyncio.CancelledError) as caught:
            token.raise_if_cancelled()
        errors.append(caught.value)
    assert stook.cancellation(errors[0]) is stook.cancellation(errors[1])


def test_a_linked_source_fires_alone():
    parent = stook.CancellationSource()
    child = stook.CancellationSource(parent.token)
    child.cancel()
    assert not parent.is_cancelled
    assert parent._state.size == 0


def test_a_source_linked_to_what_has_fired_has_fired():
    live, fired, later = (stook.CancellationSource() for _ in range(3))
    fired.cancel("fired")
    later.cancel("later")
    child = stook.CancellationSource(live.token, fired.token, later.token)
    assert child.is_cancelled and child.token.reason == "fired"
    assert live._state.size == 0


def test_all_that_follow_are_cancelled_before_anyone_is_told():
    top = stook.CancellationSource()
    left, right = stook.CancellationSource(top.token), stook.CancellationSource(top.token)
    bottom = stook.CancellationSource(left.token, right.token)
    sources = {"bottom": bottom, "right": right, "left": left, "top": top}
    order = []
    for name, source in sources.items():
        source.token.register(
            lambda _token, name=name: order.append(
                (name, all(one.is_cancelled for one in sources.values()))
            )
        )
    top.cancel()
    assert order == [("top", True), ("left", True), ("right", True), ("bottom", True)]


def test_a_long_chain_of_links(many):
    first = last = stook.CancellationSource()
    for _ in range(many):
        last = stook.CancellationSource(last.token)
    first.cancel("far")
    assert last.token.reason == "far"


def test_closing_a_linked_source_leaves_its_parents():
    parent = stook.CancellationSource()
    child = stook.CancellationSource(parent.token)
    child.token.register(print)
    assert parent._state.size == 2
    child.close()
    assert parent._state.size == 0
    parent.cancel()
    assert not child.is_cancelled


@pytest.mark.parametrize("thing", [None, "text", 5], ids=repr)
def test_only_tokens_are_linked(thing):
    with pytest.raises(TypeError, match="a CancellationToken is expected, not"):
        stook.CancellationSource(thing)
    with pytest.raises(TypeError, match="a CancellationToken is expected, not"):
        stook.CancellationSource.linked(stook.CancellationSource())


# Lifetimes.


def test_a_linked_source_that_is_dropped_is_gone(many):
    parent = stook.CancellationSource()
    for _ in range(many):
        stook.CancellationSource(parent.token)
    assert parent._state.size <= 32


def test_a_callback_keeps_a_linked_source():
    parent = stook.CancellationSource()
    calls = []
    registration = stook.CancellationSource(parent.token).token.register(
        lambda token: calls.append(token.reason)
    )
    del registration
    gc.collect()
    parent.cancel("still there")
    assert calls == ["still there"]


def test_a_linked_source_goes_when_its_last_callback_is_taken_out():
    parent = stook.CancellationSource()
    child = stook.CancellationSource(parent.token)
    registrations = [child.token.register(print) for _ in range(2)]
    gone = weakref.ref(child.token)
    del child
    for registration in registrations:
        registration.unregister()
    del registrations, registration
    gc.collect()
    assert gone() is None


def test_a_source_that_is_dropped_with_its_token_is_collected():
    class Callback:
        def __call__(self, token):
            raise AssertionError

    callback = Callback()
    source = stook.CancellationSource()
    callback.source = source
    source.token.register(callback)
    gone = weakref.ref(callback), weakref.ref(source), weakref.ref(source._state)
    del callback, source
    gc.collect()
    assert [one() for one in gone] == [None] * 3


def test_what_was_told_is_forgotten():
    source = stook.CancellationSource()

    class Callback:
        def __call__(self, token):
            pass

    callback = Callback()
    registration = source.token.register(callback)
    gone = weakref.ref(callback)
    del callback
    source.cancel()
    assert gone() is None
    assert registration.unregister() is False


# Waiting.


async def test_wait_gives_the_reason(engine, loop):
    source = stook.CancellationSource()
    waiting = [stook.create_task(source.token.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    source.cancel("now")
    assert [await one for one in waiting] == ["now"] * 3
    assert await source.token.wait() == "now"


async def test_a_wait_that_is_cancelled_is_forgotten(engine, loop):
    source = stook.CancellationSource()
    waiting = stook.create_task(source.token.wait())
    await asyncio.sleep(0)
    assert source._state.size == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled() and source._state.size == 0


async def test_a_wait_ends_when_another_thread_cancels(engine, loop):
    source = stook.CancellationSource()
    loop.call_later(0.01, threading.Thread(target=source.cancel, args=("thread",)).start)
    assert await source.token.wait() == "thread"


async def test_a_wait_for_what_never_fires(engine, loop):
    waiting = stook.create_task(stook.CancellationToken.none().wait())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


# Timers.


async def test_cancel_after(engine, loop):
    source = stook.CancellationSource()
    source.cancel_after(0.01, "late")
    assert not source.is_cancelled
    assert await source.token.wait() == "late"
    with pytest.raises(asyncio.CancelledError) as caught:
        source.token.raise_if_cancelled()
    record = stook.cancellation(caught.value)
    assert record.kind == "token" and record.reason == "late"
    assert record.where.line == line_of(test_cancel_after, 2)
    assert record.who.id == id(asyncio.current_task())


async def test_a_later_call_moves_the_timer(engine, loop):
    source = stook.CancellationSource()
    source.cancel_after(0, "soon")
    source.cancel_after(3600, "much later")
    await asyncio.sleep(0.01)
    assert not source.is_cancelled
    source.cancel_after(0, "in the end")
    assert await source.token.wait() == "in the end"


async def test_the_timer_goes_with_what_it_is_for(engine, loop):
    fired, closed, late = (stook.CancellationSource() for _ in range(3))
    fired.cancel_after(0.01, "timer")
    fired.cancel("before")
    closed.cancel_after(0)
    closed.close()
    late.cancel("before")
    late.cancel_after(0, "timer")
    closed.cancel_after(0)
    await asyncio.sleep(0.03)
    assert fired.token.reason == late.token.reason == "before"
    assert not closed.is_cancelled
    assert fired._state.size == 0


async def test_a_timer_outlives_the_source(engine, loop):
    source = stook.CancellationSource()
    source.cancel_after(0.01, "timer")
    token = source.token
    del source
    gc.collect()
    assert await token.wait() == "timer"


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan")], ids=repr)
async def test_seconds_that_are_none(engine, loop, seconds):
    source = stook.CancellationSource()
    with pytest.raises(ValueError, match="seconds ha(ve|s) to be"):
        source.cancel_after(seconds)


@pytest.mark.parametrize("seconds", [None, "1"], ids=repr)
async def test_seconds_are_a_number(engine, loop, seconds):
    with pytest.raises(TypeError):
        stook.CancellationSource().cancel_after(seconds)


async def test_for_ever_is_a_number_of_seconds(engine, loop):
    source = stook.CancellationSource()
    source.cancel_after(0.01)
    source.cancel_after(float("inf"))
    await asyncio.sleep(0.02)
    assert not source.is_cancelled


def test_a_timer_needs_a_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        stook.CancellationSource().cancel_after(1)


def test_a_timer_is_moved_to_another_loop(engine, loop):
    source = stook.CancellationSource()

    async def set_timer(seconds):
        source.cancel_after(seconds, seconds)
        await asyncio.sleep(0.02)

    other = engine.new_event_loop()
    other.run_until_complete(set_timer(3600))
    loop.run_until_complete(set_timer(0.01))
    assert source.token.reason == 0.01
    other.close()


def test_a_timer_of_a_closed_loop(engine, loop):
    source = stook.CancellationSource()

    async def set_timer():
        source.cancel_after(3600)

    other = engine.new_event_loop()
    other.run_until_complete(set_timer())
    other.close()
    loop.run_until_complete(set_timer())
    assert source.cancel("by hand") is True


# Threads, and the end.


@pytest.mark.time_limit(60)
def test_many_threads_cancel_and_one_is_first():
    for _ in range(50):
        source = stook.CancellationSource()
        calls, firsts = [], []
        barrier = threading.Barrier(4)

        def race(source=source, calls=calls, firsts=firsts, barrier=barrier):
            barrier.wait()
            source.token.register(calls.append)
            firsts.append(source.cancel())
            source.token.register(calls.append)

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(firsts) == [False, False, False, True]
        assert len(calls) == 8


def test_cancelling_at_the_end_of_the_interpreter():
    program = """
import asyncio, atexit, stook

class Late:
    def __init__(self):
        self.source = stook.CancellationSource()
        self.source.token.register(lambda token: print("told", token.reason))
    def __del__(self):
        print(self.source.cancel("at the end"))

async def main():
    late.task = stook.create_task(asyncio.sleep(3600), token=late.source.token)
    await asyncio.sleep(0)
    late.source.cancel_after(3600)

late = Late()
other = stook.CancellationSource()
atexit.register(other.cancel)
stook.run(main())
"""
    assert output_of(run_python(["-Werror", "-c", program])) == "told at the end\nTrue\n"
