"""The exception handler of a loop: the default one, a program's own, and one that fails."""

import contextvars
import logging
import sys

import pytest


def fail():
    """Fail with a known error."""
    raise ValueError("in a callback")


@pytest.fixture
def plain_loop(loop):
    """Give a loop with the default handler, out of debug mode."""
    loop.set_exception_handler(None)
    loop.set_debug(False)
    return loop


def test_own_handler_gets_loop_and_context(loop, turns):
    seen = []
    loop.set_exception_handler(lambda *arguments: seen.append(arguments))
    loop.call_soon(fail)
    turns()
    [(given, context)] = seen
    assert given is loop
    assert set(context) == {"message", "exception", "handle"} | (
        {"source_traceback"} if loop.get_debug() else set()
    )


def test_handler_can_be_asked_for_and_taken_off(loop):
    def handler(_loop, _context): ...

    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


@pytest.mark.parametrize("thing", [5, "text", ()])
def test_handler_must_be_callable(loop, thing):
    with pytest.raises(TypeError, match="^A callable object or None is expected, got "):
        loop.set_exception_handler(thing)


def test_default_handler_logs_message_and_traceback(plain_loop, turns, caplog):
    plain_loop.call_soon(fail)
    turns()
    [record] = caplog.records
    assert (record.name, record.levelno) == ("asyncio", logging.ERROR)
    assert record.message.startswith("Exception in callback fail() at ")
    assert "\nhandle: <Handle fail() at " in record.message
    assert record.exc_info[0] is ValueError


def test_context_is_logged_in_the_order_of_its_keys(plain_loop, caplog):
    plain_loop.call_exception_handler({"message": "hello", "zebra": 1, "ant": [2]})
    assert caplog.records[0].message == "hello\nant: [2]\nzebra: 1"


def test_context_without_a_message(plain_loop, caplog):
    plain_loop.call_exception_handler({})
    assert caplog.records[0].message == "Unhandled exception in event loop"


def test_source_traceback_is_logged_as_the_place_of_making(plain_loop, turns, caplog):
    plain_loop.set_debug(True)
    plain_loop.call_soon(fail)
    turns()
    assert "Object created at (most recent call last):" in caplog.text
    assert "test_source_traceback_is_logged_as_the_place_of_making" in caplog.text


def test_own_handler_may_call_the_default_one(loop, turns, caplog):
    loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
    loop.call_soon(fail)
    turns()
    assert "ValueError: in a callback" in caplog.text


def test_handler_that_fails_is_logged_with_the_first_error(loop, turns, caplog):
    def handler(_loop, _context):
        raise LookupError("in the handler")

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    turns()
    assert "Unhandled error in exception handler" in caplog.text
    assert "LookupError: in the handler" in caplog.text
    assert "ValueError('in a callback')" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_handler_may_end_the_program(loop, turns, kind):
    def handler(_loop, _context):
        raise kind("enough")

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    with pytest.raises(kind, match="enough"):
        turns()


def test_overridden_default_handler_is_called(engine, loop, turns):
    seen = []

    class Loud(type(loop)):
        def default_exception_handler(self, context):
            seen.append(context["message"])

    loud = Loud()
    loud.call_exception_handler({"message": "overridden"})
    loud.call_soon(fail)
    loud.call_soon(loud.stop)
    loud.run_forever()
    loud.close()
    assert seen[0] == "overridden"
    assert seen[1].startswith("Exception in callback fail")


def test_loop_goes_on_after_any_number_of_errors(loop, turns, reports):
    done = []
    for _ in range(100):
        loop.call_soon(fail)
    loop.call_soon(done.append, True)
    turns()
    assert done == [True]
    assert len(reports) == 100


def test_handler_runs_in_the_context_of_the_callback(loop, turns):
    variable = contextvars.ContextVar("variable", default="outside")
    seen = []
    loop.set_exception_handler(lambda _loop, _context: seen.append(variable.get()))
    context = contextvars.copy_context()
    context.run(variable.set, "inside")
    loop.call_soon(fail, context=context)
    turns()
    assert seen == ["inside" if sys.version_info >= (3, 12) else "outside"]
