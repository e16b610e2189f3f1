"""Every way of running a program on stook gives it the same asyncio.

Each story is run by the interpreter alone and then by each way; all print the same. The program
sees asyncio's own names throughout, so a way in which a name does not know of our tasks fails.
"""

import sys
import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

RUN_BY_FACTORY = """
def run(main, debug=None):
    # As asyncio.run does; a Runner notices only once it has made a loop that it cannot close.
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=stook.new_event_loop) as runner:
        return runner.run(main)
"""
if sys.version_info >= (3, 12):
    RUN_BY_FACTORY = """
def run(main, debug=None):
    return asyncio.run(main, debug=debug, loop_factory=stook.new_event_loop)
"""

# Way -> what the program begins with. `run` is what it calls.
WAYS = {
    "stock": "import asyncio\nrun = asyncio.run",
    "launcher": "import asyncio\nrun = asyncio.run",
    "install first": "import stook\nstook.install()\nimport asyncio\nrun = asyncio.run",
    "install": "import asyncio, stook\nstook.install()\nrun = asyncio.run",
    "run": "import asyncio, stook\nrun = stook.run",
    "loop_factory": f"import asyncio, stook\n{RUN_BY_FACTORY}",
    "policy": (
        "import asyncio, stook\nrun = asyncio.run\n"
        "asyncio.set_event_loop_policy(stook.EventLoopPolicy())"
    ),
}

BOUND_BEFORE = """
from asyncio import (
    CancelledError, Event, Future, Task, TaskGroup, all_tasks, create_task, current_task,
    ensure_future, gather, get_event_loop, get_running_loop, sleep, timeout, wait, wait_for,
)
"""

