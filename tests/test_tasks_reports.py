"""What a task reports when it goes: an exception nobody read, an end it never reached."""

import gc
import re

import pytest


async def fail(message):
    """Fail at once."""
    raise ValueError(message)


def test_unread_exception_is_reported(engine, loop, reports):
    async def main():
        await engine.wait([loop.create_task(fail("unread"), name="T")])

    loop.run_until_complete(main())
    gc.collect()
    [report] = reports
    assert report["message"] == "Task exception was never retrieved"
    assert report["exception"].args == ("unread",)
    assert report["future"].get_name() == "T"


def test_awaited_exception_is_not_reported(engine, loop, reports):
    async def main():
        with pytest.raises(ValueError):
            await loop.create_task(fail("read"))

    loop.run_until_complete(main())
    gc.collect()
    assert reports == []


def test_exception_given_out_by_run_until_complete_is_not_reported(engine, loop, reports):
    with pytest.raises(ValueError):
        loop.run_until_complete(fail("out"))
    gc.collect()
    assert reports == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupt_out_of_run_until_complete_is_not_reported(engine, loop, reports, kind):
    async def main():
        raise kind

    with pytest.raises(kind):
        loop.run_until_complete(main())
    gc.collect()
    assert reports == []


def leave_pending(engine, loop, *, mark=True):
    """Let go of a task that waits for a future nobody else has."""

    async def wait():
        future = loop.create_future()
        await future

    task = loop.create_task(wait(), name="left")
    loop.call_soon(loop.stop)
    loop.run_forever()
    task._log_destroy_pending = mark


def test_pending_task_that_goes_is_reported(engine, loop, reports):
    loop.set_debug(False)
    leave_pending(engine, loop)
    gc.collect()
    [report] = reports
    assert report["message"] == "Task was destroyed but it is pending!"
    assert report["task"].get_name() == "left"
    assert not report["task"].done()
    assert "source_traceback" not in report
    assert "exception" not in report


@pytest.mark.lazy
def test_report_in_debug_mode_has_the_place_of_making(engine, loop, reports):
    loop.set_debug(True)
    leave_pending(engine, loop)
    gc.collect()
    [report] = reports
    assert report["source_traceback"][-1].name == "leave_pending"


def test_pending_report_can_be_taken_off(engine, loop, reports):
    leave_pending(engine, loop, mark=False)
    gc.collect()
    assert reports == []


def test_task_kept_alive_by_its_report_stays_pending_and_is_reported_once(engine, loop, reports):
    leave_pending(engine, loop)
    gc.collect()
    task = reports[0]["task"]
    assert not task.done()
    assert task.get_coro() is not None
    reports.clear()
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert engine.all_tasks(loop) == set()
    assert reports == []


def test_task_that_waits_for_its_first_step_is_held_by_the_loop(engine, loop, reports):
    order = []

    async def body():
        order.append("ran")

    engine.Task(body(), loop=loop)
    gc.collect()
    assert reports == []
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert order == ["ran"]


def test_handler_that_fails_does_not_break_the_collector(engine, loop, caplog):
    def handler(_loop, _context):
        raise LookupError("in the handler")

    loop.set_exception_handler(handler)
    leave_pending(engine, loop)
    gc.collect()
    assert "Unhandled error in exception handler" in caplog.text
    loop.set_exception_handler(None)


def test_default_report_of_a_pending_task_is_logged(engine, loop, caplog):
    loop.set_exception_handler(None)
    loop.set_debug(False)
    leave_pending(engine, loop)
    gc.collect()
    [record] = caplog.records
    assert record.name == "asyncio"
    message = record.message
    if engine.ours:
        message, count = re.subn(r"\ncreated_at: .*test_tasks_reports\.py:\d+, in \w+", "", message)
        assert count == 1, record.message
    assert message.startswith(
        "Task was destroyed but it is pending!\ntask: <Task pending name='left' coro="
    )


def test_finally_of_a_destroyed_task_runs(engine, loop, reports):
    order = []

    async def wait():
        try:
            await loop.create_future()
        finally:
            order.append("finally")

    task = loop.create_task(wait())
    loop.call_soon(loop.stop)
    loop.run_forever()
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert order == ["finally"]


def test_subclass_names_itself_in_the_report(engine, loop, reports):
    class Job(engine.Task):
        pass

    async def main():
        await engine.wait([Job(fail("job"), loop=loop)])

    loop.run_until_complete(main())
    gc.collect()
    assert reports[0]["message"] == "Job exception was never retrieved"


def test_subclass_with_a_finaliser(engine, loop, reports):
    gone = []

    class Job(engine.Task):
        def __del__(self):
            gone.append(self.get_name())
            super().__del__()

    async def body(): ...

    task = Job(body(), loop=loop, name="job")
    loop.run_until_complete(task)
    del task
    gc.collect()
    assert gone == ["job"]
