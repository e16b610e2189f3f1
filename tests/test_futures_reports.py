"""Exceptions nobody asked for: a future reports them when it goes."""

import gc
import traceback

import pytest


def fail_and_forget(engine, loop, **settings):
    """Make a future, give it an exception, and let go of it."""
    future = engine.Future(loop=loop)
    try:
        raise ValueError("forgotten")
    except ValueError as error:
        future.set_exception(error)
    for name, value in settings.items():
        setattr(future, name, value)


def test_unread_exception_is_reported_when_the_future_goes(engine, loop, reports):
    fail_and_forget(engine, loop)
    gc.collect()
    [report] = reports
    assert report["message"] == "Future exception was never retrieved"
    assert report["exception"].args == ("forgotten",)
    assert report["future"].exception() is report["exception"]
    names = [frame.name for frame in traceback.extract_tb(report["exception"].__traceback__)]
    assert names == ["fail_and_forget"]


def test_report_has_the_place_of_making_in_debug_mode(engine, loop, reports):
    loop.set_debug(True)
    fail_and_forget(engine, loop)
    gc.collect()
    [report] = reports
    frame = report["source_traceback"][-1]
    assert (frame.filename, frame.name) == (__file__, "fail_and_forget")


def test_report_has_no_place_of_making_out_of_debug_mode(engine, quiet_loop, reports):
    fail_and_forget(engine, quiet_loop)
    gc.collect()
    assert "source_traceback" not in reports[0]


@pytest.mark.parametrize("read", ["result", "exception", "await"])
def test_exception_that_was_read_is_not_reported(engine, loop, reports, read):
    future = engine.Future(loop=loop)
    future.set_exception(ValueError("read"))
    if read == "exception":
        future.exception()
    elif read == "result":
        with pytest.raises(ValueError):
            future.result()
    else:
        with pytest.raises(ValueError):
            loop.run_until_complete(future)
    del future
    gc.collect()
    assert reports == []


def test_mark_can_be_taken_off(engine, loop, reports):
    fail_and_forget(engine, loop, _log_traceback=False)
    gc.collect()
    assert reports == []


def test_mark_follows_the_exception(engine, loop):
    future = engine.Future(loop=loop)
    assert future._log_traceback is False
    future.set_exception(ValueError())
    assert future._log_traceback is True
    future.exception()
    assert future._log_traceback is False


def test_results_and_cancellations_are_not_reported(engine, loop, reports):
    for settle in (lambda f: f.set_result(1), lambda f: f.cancel(), lambda f: None):
        settle(engine.Future(loop=loop))
    gc.collect()
    assert reports == []


def test_class_name_of_a_subclass_is_in_the_message(engine, loop, reports):
    class Promise(engine.Future):
        pass

    Promise(loop=loop).set_exception(ValueError())
    gc.collect()
    assert reports[0]["message"] == "Promise exception was never retrieved"


def test_report_may_keep_the_future_alive_and_it_is_reported_once(engine, loop, reports):
    fail_and_forget(engine, loop)
    gc.collect()
    future = reports[0]["future"]
    reports.clear()
    assert future.exception().args == ("forgotten",)
    assert future._log_traceback is False
    del future
    gc.collect()
    assert reports == []


def test_future_in_a_cycle_is_reported(engine, loop, reports):
    future = engine.Future(loop=loop)
    future.myself = future
    future.set_exception(ValueError("in a cycle"))
    del future
    gc.collect()
    assert reports[0]["exception"].args == ("in a cycle",)
    reports.clear()


def test_handler_that_fails_leaves_the_current_exception_alone(engine, loop, reports, caplog):
    def handler(_loop, context):
        reports.append(context)
        raise LookupError("in the handler")

    loop.set_exception_handler(handler)
    try:
        raise KeyError("current")
    except KeyError as error:
        fail_and_forget(engine, loop)
        gc.collect()
        assert error.__context__ is None
    assert len(reports) == 1
    assert "Unhandled error in exception handler" in caplog.text


def test_default_report_is_logged_with_the_traceback(engine, loop, caplog):
    loop.set_exception_handler(None)
    fail_and_forget(engine, loop)
    gc.collect()
    [record] = caplog.records
    assert record.name == "asyncio"
    assert record.levelname == "ERROR"
    assert record.message.startswith("Future exception was never retrieved\nfuture: <Future fini")
    assert "in fail_and_forget" in caplog.text
    assert "ValueError: forgotten" in caplog.text


def test_report_after_the_loop_was_closed(engine, loop, reports):
    future = engine.Future(loop=loop)
    future.set_exception(ValueError("late"))
    loop.close()
    del future
    gc.collect()
    assert reports[0]["exception"].args == ("late",)
