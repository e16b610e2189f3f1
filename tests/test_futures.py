"""What a future holds: its states, its outcome, and the errors it answers with."""

import sys
import traceback
import types
import weakref

import pytest


@pytest.fixture
def future(engine, loop):
    """Give a pending future."""
    return engine.Future(loop=loop)


def test_new_future_is_pending(future, loop):
    assert not future.done()
    assert not future.cancelled()
    assert future.get_loop() is loop
    assert future._loop is loop
    assert future._state == "PENDING"
    assert future._result is None
    assert future._exception is None
    assert future._cancel_message is None


def test_asking_a_pending_future_is_an_error(future, engine):
    with pytest.raises(engine.InvalidStateError, match=r"^Result is not set\.$"):
        future.result()
    with pytest.raises(engine.InvalidStateError, match=r"^Exception is not set\.$"):
        future.exception()


@pytest.mark.parametrize("value", [None, 0, "text", (1, 2), (), ValueError("kept as a value")])
def test_result_is_given_back_each_time(future, value):
    assert future.set_result(value) is None
    assert future.done()
    assert not future.cancelled()
    assert future._state == "FINISHED"
    assert future.result() is value
    assert future.result() is value
    assert future.exception() is None


def test_exception_instance_is_given_back_and_raised(future):
    error = ZeroDivisionError("by zero")
    assert future.set_exception(error) is None
    assert future.done()
    assert not future.cancelled()
    assert future.exception() is error
    with pytest.raises(ZeroDivisionError) as caught:
        future.result()
    assert caught.value is error


def test_exception_class_is_instantiated(future):
    future.set_exception(LookupError)
    assert type(future.exception()) is LookupError
    assert future.exception().args == ()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, BaseException])
def test_any_exception_of_the_base_class_is_taken(future, kind):
    future.set_exception(kind("base"))
    with pytest.raises(kind, match="base"):
        future.result()


@pytest.mark.parametrize("thing", ["text", None, 3, int, object()])
def test_what_is_no_exception_is_refused(future, thing):
    with pytest.raises(TypeError):
        future.set_exception(thing)
    assert not future.done()


def test_exception_class_that_makes_something_else_is_refused(future):
    class Odd(Exception):
        def __new__(cls):
            return 5

    with pytest.raises(TypeError, match="^invalid exception object$"):
        future.set_exception(Odd)
    assert not future.done()


def test_exception_class_that_cannot_be_made_lets_its_error_out(future):
    class Failing(Exception):
        def __init__(self):
            raise LookupError("no instance")

    with pytest.raises(LookupError, match="no instance"):
        future.set_exception(Failing)
    assert not future.done()


@pytest.mark.parametrize("thing", [StopIteration, StopIteration(3)])
def test_stop_iteration_never_gets_out_of_a_future(future, thing):
    text = "^StopIteration interacts badly with generators and cannot be raised into a Future$"
    if sys.version_info < (3, 12):
        with pytest.raises(TypeError, match=text):
            future.set_exception(thing)
        assert not future.done()
        return
    try:
        future.set_exception(thing)
    except TypeError:  # 3.12 changed between its micro versions.
        assert sys.version_info < (3, 13)
        return
    with pytest.raises(RuntimeError, match=text) as caught:
        future.result()
    assert type(caught.value.__cause__) is StopIteration
    assert caught.value.__context__ is caught.value.__cause__


@pytest.mark.parametrize("first", ["result", "exception", "cancel"])
def test_a_done_future_is_not_settled_again(future, engine, first):
    if first == "result":
        future.set_result("first")
    elif first == "exception":
        future.set_exception(ValueError("first"))
        future.exception()
    else:
        future.cancel()
    with pytest.raises(engine.InvalidStateError, match="^invalid state$"):
        future.set_result("second")
    with pytest.raises(engine.InvalidStateError, match="^invalid state$"):
        future.set_exception(LookupError("second"))
    assert future.cancel() is False
    assert future._state == ("CANCELLED" if first == "cancel" else "FINISHED")


def test_cancel_settles_and_says_so(future, engine):
    assert future.cancel() is True
    assert future.done()
    assert future.cancelled()
    assert future._state == "CANCELLED"
    with pytest.raises(engine.CancelledError) as caught:
        future.result()
    assert caught.value.args == ()
    with pytest.raises(engine.CancelledError) as caught:
        future.exception()
    assert caught.value.args == ()


@pytest.mark.parametrize(
    ("given", "arguments"), [(None, ()), ("why", ("why",)), (5, (5,)), ("", ("",))]
)
def test_cancel_message_travels_with_the_error(future, engine, given, arguments):
    assert future.cancel(msg=given) is True
    assert future._cancel_message == given
    for ask in (future.result, future.exception, future.result):
        with pytest.raises(engine.CancelledError) as caught:
            ask()
        assert caught.value.args == arguments


def test_cancel_message_may_be_positional_and_is_kept_by_identity(future):
    message = object()
    future.cancel(message)
    assert future._cancel_message is message


