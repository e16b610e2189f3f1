"""The poison that makes asyncio's own engine unusable: what it stops, whom it spares."""

import os
import sys
from pathlib import Path

import pytest

from programs import output_of, run_python

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from conformance import poison  # noqa: E402

BEGINNING = f"""
import sys
sys.path.append({str(ROOT)!r})
import asyncio, _asyncio
from conformance import poison

early_gather = asyncio.gather
loop = asyncio.SelectorEventLoop()
untouched = asyncio.Future(loop=loop)

class SubFuture(asyncio.Future):
    pass

async def nothing():
    pass

coroutine = nothing()
poison.apply(%s)
"""

TRAPPED = {
    "asyncio.Future(loop=loop)": "_asyncio.Future.__init__",
    "SubFuture(loop=loop)": "_asyncio.Future.__init__",
    "untouched.done()": "_asyncio.Future.done",
    "untouched.set_result(1)": "_asyncio.Future.set_result",
    "untouched.add_done_callback(print)": "_asyncio.Future.add_done_callback",
    "untouched.__await__()": "_asyncio.Future.__await__",
    "[*untouched]": "_asyncio.Future.__iter__",
    "asyncio.Task(coroutine, loop=loop)": "_asyncio.Task.__init__",
    "loop.create_task(coroutine)": "_asyncio.Task.__init__",
    "asyncio.Task.cancel": None,
    "loop.call_soon(print)": "BaseEventLoop.call_soon",
    "loop.call_soon_threadsafe(print)": "BaseEventLoop._call_soon",
    "loop._add_callback(None)": "BaseEventLoop._add_callback",
    "loop._run_once()": "BaseEventLoop._run_once",
    "asyncio.gather()": "asyncio.tasks.gather",
    "early_gather()": "asyncio.tasks.gather",
    "asyncio.wait([]).send(None)": "asyncio.tasks.wait",
    "asyncio.sleep(0).send(None)": "asyncio.tasks.sleep",
    "asyncio.streams.sleep(0).send(None)": "asyncio.tasks.sleep",
}

ALL_TRAPS = f"""
for expression in {list(TRAPPED)!r}:
    try:
        eval(expression)
    except RuntimeError as error:
        print(str(error).split()[0])
    else:
        print(None)
coroutine.close()
loop.close()
print(len(poison.reached))
try:
    asyncio.Future.attribute = 1
except TypeError as error:
    print(error)
"""


def test_everything_named_is_trapped_and_everything_else_is_not():
    *found, count, refusal = output_of(run_python(["-c", BEGINNING % "" + ALL_TRAPS])).splitlines()
    assert found == [str(name) for name in TRAPPED.values()]
    assert count == str(len(TRAPPED) - 1)
    assert "immutable type" in refusal, "the types are as closed as before"


def test_with_the_loop_alone_futures_and_functions_stay():
    text = """
asyncio.Future(loop=loop)
asyncio.gather(untouched)
for act in lambda: asyncio.Task(coroutine, loop=loop), lambda: loop.call_soon(print):
    try:
        act()
    except RuntimeError as error:
        print(str(error).split()[0])
loop.close()
coroutine.close()
"""
    process = run_python(["-c", BEGINNING % "level=poison.LOOP" + text])
    assert output_of(process) == "_asyncio.Task.__init__\nBaseEventLoop.call_soon\n"


def test_other_loops_are_spared_when_only_one_is_meant():
    # The task is a Python one, because the accelerator's is trapped for every loop.
    text = """
def make_task(loop, coro, context=None, **more):
    return asyncio.tasks._PyTask(coro, loop=loop, **more)

async def main(expect):
    for act in (lambda: asyncio.sleep(0), lambda: asyncio.get_running_loop().call_soon(int)):
        try:
            made = act()
            await made if asyncio.iscoroutine(made) else made.cancel()
            print("fine")
        except RuntimeError as error:
            print(str(error).split()[0])

loop.set_task_factory(make_task)
asyncio.futures.Future = asyncio.futures._PyFuture
loop.run_until_complete(main(loop))
loop.close()
meant = Meant()
try:
    meant.call_soon(print)
except RuntimeError as error:
    print(str(error).split()[0])
asyncio._set_running_loop(meant)
try:
    asyncio.sleep(0).send(None)
except RuntimeError as error:
    print(str(error).split()[0])
asyncio._set_running_loop(None)
meant.close()
coroutine.close()
"""
    beginning = BEGINNING.replace(
        "poison.apply", "class Meant(asyncio.SelectorEventLoop): pass\npoison.apply"
    )
    process = run_python(["-c", beginning % "only_for=Meant" + text])
    assert output_of(process).split() == [
        "fine",
        "fine",
        "BaseEventLoop.call_soon",
        "asyncio.tasks.sleep",
    ]


