"""Done-callbacks of a future: when they run, in which order and context, how they are taken off."""

import contextvars
import sys

import pytest

number = contextvars.ContextVar("number", default=0)


@pytest.fixture
def future(engine, loop):
    """Give a pending future."""
    return engine.Future(loop=loop)


@pytest.fixture
def calls():
    """Collect what callbacks saw."""
    return []


@pytest.mark.parametrize("settle", ["set_result", "set_exception", "cancel"])
def test_callbacks_run_a_turn_later_in_order_with_the_future(future, calls, turns, settle):
    for name in "abc":
        future.add_done_callback(lambda done, name=name: calls.append((name, done)))
    argument = {"set_result": [1], "set_exception": [ValueError()], "cancel": []}[settle]
    getattr(future, settle)(*argument)
    assert calls == []
    turns()
    assert calls == [("a", future), ("b", future), ("c", future)]
    if settle == "set_exception":
        future.exception()


def test_adding_returns_nothing(future):
    assert future.add_done_callback(print) is None


def test_callback_added_to_a_done_future_runs_a_turn_later(future, calls, turns):
    future.set_result(None)
    future.add_done_callback(calls.append)
    assert calls == []
    turns()
    assert calls == [future]


def test_same_callback_twice_runs_twice(future, calls, turns):
    future.add_done_callback(calls.append)
    future.add_done_callback(calls.append)
    future.set_result(None)
    turns()
    assert calls == [future, future]


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("times", [0, 1, 2, 4])
def test_removing_takes_all_equal_ones_and_counts_them(future, calls, turns, others, times):
    def gone(_):
        calls.append("gone")

    for index in range(max(others, times)):
        if index < others:
            future.add_done_callback(lambda _, index=index: calls.append(index))
        if index < times:
            future.add_done_callback(gone)
    assert future.remove_done_callback(gone) == times
    assert future.remove_done_callback(gone) == 0
    future.set_result(None)
    turns()
    assert calls == list(range(others))


def test_bound_methods_are_removed_by_equality(future, calls, turns):
    class Listener:
        def heard(self, _):
            calls.append("heard")

    listener = Listener()
    future.add_done_callback(listener.heard)
    assert future.remove_done_callback(listener.heard) == 1
    future.set_result(None)
    turns()
    assert calls == []


def test_removing_after_the_future_is_done_finds_nothing(future, calls, turns):
    future.add_done_callback(calls.append)
    future.set_result(None)
    assert future.remove_done_callback(calls.append) == 0
    turns()
    assert calls == [future]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_error_of_a_comparison_comes_out_of_removing(future, position):
    class Incomparable:
        def __eq__(self, other):
            raise LookupError("no comparison")

        def __call__(self, _): ...

    callbacks = [lambda _: None, lambda _: None]
    callbacks.insert(position, Incomparable())
    for callback in callbacks:
        future.add_done_callback(callback)
    with pytest.raises(LookupError, match="no comparison"):
        future.remove_done_callback(lambda _: None)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_comparison_may_empty_the_list_it_is_made_for(future, turns, calls, length):
    class Emptying:
        def __eq__(self, other):
            future.remove_done_callback(keep)
            return False

        __hash__ = None

    def keep(_):
        calls.append("kept")

    for _ in range(length):
        future.add_done_callback(keep)
    future.remove_done_callback(Emptying())
    future.set_result(None)
    turns()
    assert calls == []


def test_a_comparison_may_settle_the_future(future, turns, calls):
    class Settling:
        def __eq__(self, other):
            if not future.done():
                future.set_result("from a comparison")
            return False

        __hash__ = None

    for _ in range(3):
        future.add_done_callback(calls.append)
    assert future.remove_done_callback(Settling()) == 0
    turns()
    assert calls == [future] * 3


def test_a_comparison_may_start_the_future_over(future, loop):
    class Restarting:
        def __eq__(self, other):
            future.__init__(loop=loop)
            return True

        __hash__ = None

    for _ in range(3):
        future.add_done_callback(lambda _: None)
    future.remove_done_callback(Restarting())
    assert not future.done()


def test_callbacks_run_in_the_context_of_their_adding(future, calls, turns):
    number.set(1)
    future.add_done_callback(lambda _: calls.append(number.get()))
    number.set(2)
    future.add_done_callback(lambda _: calls.append(number.get()))
    number.set(3)
    future.set_result(None)
    turns()
    assert calls == [1, 2]
    number.set(0)


def test_context_may_be_given(future, calls, turns):
    context = contextvars.copy_context()
    context.run(number.set, 7)
    future.add_done_callback(lambda _: calls.append(number.get()), context=context)
    future.set_result(None)
    future.add_done_callback(lambda _: calls.append(number.get()), context=context)
    turns()
    assert calls == [7, 7]


def test_context_is_a_keyword(future):
    with pytest.raises(TypeError):
        future.add_done_callback(print, contextvars.copy_context())


def test_callback_that_fails_is_reported_and_the_others_run(future, calls, turns, reports):
    error = ValueError("in a callback")

    def fail(_):
        raise error

    future.add_done_callback(lambda _: calls.append("before"))
    future.add_done_callback(fail)
    future.add_done_callback(lambda _: calls.append("after"))
    future.set_result(None)
    turns()
    assert calls == ["before", "after"]
    [report] = reports
    assert report["exception"] is error
    assert report["message"].startswith("Exception in callback ")
    assert "fail(" in report["message"]
    assert report["handle"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_callback_that_interrupts_stops_the_loop_and_the_rest_still_runs(
    future, calls, turns, kind
):
    def interrupt(_):
        raise kind("enough")

    future.add_done_callback(interrupt)
    future.add_done_callback(calls.append)
    future.set_result(None)
    with pytest.raises(kind, match="enough"):
        turns()
    assert calls == []
    turns()
    assert calls == [future]


def test_callback_added_by_a_callback_runs_a_turn_later(future, calls, turns):
    def first(_):
        calls.append("first")
        future.add_done_callback(lambda _: calls.append("second"))

    future.add_done_callback(first)
    future.set_result(None)
    turns()
    assert calls == ["first"]
    turns()
    assert calls == ["first", "second"]


def test_what_is_not_callable_is_only_found_out_when_called(future, turns, reports, loop):
    loop.set_debug(False)
    future.add_done_callback(None)
    future.set_result(None)
    turns()
    assert "NoneType" in str(reports[0]["exception"])


def test_callbacks_attribute_lists_callbacks_with_their_contexts(future):
    def one(_): ...
    def two(_): ...

    assert not future._callbacks
    context = contextvars.copy_context()
    future.add_done_callback(one, context=context)
    assert future._callbacks == [(one, context)]
    future.add_done_callback(two, context=context)
    assert future._callbacks == [(one, context), (two, context)]
    future.remove_done_callback(one)
    assert future._callbacks == [(two, context)]
    future.cancel()
    assert not future._callbacks


def test_changing_the_listed_callbacks_changes_nothing(future, calls, turns):
    future.add_done_callback(calls.append)
    future.add_done_callback(calls.append)
    future._callbacks.clear()
    future.set_result(None)
    turns()
    assert calls == [future, future]


def test_callbacks_are_let_go_after_they_ran(engine, loop, turns):
    def callback(_): ...

    future = engine.Future(loop=loop)
    before = sys.getrefcount(callback)
    for _ in range(10):
        future.add_done_callback(callback)
    future.set_result(None)
    turns(2)
    assert sys.getrefcount(callback) == before
