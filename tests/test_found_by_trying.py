"""Programs that once hung or failed on stook alone, each run beside the stock interpreter."""

import re
import shlex
import subprocess
import sys
import textwrap

import pytest

from side_by_side import Workplace

NESTED = """
    import asyncio, nest_asyncio
    nest_asyncio.apply()
    async def inner(name, delay):
        await asyncio.sleep(delay)
        print("done", name)
        return name
    async def task(name, delay):
        return asyncio.run(inner(name, delay))
    async def main():
        return await asyncio.gather(task("A", {first}), task("B", {second}))
    print(asyncio.run(main()))
"""

AT_THE_END = """
    import asyncio, gc, sys
    gc.disable()  # a collection now would change the order in which they end
    class Last:
        def __init__(self, name, function):
            self.name, self.function, self.itself = name, function, self
        def __del__(self):
            try:
                print(self.name, self.function())
            except BaseException as error:
                print(self.name, type(error).__name__, error)
    loop, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
    closed.close()
    done, pending = loop.create_future(), loop.create_future()
    done.set_result(1)
    functions = {
        "closed": lambda print=print: closed.call_soon(print),
        "twice": lambda: done.set_result(1),
        "early": lambda: pending.result(),
        "no exception": lambda: pending.set_exception(3),
        "keyword": lambda: pending.cancel(reason=1),
        "no task": lambda current=asyncio.current_task: current(),
        "no loop": lambda running=asyncio.get_running_loop: running(),
        "no coroutine": lambda Task=asyncio.Task: Task(3, loop=loop),
        "nothing to wait for": lambda wait=asyncio.wait: wait([]).send(None),
        "goes on": lambda sleep=asyncio.sleep: loop.run_until_complete(sleep(0, "slept")),
    }
    # What `sys.modules` holds last is ended last, when the interpreter is hardly there.
    for name, function in functions.items():
        sys.modules["last " + name] = Last(name, function)
"""

STOCK_TASKS = """
    import asyncio
    from asyncio import Task
    class Early(Task):
        pass
    import stook
    stook.install()
    async def nothing():
        await asyncio.sleep(0)
    async def work():
        name = asyncio.current_task().get_name()
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(10)
        except TimeoutError:
            name += " too late"
        async with asyncio.TaskGroup() as group:
            group.create_task(nothing())
        await asyncio.wait_for(nothing(), 10)
        return name, asyncio.current_task().get_name()
    async def main():
        loop = asyncio.get_running_loop()
        for kind in (Task, Early, asyncio.Task):
            print(await kind(work(), loop=loop, name="child"), asyncio.current_task().get_name())
        if hasattr(asyncio, "eager_task_factory"):
            task = Task(work(), loop=loop, name="eager", eager_start=True)
            print(asyncio.current_task().get_name(), await task)
    asyncio.run(main())
"""