STANDARD_PROGRAM = """
import asyncio

async def main():
    try:
        await asyncio.sleep(0)
    except RuntimeError:
        print("caught")

loop = asyncio.SelectorEventLoop()
try:
    loop.run_until_complete(main())
except RuntimeError:
    print("stopped")
loop.close()
"""


@pytest.mark.needs_stook
def test_a_program_on_asyncios_loop_ends_with_the_status_of_the_trap(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(STANDARD_PROGRAM, encoding="utf-8")
    process = run_python([str(path)], environment=poison.environment_for())
    assert process.returncode == poison.TRAPPED
    assert process.stdout == "stopped\n", process.stderr
    assert process.stderr.startswith("poison: reached _asyncio.Task.__init__")


PROGRAM = """
import asyncio, sys

async def child(number):
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return number

async def main():
    done, pending = await asyncio.wait([asyncio.create_task(child(1))], timeout=10)
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0, event.set)
    async with asyncio.timeout(10):
        await event.wait()
    async with asyncio.TaskGroup() as group:
        grouped = group.create_task(child(2))
    first = await asyncio.wait_for(child(3), 10)
    shielded = await asyncio.shield(child(4))
    completed = [await each for each in asyncio.as_completed([child(5)])]
    thread = await asyncio.to_thread(int, "6")
    cancelled = asyncio.create_task(asyncio.sleep(100))
    await asyncio.sleep(0)
    cancelled.cancel()
    [error] = await asyncio.gather(cancelled, return_exceptions=True)
    print([task.result() for task in done], len(pending), grouped.result(), first, shielded,
          completed, thread, type(error).__name__, sys.argv[1:])

"""


def write_program(directory, run):
    path = directory / "program.py"
    path.write_text(f"{PROGRAM}\n{run}\n", encoding="utf-8")
    return str(path)


@pytest.mark.needs_stook
def test_a_program_under_the_launcher_needs_nothing_of_asyncios_engine(tmp_path):
    path = write_program(tmp_path, "asyncio.run(main())")
    process = run_python([str(ROOT / "conformance" / "poison.py"), path, "argument"])
    assert output_of(process) == "[1] 0 2 3 4 [5] 6 CancelledError ['argument']\n"


@pytest.mark.needs_stook
def test_an_installed_stook_needs_nothing_of_asyncios_engine(tmp_path):
    path = write_program(tmp_path, "import stook; stook.install(); asyncio.run(main())")
    process = run_python([path], environment=poison.environment_for())
    assert output_of(process) == "[1] 0 2 3 4 [5] 6 CancelledError []\n"


@pytest.mark.needs_stook
def test_the_poison_finds_asyncios_own_also_after_an_install(tmp_path):
    run = f"""
import stook, sys
early = asyncio.Future, asyncio.gather
stook.install()
sys.path.append({str(ROOT)!r})
from conformance import poison
poison.apply()
asyncio.run(main())
for trapped in early:
    try:
        trapped()
    except RuntimeError as error:
        print(str(error).split()[0])
"""
    lines = output_of(run_python([write_program(tmp_path, run)])).splitlines()
    assert lines[0] == "[1] 0 2 3 4 [5] 6 CancelledError []"
    assert lines[1:] == ["_asyncio.Future.__init__", "asyncio.tasks.gather"]


@pytest.mark.needs_stook
def test_the_site_customization_that_the_poison_hides_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('hidden')\n", encoding="utf-8")
    environment = poison.environment_for()
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    process = run_python(["-c", "import asyncio; asyncio.gather()"], environment=environment)
    assert process.stdout == "hidden\n"
    assert "asyncio.tasks.gather was reached" in process.stderr


@pytest.mark.needs_stook
def test_the_loop_alone_needs_nothing_of_asyncios_loop_and_task(tmp_path):
    run = "import stook\nwith asyncio.Runner(loop_factory=stook.new_event_loop) as runner:"
    path = write_program(tmp_path, f"{run} runner.run(main())")
    process = run_python([path], environment=poison.environment_for(poison.LOOP))
    assert output_of(process) == "[1] 0 2 3 4 [5] 6 CancelledError []\n"