STORIES = {
    "types": """
        async def main():
            task = create_task(sleep(0, "slept"), name="named")
            future = get_running_loop().create_future()
            for one in (task, future, gather(), ensure_future(future)):
                print(isinstance(one, (Future, asyncio.Future)), asyncio.isfuture(one))
            print(isinstance(task, Task), isinstance(task, asyncio.Task), task.get_name())
            print(isinstance(future, Task), isinstance(future, asyncio.Task))
            print(issubclass(asyncio.Task, asyncio.Future), issubclass(Task, Future))
            future.set_result(1)
            print(await task, await future)
        run(main())
    """,
    "who runs": """
        async def child(name):
            await sleep(0)
            mine = current_task(), asyncio.current_task()
            return mine[0] is mine[1], mine[0].get_name() == name
        async def main():
            me = current_task()
            tasks = [create_task(child(f"child {n}"), name=f"child {n}") for n in range(3)]
            print(all_tasks() == {me, *tasks} == asyncio.all_tasks())
            print(await gather(*tasks), current_task() is me, all_tasks() == {me})
            print(get_running_loop() is asyncio.get_running_loop() is get_event_loop())
            print(me.get_loop() is get_running_loop(), current_task(get_running_loop()) is me)
            get_running_loop().call_soon(lambda: print("no task:", current_task()))
            await sleep(0)
        run(main())
        for name in ("get_running_loop", "current_task", "all_tasks"):
            try:
                getattr(asyncio, name)()
            except RuntimeError as error:
                print(error)
    """,
    "control": """
        async def fails():
            await sleep(0)
            raise ValueError("failed")
        async def endless(name):
            try:
                await Event().wait()
            finally:
                print(name, "ends")
        async def grouped():
            try:
                async with TaskGroup() as group:
                    group.create_task(endless("grouped"))
                    group.create_task(fails())
            except* ValueError as several:
                print(several.exceptions)
        async def main():
            done, pending = await wait(
                [create_task(fails()), create_task(endless("waited"))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            print(len(done), len(pending), done.pop().exception())
            (left,) = pending
            left.cancel("enough")
            print(await gather(left, fails(), return_exceptions=True))
            await create_task(grouped())  # 3.11.2 counts a cancellation of this task for good
            try:
                async with timeout(0):
                    await endless("timed")
            except TimeoutError:
                print("too late", current_task().cancelling())
            try:
                await wait_for(endless("waited for"), 0)
            except TimeoutError:
                print("too late again")
            shielded = create_task(sleep(0, "kept"))
            outer = asyncio.shield(shielded)
            outer.cancel()
            print(await gather(outer, return_exceptions=True), await shielded)
            print([await one for one in asyncio.as_completed([sleep(0, 1), sleep(0, 1)])])
        run(main())
    """,
    "contexts": """
        import contextvars
        variable = contextvars.ContextVar("variable", default="outside")
        async def child():
            before = variable.get()
            variable.set("child")
            await sleep(0)
            return before, variable.get()
        async def main():
            variable.set("main")
            context = contextvars.copy_context()
            context.run(variable.set, "given")
            print(await create_task(child()), await create_task(child(), context=context))
            print(await child(), variable.get(), context[variable])
            get_running_loop().call_soon(lambda: print(variable.get()), context=context)
            await sleep(0)
        run(main())
        print(variable.get())
    """,
    "reports": """
        import gc
        async def fails():
            raise ValueError("nobody asks")
        async def main():
            reports = []
            loop = get_running_loop()
            loop.set_exception_handler(lambda loop, context: reports.append(context))
            loop.slow_callback_duration = 100  # collecting is slow on a busy machine
            task = create_task(fails())
            future = loop.create_future()
            future.set_exception(KeyError("nobody either"))
            await sleep(0)
            del task, future
            gc.collect()
            for report in reports:
                print(sorted(report), report["message"], repr(report["exception"]))
        run(main())
        run(main(), debug=True)
    """,
    "debug mode": """
        import logging
        logging.basicConfig(format="%(levelname)s %(message).9s", stream=__import__("sys").stdout)
        async def main():
            loop = get_running_loop()
            print(loop.get_debug())
            task = create_task(sleep(0))
            print("created at" in repr(task), bool(task._source_traceback))
            await task
            loop.slow_callback_duration = 0.0
            await sleep(0)
            loop.slow_callback_duration = 100
            try:
                await asyncio.to_thread(loop.call_soon, print)
            except RuntimeError as error:
                print(error)
        run(main(), debug=True)
    """,
    "runner": """
        async def name():
            return type(current_task()).__name__, get_running_loop()
        with asyncio.Runner() as runner:
            first, second = runner.run(name()), runner.run(name())
            print(first == second, runner.get_loop() is first[1])
        print(first[1].is_closed())
        async def left():
            create_task(sleep(3600)).add_done_callback(lambda task: print(task.cancelled()))
            await sleep(0)
            return "left"
        print(run(left()))
    """,
    "not coroutines": """
        for wrong in (None, 1, asyncio.sleep):
            try:
                run(wrong)
            except ValueError as error:
                print(str(error)[:27])
        async def main():
            inner = sleep(0)
            try:
                run(inner)
            except RuntimeError as error:
                print(str(error).partition("run() ")[2])
            inner.close()
        run(main())
    """,
    "errors": """
        async def main():
            raise LookupError("out of main")
        try:
            run(main())
        except LookupError as error:
            print(repr(error))
        async def cancelled():
            current_task().cancel("by itself")
            await sleep(0)
        try:
            run(cancelled())
        except CancelledError as error:
            print(repr(error))
    """,
}


def program(way, story):
    return f"{WAYS[way]}\n{BOUND_BEFORE}\n{textwrap.dedent(STORIES[story])}"


def outcome(way, story, debug):
    front = ["-m", "stook"] if way == "launcher" else []
    environment = {"PYTHONASYNCIODEBUG": "1" if debug else ""}
    source = program(way, story)
    process = run_python(["-Werror", *front, "-c", source], environment=environment)
    return process.returncode, process.stdout, process.stderr


@pytest.fixture(scope="module")
def stock():
    """Return what a story prints on the standard library, asked once."""
    known = {}

    def ask(story, debug):
        if (story, debug) not in known:
            known[story, debug] = outcome("stock", story, debug)
        return known[story, debug]

    return ask


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "stock"])
@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_the_same_by_every_way(stock, story, way, debug):
    status, _, errors = expected = stock(story, debug)
    assert (status, errors) == (0, "")
    assert outcome(way, story, debug) == expected


def test_methods_of_asyncios_own_classes_do_not_take_stooks_tasks():
    program = """
import asyncio, stook
from asyncio import Task
async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    assert isinstance(task, Task) and isinstance(task, asyncio.Task)
    for kind in (Task, asyncio.Task):
        try:
            print(kind.done(task))
        except TypeError:
            print("TypeError")
stook.run(main())
stook.install()
stook.run(main())
"""
    assert output_of(run_python(["-c", program])).split() == ["TypeError"] * 3 + ["False"]
