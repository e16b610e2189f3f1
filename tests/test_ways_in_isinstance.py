"""Every way to get onto stook: types, current task, reports and contexts hold in all of them.

The program binds names of asyncio at its top, before or after stook comes in, and is then run in
each way. What it prints about itself must be the same everywhere.
"""

import re
import sys

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

# Names a program binds early, as `from asyncio import Task` does at the top of a module.
EARLY = """
import asyncio
import contextvars
import gc
import inspect
import sys
from asyncio import Future as EarlyFuture, Task as EarlyTask, isfuture
from asyncio import current_task as early_current_task, all_tasks as early_all_tasks
from asyncio import gather as early_gather, sleep as early_sleep, wait as early_wait
from asyncio import get_running_loop as early_get_running_loop
from asyncio import create_task as early_create_task, shield as early_shield
"""

BODY = """
number = contextvars.ContextVar("number", default=0)


class Job(asyncio.Task):
    "A subclass of what asyncio.Task is when the program starts."


class EarlyJob(EarlyTask):
    "A subclass of the name bound early."


async def child(value):
    await asyncio.sleep(0)
    number.set(value)
    return value


def show(name, *checks):
    print(name, *checks)


def types(name, task, future):
    show(
        name,
        isinstance(task, asyncio.Task), isinstance(task, asyncio.Future),
        isinstance(task, EarlyTask), isinstance(task, EarlyFuture),
        isinstance(future, asyncio.Future), isinstance(future, EarlyFuture),
        isinstance(future, asyncio.Task), isinstance(future, EarlyTask),
        isinstance(task, Job), asyncio.isfuture(task), isfuture(future),
    )


async def main():
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    show("loop", type(loop).__module__, loop is early_get_running_loop(), loop is me.get_loop())
    types("main", me, loop.create_future())
    types("made by the loop", loop.create_task(child(0)), loop.create_future())
    types("made by asyncio", asyncio.create_task(child(0)), asyncio.ensure_future(child(0)))
    types("made by early names", early_create_task(child(0)), asyncio.Future())
    types("made by classes", asyncio.Task(child(0)), asyncio.Future(loop=loop))
    show("subclasses", issubclass(asyncio.Task, asyncio.Future), issubclass(EarlyTask, EarlyFuture))

    gathered = asyncio.gather(child(1), child(2))
    show("gather", isinstance(gathered, asyncio.Future), isinstance(gathered, EarlyFuture))
    show("gathered", await gathered, await early_gather(child(3), early_sleep(0, 4)))
    show("current", asyncio.current_task() is me is early_current_task())
    show("all", asyncio.all_tasks() == early_all_tasks(), me in asyncio.all_tasks())

    for kind in (Job, EarlyJob, EarlyTask, asyncio.Task):
        task = kind(child(5), loop=loop)
        seen = []
        task.add_done_callback(seen.append)
        show("own", isinstance(task, kind), type(task) is kind, asyncio.isfuture(task))
        show("own result", await task, await early_shield(kind(child(6), loop=loop)))
        await asyncio.sleep(0)
        show("own callback", seen == [task])
    future = EarlyFuture(loop=loop)
    loop.call_soon(future.set_result, "early")
    show("early future", await future)
    done, pending = await early_wait([asyncio.create_task(child(7))])
    show("wait", len(done), len(pending))
    async with asyncio.TaskGroup() as group:
        in_group = group.create_task(child(8))
    async with asyncio.timeout(60):
        show("group", in_group.result(), isinstance(in_group, EarlyTask))
    show("context", number.get(), inspect.iscoroutine(child(0).close() or early_sleep(0).close()))

    cancelled = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    cancelled.cancel("message")
    try:
        await cancelled
    except asyncio.CancelledError as error:
        show("cancelled", error.args, cancelled.cancelled())

    async def fail():
        raise LookupError("nobody reads this")

    failing = asyncio.create_task(fail(), name="failing")
    await early_wait([failing])
    del failing
    for _ in range(2):
        await asyncio.sleep(0)
    gc.collect()
    show("debug", loop.get_debug(), [task for task in asyncio.all_tasks() if task is not me] != [])
    leftovers = asyncio.all_tasks() - {me}
    await asyncio.gather(*leftovers)
    return "returned"
"""

RUN = """
print(asyncio.run(main()))
"""

USE_POLICY = """
import stook
asyncio.set_event_loop_policy(stook.EventLoopPolicy())
"""

RUN_WITH_FACTORY = """
import stook
print(asyncio.run(main(), loop_factory=stook.new_event_loop))
"""

RUN_WITH_RUNNER = """
import stook
with asyncio.Runner(loop_factory=stook.new_event_loop) as runner:
    print(runner.run(main()))
"""

RUN_BY_STOOK = """
import stook
print(stook.run(main()))
"""

