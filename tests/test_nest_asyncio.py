"""``nest_asyncio`` and ``nest_asyncio2`` do on stook what their users expect of them.

Each story runs with the package on the standard library first; on stook it prints the same, and
``asyncio.Task`` is still stook's afterwards.
"""

import importlib.util
import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

PACKAGES = [
    name for name in ("nest_asyncio", "nest_asyncio2") if importlib.util.find_spec(name) is not None
]

WAYS = {
    "launcher": ("", ["-m", "stook"]),
    "install": ("import stook; stook.install()", []),
    "install after": ("import asyncio, nest, stook; stook.install()", []),
    "policy": (
        "import asyncio, stook\nasyncio.set_event_loop_policy(stook.EventLoopPolicy())",
        [],
    ),
    "policy of somebody": (
        "import asyncio, stook\n"
        "class Policy(asyncio.DefaultEventLoopPolicy):\n"
        "    def new_event_loop(self): return stook.new_event_loop()\n"
        "asyncio.set_event_loop_policy(Policy())",
        [],
    ),
}

STORIES = {
    "a run inside a run, others go on": """
        import asyncio, nest
        nest.apply()
        steps = []
        async def other():
            while True:
                steps.append(asyncio.current_task().get_name())
                await asyncio.sleep(0)
        async def inner(depth):
            for _ in range(3):
                await asyncio.sleep(0)
            return depth if depth == 4 else asyncio.run(inner(depth + 1))
        async def main():
            task = asyncio.create_task(other(), name="other")
            me, loop = asyncio.current_task(), asyncio.get_running_loop()
            print(asyncio.run(inner(0)), len(steps) >= 15, set(steps))
            print(asyncio.current_task() is me, asyncio.get_running_loop() is loop)
            print(loop.run_until_complete(inner(3)), asyncio.current_task() is me)
            before = len(steps)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            print(len(steps) > before)
            task.cancel()
        asyncio.run(main())
    """,
    "applied inside the run": """
        import asyncio, nest
        async def inner():
            await asyncio.sleep(0.001)
            return asyncio.current_task().get_name()
        async def main():
            nest.apply()
            nest.apply(asyncio.get_running_loop())
            task = asyncio.create_task(inner(), name="inner")
            print(asyncio.get_event_loop().run_until_complete(task))
            print(asyncio.run(asyncio.wait_for(task, 1)))
        asyncio.run(main())
    """,
    "one loop for all runs": """
        import asyncio, nest
        nest.apply()
        loop = asyncio.get_event_loop()
        print(loop is asyncio.get_event_loop(), loop.is_running(), loop.is_closed())
        async def work(event):
            await event.wait()
            return "went on"
        async def begin():
            event = asyncio.Event()
            return asyncio.create_task(work(event)), event, asyncio.get_running_loop()
        async def end(task, event):
            event.set()
            return await task, task.get_loop() is asyncio.get_running_loop()
        task, event, running = asyncio.run(begin())
        print(task.done(), running is loop, loop.is_closed())
        print(asyncio.run(end(task, event)))
        print(loop.run_until_complete(asyncio.sleep(0, "by the loop")))
        loop.close()
    """,
    "errors come through": """
        import asyncio, nest
        nest.apply()
        async def fails():
            await asyncio.sleep(0)
            raise LookupError("inside")
        async def cancels():
            asyncio.current_task().cancel("inside")
            await asyncio.sleep(0)
        async def main():
            for inner in (fails, cancels):
                try:
                    asyncio.run(inner())
                except BaseException as error:
                    print(repr(error), asyncio.current_task().cancelling())
            await asyncio.sleep(0)
            print("goes on")
        asyncio.run(main())
    """,
    "an interrupted run ends its task": """
        import asyncio, nest
        nest.apply()
        class Stop(KeyboardInterrupt): pass
        def stop(): raise Stop
        async def inner():
            asyncio.get_running_loop().call_soon(stop)
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                print("inner ends")
        async def main():
            try:
                asyncio.run(inner())
            except Stop:
                print("stopped", asyncio.current_task().cancelling(), len(asyncio.all_tasks()))
            print(asyncio.run(asyncio.sleep(0, "and goes on")))
        asyncio.run(main())
    """,
    "a nested run can be stopped": """
        import asyncio, nest
        nest.apply()
        async def main():
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.stop)
            loop.run_forever()
            print("stopped", loop.is_running())
            await asyncio.sleep(0)
            return "outer ends"
        print(asyncio.run(main()))
    """,
    "debug mode": """
        import asyncio, nest
        nest.apply()
        async def is_debugged():
            return asyncio.get_running_loop().get_debug()
        async def main():
            print(asyncio.run(is_debugged(), debug=True), await is_debugged())
            print(asyncio.run(is_debugged(), debug=False), await is_debugged())
        asyncio.run(main(), debug=False)
    """,
    "contexts": """
        import asyncio, contextvars, nest
        nest.apply()
        variable = contextvars.ContextVar("variable", default="outside")
        async def inner():
            seen = variable.get()
            variable.set("inner")
            await asyncio.sleep(0)
            return seen, variable.get()
        async def main():
            variable.set("main")
            print(asyncio.run(inner()), variable.get())
        asyncio.run(main())
        print(variable.get())
    """,
    "tools": """
        import asyncio, nest
        nest.apply()
        def synchronous(awaitable):
            return asyncio.get_event_loop().run_until_complete(awaitable)
        async def main():
            queue = asyncio.Queue()
            async def produce():
                for number in range(3):
                    await queue.put(number)
            async with asyncio.TaskGroup() as group:
                group.create_task(produce())
                print([synchronous(queue.get()) for _ in range(3)])
            print(synchronous(asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))))
            print(synchronous(asyncio.wait_for(asyncio.to_thread(sum, [1, 2]), 5)))
            print(sorted(map(synchronous, asyncio.as_completed([asyncio.sleep(0, 1)]))))
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.sleep(0.1)
            except TimeoutError:
                print("too late")
        print(synchronous(main()))
    """,
    "a loop in another thread": """
        import asyncio, threading, nest
        nest.apply()
        async def main():
            return asyncio.run(asyncio.sleep(0, asyncio.get_event_loop().is_running()))
        def work():
            print(asyncio.run(main()), asyncio.get_event_loop().is_running())
            asyncio.get_event_loop().close()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(asyncio.run(main()))
    """,
}

