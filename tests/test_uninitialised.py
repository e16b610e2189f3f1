"""A task whose ``__init__`` never ran answers every call with an error or a value, not a crash.

The standard library's own tasks do crash on some of these calls, so ours alone are tried, each in
an interpreter of its own.
"""

import pytest

from programs import run_python

pytestmark = pytest.mark.needs_stook

CALLS = [
    "task.done()",
    "task.cancelled()",
    "task.result()",
    "task.exception()",
    "task.cancel()",
    "task.cancel('message')",
    "task.cancelling()",
    "task.uncancel()",
    "task.get_name()",
    "task.set_name('x')",
    "task.get_coro()",
    "task.get_loop()",
    "task.get_stack()",
    "task.print_stack()",
    "getattr(task, 'get_context', int)()",
    "task.add_done_callback(print)",
    "task.remove_done_callback(print)",
    "task.set_result(1)",
    "task.set_exception(ValueError())",
    "task._make_cancelled_error()",
    "repr(task)",
    "iter(task)",
    "task.__await__()",
    "task._coro",
    "task._fut_waiter",
    "task._must_cancel",
    "task._state",
    "task._callbacks",
    "task._log_destroy_pending",
    "task._source_traceback",
    "asyncio.gather(task)",
    "asyncio.ensure_future(task)",
    "asyncio._register_task(task), asyncio._unregister_task(task)",
    "asyncio.shield(task)",
    "asyncio.run(asyncio.wait([task]))",
    "task.__init__(asyncio.sleep(0), loop=loop), loop.run_until_complete(task)",
    "gc.collect()",
]

PROGRAM = """
import asyncio, gc, sys
loop = asyncio.new_event_loop()
for kind in (asyncio.Task, type("Job", (asyncio.Task,), {"__init__": lambda self: None})):
    task = kind.__new__(kind)
    task.myself = task
    try:
        CALL
    except (RuntimeError, AttributeError, TypeError, asyncio.InvalidStateError) as error:
        print(type(error).__name__)
    else:
        print("answered")
    del task
    gc.collect()
loop.close()
print("alive")
"""


@pytest.mark.parametrize("call", CALLS)
def test_call_on_an_uninitialised_task(call):
    process = run_python(["-m", "stook", "-c", PROGRAM.replace("CALL", call)])
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "alive"


FUTURE_AND_MORE = """
import asyncio, _asyncio, gc
loop = asyncio.new_event_loop()
for thing in (asyncio.Future, asyncio.Task, asyncio.tasks._GatheringFuture):
    blank = thing.__new__(thing)
    for name in dir(blank):
        try:
            getattr(blank, name)
        except (RuntimeError, AttributeError):
            pass
        for value in (None, 1, "text", blank):
            try:
                setattr(blank, name, value)
            except (RuntimeError, AttributeError, TypeError, ValueError):
                pass
        try:
            delattr(blank, name)
        except (RuntimeError, AttributeError, TypeError):
            pass
    del blank
    gc.collect()
try:
    type(iter(loop.create_future()))()
except TypeError:
    print("TypeError")
loop.close()
print("alive")
"""


def test_every_attribute_of_blank_objects_can_be_got_set_and_deleted():
    process = run_python(["-m", "stook", "-c", FUTURE_AND_MORE])
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == ["TypeError", "alive"]