RUN_BY_LOOP = """
import stook
loop = stook.new_event_loop()
try:
    print(loop.run_until_complete(main()))
finally:
    loop.close()
"""

INSTALL = "import stook\nstook.install()\n"

# name -> (options before the program, the program)
WAYS = {
    "launcher": (["-m", "stook"], EARLY + BODY + RUN),
    "install first": ([], INSTALL + EARLY + BODY + RUN),
    "install after early names": ([], EARLY + INSTALL + BODY + RUN),
    "install last": ([], EARLY + BODY + INSTALL + RUN),
    "run": ([], EARLY + BODY + RUN_BY_STOOK),
    "runner": ([], EARLY + BODY + RUN_WITH_RUNNER),
    "policy": ([], EARLY + BODY + USE_POLICY + RUN),
    "loop": ([], EARLY + BODY + RUN_BY_LOOP),
}
if sys.version_info >= (3, 12):
    WAYS["loop_factory"] = ([], EARLY + BODY + RUN_WITH_FACTORY)

REPORT = re.compile(
    r"Task exception was never retrieved\n"
    r"(?:created_at: .*program\.py:\d+, in main\n)?"
    r"future: <Task finished name='failing' coro=<main\.<locals>\.fail\(\) done, .*> "
    r"exception=LookupError\('nobody reads this'\)>\n"
    r"Traceback \(most recent call last\):\n"
    r"(?:  .*\n)+"
    r"LookupError: nobody reads this\n"
)


def run(tmp_path, options, source, *, debug=""):
    """Run a program in one way; return its output and its errors."""
    path = tmp_path / "program.py"
    path.write_text(source, encoding="utf-8")
    process = run_python(
        ["-Werror", *options, str(path)], environment={"PYTHONASYNCIODEBUG": debug}
    )
    assert process.returncode == 0, process.stderr
    return process.stdout, process.stderr


@pytest.mark.parametrize("way", WAYS)
def test_program_sees_the_same_in_every_way_in(tmp_path, way):
    expected, _ = run(tmp_path, [], EARLY + BODY + RUN)
    output, errors = run(tmp_path, *WAYS[way])
    assert expected.splitlines()[0] == "loop asyncio.unix_events True True"
    assert output.splitlines()[0].startswith("loop stook"), output.splitlines()[0]
    assert output.splitlines()[1:] == expected.splitlines()[1:]
    assert REPORT.fullmatch(errors), errors


@pytest.mark.parametrize("way", WAYS)
def test_debug_mode_comes_from_the_environment_in_every_way_in(tmp_path, way):
    output, errors = run(tmp_path, *WAYS[way], debug="1")
    assert "debug True True" in output or "debug True False" in output
    assert "Task exception was never retrieved" in errors
    assert "source_traceback: Object created at (most recent call last):" in errors


TYPES = """
import _asyncio
import stook
gather = stook._core.gather
print(asyncio.Future is stook.Future, asyncio.Task is stook.Task, asyncio.gather is gather)
print(EarlyTask is stook.Task, type(asyncio.new_event_loop()) is stook.EventLoop)
"""


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("launcher", "True True True\nTrue True\n"),
        ("install first", "True True True\nTrue True\n"),
        ("install last", "True True True\nFalse True\n"),
        ("runner", "False False False\nFalse False\n"),
        ("policy", "False False False\nFalse True\n"),
    ],
)
def test_names_of_asyncio_are_ours_only_where_stook_is_installed(tmp_path, way, expected):
    options, _ = WAYS[way]
    head = {
        "launcher": EARLY,
        "install first": INSTALL + EARLY,
        "install last": EARLY + INSTALL,
        "runner": EARLY + "import stook\n",
        "policy": EARLY + USE_POLICY,
    }[way]
    path = tmp_path / "program.py"
    path.write_text(head + TYPES, encoding="utf-8")
    process = run_python(["-Wignore", *options, str(path)])
    assert output_of(process) == expected


SIMPLE_WAYS = {
    "-c": ["-m", "stook", "-c"],
    "-c after options": ["-Werror", "-m", "stook", "-c"],
}


@pytest.mark.parametrize("way", SIMPLE_WAYS)
def test_code_on_the_command_line(way):
    code = "import asyncio; print(asyncio.run(asyncio.sleep(0, asyncio.Task.__module__)))"
    assert output_of(run_python([*SIMPLE_WAYS[way], code])).startswith("stook")


def test_module_on_the_command_line(tmp_path):
    (tmp_path / "a_module.py").write_text(EARLY + BODY + RUN, encoding="utf-8")
    expected, _ = run(tmp_path, [], EARLY + BODY + RUN)
    process = run_python(["-m", "stook", "-m", "a_module"], cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[1:] == expected.splitlines()[1:]
