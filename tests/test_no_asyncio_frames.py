"""Between two steps of tasks no Python code of asyncio runs, as a profiler sees it.

asyncio's code may run where a loop starts and ends. In between, a profiler that is told of every
call of Python and C functions must see none made by or into a file of asyncio. The same
programs on the standard library prove that the profiler would see it.
"""

import pytest

from programs import output_of

PROFILER = """
import asyncio, os, sys, threading
from asyncio import Task, create_task, gather, sleep, wait

HOME = os.path.dirname(asyncio.__file__) + os.sep
seen, events = set(), 0

def note(frame, event, argument):
    global events
    events += 1
    code = frame.f_code
    if code.co_filename.startswith(HOME):
        seen.add(os.path.basename(code.co_filename) + ":" + code.co_name)

def watch():
    threading.setprofile(note)
    sys.setprofile(note)

def stop():
    sys.setprofile(None)
    threading.setprofile(None)

async def watched(program):
    await sleep(0)  # what has to be done once is done
    watch()
    try:
        return await program
    finally:
        stop()

async def child(turns, result=None):
    for _ in range(turns):
        await sleep(0)
    return result
"""

PROGRAMS = {
    "sleep": """
        await child(3)
        return await child(3, "slept")
    """,
    "tasks that sleep": """
        tasks = [create_task(child(turns)) for turns in range(5)]
        for task in tasks:
            await task
        return len(tasks)
    """,
    "gather": """
        return await gather(*[child(turns, turns) for turns in range(5)])
    """,
    "gather in gather": """
        return await gather(*[gather(child(1, n), child(2, n)) for n in range(3)], child(5, "last"))
    """,
    "gather of exceptions": """
        async def fail():
            await sleep(0)
            raise KeyError("lost")
        found = await gather(fail(), child(2, "well"), return_exceptions=True)
        return [type(each).__name__ for each in found]
    """,
    "gather cancelled": """
        task = create_task(child(100))
        group = gather(task, child(100))
        await sleep(0)
        group.cancel()
        found = await gather(group, return_exceptions=True)
        return type(found[0]).__name__, task.cancelled()
    """,
    "wait": """
        done, pending = await wait([create_task(child(turns)) for turns in range(4)])
        first, rest = await wait(
            [create_task(child(1)), create_task(child(9))], return_when="FIRST_COMPLETED"
        )
        await gather(*rest)
        return len(done), len(pending), len(first), len(rest)
    """,
    "task group": """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child(turns, turns)) for turns in range(3)]
        return [task.result() for task in tasks]
    """,
    "timeout": """
        async with asyncio.timeout(3600):
            return await child(3, "in time")
    """,
    "timeout that expires": """
        try:
            async with asyncio.timeout(0.001):
                await sleep(3600)
        except TimeoutError:
            return "late"
    """,
}

WANTED = {
    "sleep": "slept",
    "tasks that sleep": "5",
    "gather": "[0, 1, 2, 3, 4]",
    "gather in gather": "[[0, 0], [1, 1], [2, 2], 'last']",
    "gather of exceptions": "['KeyError', 'str']",
    "gather cancelled": "('CancelledError', True)",
    "wait": "(4, 0, 1, 1)",
    "task group": "[0, 1, 2]",
    "timeout": "in time",
    "timeout that expires": "late",
}

# ``wait`` may ask asyncio what kind of object its argument is: that is a part of the step that
# calls it, not of what goes on between two.
QUESTIONS = {"base_futures.py:isfuture", "coroutines.py:iscoroutine"}

START = {
    "asyncio": "asyncio.run(watched(main()))",
    "loop_factory": (
        "with asyncio.Runner(loop_factory=stook.new_event_loop) as runner:"
        " runner.run(watched(main()))"
    ),
}

IN_A_THREAD = """
def target():
    global result
    result = {run}
thread = threading.Thread(target=target)
thread.start()
thread.join()
"""


def source_of(name, *, before="", run="asyncio.run(watched(main()))"):
    main = f"async def main():{PROGRAMS[name]}\n"
    allowed = QUESTIONS if name == "wait" else set()
    end = f"print(result)\nprint(events > 5, sorted(seen - {allowed!r}))"
    return f"{before}\n{PROFILER}\n{main}\n{run}\n{end}\n"


def plain(run):
    return f"result = {run}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_profiler_sees_asyncio_where_it_runs(program, name):
    output = output_of(program(source_of(name, run=plain(START["asyncio"])), way="stock"))
    result, frames = output.splitlines()
    assert result == WANTED[name]
    assert "base_events.py:_run_once" in frames
    assert "base_events.py:call_soon" in frames


@pytest.mark.needs_stook
@pytest.mark.parametrize("name", PROGRAMS)
def test_under_the_launcher_no_code_of_asyncio_runs(program, name):
    output = output_of(program(source_of(name, run=plain(START["asyncio"]))))
    assert output == f"{WANTED[name]}\nTrue []\n"


@pytest.mark.needs_stook
@pytest.mark.parametrize("name", PROGRAMS)
def test_in_a_thread_no_code_of_asyncio_runs(program, name):
    run = IN_A_THREAD.format(run=START["asyncio"])
    output = output_of(program(source_of(name, run=run)))
    assert output == f"{WANTED[name]}\nTrue []\n"


@pytest.mark.needs_stook
@pytest.mark.parametrize("name", PROGRAMS)
def test_once_installed_no_code_of_asyncio_runs(program, name):
    source = source_of(name, before="import asyncio, stook; stook.install()")
    output = output_of(
        program(source.replace("asyncio.run(", "result = asyncio.run("), way="stock")
    )
    assert output == f"{WANTED[name]}\nTrue []\n"


# asyncio's own classes have methods of ours once stook is installed.
FUNCTIONS = [name for name, body in PROGRAMS.items() if "asyncio." not in body]


@pytest.mark.needs_stook
@pytest.mark.parametrize("name", FUNCTIONS)
def test_with_the_loop_and_our_functions_no_code_of_asyncio_runs(program, name):
    source = source_of(name, before="import stook", run=START["loop_factory"])
    source = source.replace("runner.run(", "result = runner.run(")
    source = source.replace("from asyncio import Task,", "from stook import")
    assert output_of(program(source, way="stock")) == f"{WANTED[name]}\nTrue []\n"