def test_cancel_message_can_be_set_beforehand_and_is_overwritten(future, engine):
    future._cancel_message = "early"
    future.cancel()
    with pytest.raises(engine.CancelledError) as caught:
        future.result()
    assert caught.value.args == ()


def test_each_cancelled_error_is_a_new_one_without_the_last_one_as_context(future, engine):
    future.cancel()
    errors = []
    for _ in range(2):
        try:
            future.result()
        except engine.CancelledError as error:
            errors.append(error)
    assert errors[0] is not errors[1]
    assert errors[1].__context__ is None


def test_repeated_result_does_not_grow_the_traceback(future):
    error = ValueError("once")
    future.set_exception(error)
    lengths = set()
    for _ in range(4):
        try:
            future.result()
        except ValueError as caught:
            lengths.add(len(traceback.extract_tb(caught.__traceback__)))
    assert len(lengths) == 1


def test_exception_keeps_the_traceback_it_came_with(future):
    def fail():
        raise ValueError("from here")

    try:
        fail()
    except ValueError as error:
        future.set_exception(error)
    with pytest.raises(ValueError) as caught:
        future.result()
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


def test_loop_is_a_keyword(engine, loop):
    with pytest.raises(TypeError):
        engine.Future(loop)
    with pytest.raises(TypeError):
        engine.Future(loop=loop, name="none")


async def test_loop_defaults_to_the_running_one(engine, loop):
    assert engine.Future().get_loop() is loop


def test_future_made_by_a_thing_that_is_no_loop(engine):
    with pytest.raises(AttributeError, match="get_debug"):
        engine.Future(loop=1)


def test_futures_compare_and_hash_by_identity(engine, loop):
    one, two = engine.Future(loop=loop), engine.Future(loop=loop)
    assert one != two
    assert one == one
    assert len({one, two, one}) == 2


def test_future_can_be_referred_to_weakly(engine, loop):
    future = engine.Future(loop=loop)
    reference = weakref.ref(future)
    assert reference() is future
    del future
    assert reference() is None


def test_future_takes_attributes(future):
    future.note = "mine"
    assert future.note == "mine"
    del future.note
    with pytest.raises(AttributeError, match="note"):
        future.note  # noqa: B018


def test_class_takes_a_parameter(engine):
    alias = engine.Future[int]
    assert isinstance(alias, types.GenericAlias)
    assert alias.__origin__ is engine.Future
    assert alias.__args__ == (int,)


def test_initialising_again_starts_over(future, loop):
    calls = []
    future.add_done_callback(calls.append)
    future.set_result("old")
    future.__init__(loop=loop)
    assert not future.done()
    assert future.remove_done_callback(calls.append) == 0
    future.set_result("new")
    assert future.result() == "new"


def test_isfuture_knows_futures_and_what_behaves_like_one(engine, future):
    class Like:
        _asyncio_future_blocking = False

    class Unlike:
        _asyncio_future_blocking = None

    assert engine.isfuture(future)
    assert engine.isfuture(Like())
    assert not engine.isfuture(Unlike())
    assert not engine.isfuture(Like)
    assert not engine.isfuture(None)


def test_repr_of_every_state(engine, quiet_loop):
    def made():
        return engine.Future(loop=quiet_loop)

    assert repr(made()) == "<Future pending>"
    future = made()
    future.set_result([1, "two"])
    assert repr(future) == "<Future finished result=[1, 'two']>"
    future = made()
    future.set_exception(ValueError("bad"))
    assert repr(future) == "<Future finished exception=ValueError('bad')>"
    future.exception()
    future = made()
    future.cancel()
    assert repr(future) == "<Future cancelled>"
    future = made()
    future.set_result("x" * 100)
    assert "..." in repr(future)
    assert len(repr(future)) < 70


def test_repr_shows_first_and_last_callback(engine, quiet_loop):
    def one(_): ...
    def two(_): ...
    def three(_): ...

    future = engine.Future(loop=quiet_loop)
    name = test_repr_shows_first_and_last_callback.__name__
    shown = [
        f"{name}.<locals>.{f.__name__}() at {__file__}:{f.__code__.co_firstlineno}"
        for f in (one, two, three)
    ]
    future.add_done_callback(one)
    assert repr(future) == f"<Future pending cb=[{shown[0]}]>"
    future.add_done_callback(two)
    assert repr(future) == f"<Future pending cb=[{shown[0]}, {shown[1]}]>"
    future.add_done_callback(three)
    assert repr(future) == f"<Future pending cb=[{shown[0]}, <1 more>, {shown[2]}]>"


def test_repr_of_a_future_that_holds_itself(engine, quiet_loop):
    future = engine.Future(loop=quiet_loop)
    future.set_result(future)
    assert repr(future) == "<Future finished result=...>"
    future.__init__(loop=quiet_loop)


def test_repr_of_a_callback_that_fails_to_show_itself(engine, quiet_loop):
    class Shy:
        def __call__(self, _):
            pass

        def __repr__(self):
            raise LookupError("not shown")

    future = engine.Future(loop=quiet_loop)
    future.set_result(Shy())
    assert repr(future).startswith("<Future finished result=<Shy instance at")