PROGRAMS = {
    "errors while the interpreter ends": AT_THE_END,
    "tasks of a class bound before install()": STOCK_TASKS,
    "an exception that cannot be changed": """
        import asyncio, dataclasses
        @dataclasses.dataclass(frozen=True)
        class Refusal(Exception):
            code: int
        async def refuse():
            raise Refusal(3)
        async def main():
            future = asyncio.get_running_loop().create_future()
            future.set_exception(Refusal(4))
            for awaited in (asyncio.create_task(refuse()), asyncio.gather(refuse()), future):
                try:
                    await awaited
                except Refusal as error:
                    print("caught", error)
        asyncio.run(main())
    """,
    "an exception whose traceback cannot be read": """
        import asyncio
        class Hidden(Exception):
            @property
            def __traceback__(self):
                raise ValueError
        async def hide():
            raise Hidden("hidden")
        async def main():
            task = asyncio.create_task(hide())
            done, pending = await asyncio.wait([task], timeout=5)
            print(len(done), len(pending), task.done(), task.cancel())
            try:
                await asyncio.wait_for(task, 5)
            except Exception as error:
                print(repr(error))
        asyncio.run(main())
    """,
    "a clock of numbers of other kinds": """
        import asyncio, decimal
        for zero in (0, decimal.Decimal(0)):
            class Loop(asyncio.SelectorEventLoop):
                def time(self):
                    return zero
            loop = Loop()
            print(repr(loop.call_later(5, print).when()))
            print(repr(loop.call_later(zero + 3, print).when()))
            loop.close()
    """,
    "what gather asks of futures": """
        import asyncio
        class Future(asyncio.Future):
            def exception(self):
                print("exception()")
                return super().exception()
            def cancelled(self):
                print("cancelled()")
                return super().cancelled()
        async def main():
            for returns in (False, True):
                future = Future()
                call_soon = asyncio.get_running_loop().call_soon
                call_soon(asyncio.Future.set_exception, future, ValueError("x"))
                print(await asyncio.gather(asyncio.gather(future, return_exceptions=returns),
                                           return_exceptions=True))
        asyncio.run(main())
    """,
    "functions of asyncio patched when they are first needed": """
        import asyncio, asyncio.tasks, functools
        from unittest import mock
        async def child():
            return 1
        async def main():
            with mock.patch("asyncio.tasks.gather", new=mock.Mock()), \\
                 mock.patch("asyncio.tasks.sleep", new=functools.partial(asyncio.sleep, 0)):
                print(await asyncio.create_task(child()))
            print(await asyncio.create_task(child()))
        asyncio.run(main())
    """,
    "dispatch by class": """
        import asyncio, functools
        @functools.singledispatch
        def kind(value):
            return "object"
        kind.register(asyncio.Future, lambda value: "future")
        kind.register(asyncio.Task, lambda value: "task")
        async def main():
            future = asyncio.gather(asyncio.sleep(0))
            task = asyncio.current_task()
            print(kind(task), kind(future), kind(asyncio.get_running_loop().create_future()))
            print(task.__class__ is asyncio.Task, issubclass(future.__class__, asyncio.Future))
        asyncio.run(main())
    """,
    "nested runs that end together": NESTED.format(first=0.02, second=0.02),
    "nested runs, the lower one first": NESTED.format(first=0.01, second=0.05),
    "nested runs, the upper one first": NESTED.format(first=0.05, second=0.01),
    "yield from in a generator-based coroutine": """
        import asyncio, types
        @types.coroutine
        def legacy():
            return (yield from asyncio.sleep(0, "slept"))
        async def main():
            return await legacy()
        print(asyncio.run(main()))
    """,
    "wait for an iterator without futures": """
        import asyncio
        async def main():
            try:
                await asyncio.wait(iter([]))
            except AssertionError as error:
                print(repr(error))
        asyncio.run(main())
    """,
    "a run that is refused leaves the loop running": """
        import asyncio, sys
        async def other(): pass
        async def main():
            loop = asyncio.get_running_loop()
            try:
                loop.run_forever()
            except RuntimeError as error:
                print(error)
            if sys.version_info < (3, 13):  # 3.13.0 forgets it
                print(asyncio.get_running_loop() is loop)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_does_what_it_does_on_stock(name, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAMS[name]), encoding="utf-8")
    stock, ours = (
        subprocess.run(
            [sys.executable, *front, str(script)], capture_output=True, text=True, timeout=30
        )
        for front in ([], ["-m", "stook"])
    )
    assert (ours.returncode, ours.stdout) == (stock.returncode, stock.stdout)
    assert stock.stdout


PASSED_THROUGH = {
    "an error of the main task": """
        import asyncio
        async def main():
            await asyncio.sleep(0)
            raise ValueError("mine")
        asyncio.run(main())
    """,
    "an exit in a task that another one awaits": """
        import asyncio, sys
        async def child():
            sys.exit(5)
        async def main():
            await asyncio.gather(child(), asyncio.sleep(0.1))
        asyncio.run(main())
    """,
    "an exit with a text": """
        import asyncio, sys
        async def main():
            sys.exit("a text")
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("name", PASSED_THROUGH)
def test_tracebacks_show_no_frame_below_the_program(tmp_path, name):
    """Between two frames of the program asyncio's own may be fewer, or one of ours be another."""
    stock, ours = Workplace(tmp_path).both(textwrap.dedent(PASSED_THROUGH[name]))
    assert ours.status == stock.status != 0
    assert ours.errors.splitlines()[-1] == stock.errors.splitlines()[-1]
    expected, shown = (re.findall(r'File "(.*)", line', run.errors) for run in (stock, ours))
    assert [name for name in shown if "stook" in name and "events.py" not in name] == []
    assert len(shown) <= len(expected)


def test_a_missing_script_with_standard_error_closed(tmp_path):
    for front in ([], ["-m", "stook"]):
        command = shlex.join([sys.executable, *front, "missing.py"])
        process = subprocess.run(["sh", "-c", f"{command} 2>&-"], cwd=tmp_path, timeout=30)
        assert process.returncode == 2
