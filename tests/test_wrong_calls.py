"""Calls that do not fit, refused in the words of the running interpreter's asyncio."""

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

REFUSE = """
import asyncio
import sys

async def value():
    return 1

def refuse(text):
    try:
        eval(text)
    except Exception as error:
        print(text, "|", type(error).__name__, "|", error)
    else:
        print(text, "| is accepted")

async def main():
    global future, task, loop
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    task = loop.create_task(value())
    for line in sys.stdin:
        refuse(line.strip())

asyncio.run(main())
"""

FUNCTIONS = """
    asyncio.wait()
    asyncio.wait([future], 1)
    asyncio.wait([future], 1, timeout=1)
    asyncio.wait([future], 1, timeout=1, return_when="x")
    asyncio.wait([future], seconds=1)
    asyncio.wait([future], fs=[future])
    asyncio.gather(1)
    asyncio.gather([future])
    asyncio.gather({}, [])
    asyncio.gather(future, ignore=True)
    asyncio.sleep()
    asyncio.sleep(1, 2, 3)
    asyncio.sleep(delay=1, seconds=1)
    asyncio.sleep(1, delay=1)
    asyncio.ensure_future()
    asyncio.ensure_future(1)
    asyncio.ensure_future(future, loop)
    asyncio.ensure_future(loop=loop)
    asyncio.create_task()
    asyncio.create_task(1)
    asyncio.create_task(value, 1)
    asyncio.create_task(value, 1, name=1)
    asyncio.create_task(1, nickname=1)
    asyncio.current_task(1, 2)
    asyncio.current_task(task=1)
    asyncio.all_tasks(1, 2)
    asyncio.all_tasks(1, loop=2)
    asyncio.get_running_loop(1)
    asyncio._get_running_loop(1, 2)
    asyncio._set_running_loop()
    asyncio._set_running_loop(1, 2)
    asyncio.get_event_loop(1)
    asyncio.tasks._enter_task()
    asyncio.tasks._enter_task(loop)
    asyncio.tasks._leave_task(loop, task, 1)
    asyncio.tasks._leave_task(loop, 1)
    asyncio.tasks._register_task()
    asyncio.tasks._unregister_task(tasks=1)
    asyncio.tasks._register_task(1, task=1)
"""

TYPES = """
    asyncio.Future(1)
    asyncio.Future(1, loop=loop)
    asyncio.Future(loop=1)
    asyncio.Future(event_loop=loop)
    asyncio.Future(loop=loop, context=1)
    asyncio.Task()
    asyncio.Task(1)
    asyncio.Task(value, loop)
    asyncio.Task(value, event_loop=loop)
    asyncio.Task(loop=loop)
    asyncio.Task(future)
    future.set_exception(1)
    future.set_exception(int)
    future.add_done_callback()
    future.add_done_callback(1, 2)
    future.add_done_callback(print, ctx=1)
    future.add_done_callback(print, fn=1)
    future.cancel(1, 2)
    future.cancel(message=1)
    future.cancel(1, msg=2)
    task.cancel(1, 2)
    task.get_stack(1)
    task.get_stack(size=1)
    task.get_stack(limit="x")
    task.print_stack(1)
    task.set_result(1)
    task.set_exception(1)
"""

LOOPS = """
    loop.call_soon()
    loop.call_soon(print, ctx=1)
    loop.call_soon_threadsafe()
    loop.call_later()
    loop.call_later(1)
    loop.call_later(None, print)
    loop.call_later("1", print)
    loop.call_later(1, print, ctx=1)
    loop.call_at()
    loop.call_at(None, print)
    loop.create_task()
    loop.create_task(1)
    loop.create_task(1, 2)
    loop.set_debug()
    loop.set_task_factory(1)
    loop.set_exception_handler(1)
    asyncio.Handle()
    asyncio.Handle(print)
    asyncio.TimerHandle()
    asyncio.TimerHandle(1, print)
"""


@pytest.mark.parametrize("calls", [FUNCTIONS, TYPES, LOOPS], ids=["functions", "types", "loops"])
def test_wrong_calls_are_refused_in_the_same_words(tmp_path, calls):
    lines = "\n".join(line.strip() for line in calls.strip().splitlines())
    outcome = Workplace(tmp_path).same(REFUSE, stdin=lines.encode(), environment=QUIET)
    assert outcome.output.count("\n") == lines.count("\n") + 1
    assert "is accepted" not in outcome.output


QUIET = {"PYTHONWARNINGS": "ignore"}