AFTER = """
import sys
if "stook" in sys.modules:
    import stook
    if "stook._install" in sys.modules and sys.modules["stook._install"]._rebound:
        assert asyncio.Task is asyncio.tasks.Task is stook.Task, asyncio.Task
    else:
        import _asyncio
        assert asyncio.Task is _asyncio.Task, asyncio.Task
    assert not hasattr(asyncio, "_nest_patched")
    assert not hasattr(stook.EventLoop, "_nest_patched")
    assert isinstance(asyncio.get_event_loop(), stook.EventLoop)
"""


def run(before, story, package, front=()):
    source = f"{before}\n{textwrap.dedent(story)}\n{AFTER}"
    source = source.replace("import nest,", f"import {package} as nest,")
    source = source.replace(", nest\n", f"\nimport {package} as nest\n")
    source = source.replace(", nest,", f"\nimport {package} as nest\nimport")
    return output_of(run_python([*front, "-c", source], environment={"PYTHONASYNCIODEBUG": ""}))


@pytest.fixture(scope="module")
def stock():
    """Return what a story prints with the package on the standard library, asked once."""
    known = {}

    def ask(story, package):
        if (story, package) not in known:
            known[story, package] = run("", STORIES[story], package)
        return known[story, package]

    return ask


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_the_same_on_stook(stock, story, way, package):
    before, front = WAYS[way]
    expected = stock(story, package)
    assert expected != ""
    assert run(before, STORIES[story], package, front) == expected
