"""Programs that print on stook what they print on the same interpreter's asyncio, to the letter.

For what differs between versions of CPython, so that no test here has to know how.
"""

import pytest

from programs import run_python

pytestmark = pytest.mark.needs_stook

OBSERVE = """
import asyncio
import warnings

def observe(name, function, *arguments, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **settings)
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
        else:
            is_loop = isinstance(result, asyncio.AbstractEventLoop)
            result = "a loop" if is_loop else type(result).__name__
    print(name, "|", result, "|", [str(warning.message) for warning in caught])

def refused(name, function, *arguments, **settings):
    "For numbers and names of arguments: the words depend on how a function is made."
    try:
        function(*arguments, **settings)
    except TypeError:
        print(name, "is refused")
    else:
        print(name, "is accepted")

async def value(result=None):
    return result

def closing(function):
    def call():
        coroutine = value()
        try:
            return function(coroutine)
        finally:
            coroutine.close()
    return call
"""

PROGRAMS = {
    "no_loop_at_all": OBSERVE
    + """
asyncio.set_event_loop(None)
observe("gather", closing(lambda c: asyncio.gather(c)))
observe("gather of nothing", asyncio.gather)
observe("ensure_future", closing(lambda c: asyncio.ensure_future(c)))
observe("create_task", closing(lambda c: asyncio.create_task(c)))
observe("Task", closing(lambda c: asyncio.Task(c)))
observe("Future", asyncio.Future)
observe("get_event_loop", asyncio.get_event_loop)
observe("get_running_loop", asyncio.get_running_loop)
observe("current_task", asyncio.current_task)
observe("all_tasks", asyncio.all_tasks)
observe("wait_for", closing(lambda c: asyncio.wait_for(c, 1).send(None)))
observe("shield", closing(lambda c: asyncio.shield(c)))
""",
    "loop_made_by_asking": OBSERVE
    + """
observe("get_event_loop", asyncio.get_event_loop)
observe("gather of nothing", asyncio.gather)
observe("Future", asyncio.Future)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    loop = asyncio.get_event_loop()
    print(loop.run_until_complete(asyncio.gather(value(1), value(2))))
    print(loop.run_until_complete(asyncio.ensure_future(value(3))))
loop.close()
""",
    "current_loop_set": OBSERVE
    + """
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
observe("get_event_loop", asyncio.get_event_loop)
observe("gather", lambda: loop.run_until_complete(asyncio.gather(value(1), value(2))))
observe("gather of nothing", asyncio.gather)
observe("Task", lambda: loop.run_until_complete(asyncio.Task(value(1))))
observe("Future", asyncio.Future)
asyncio.set_event_loop(None)
loop.close()
""",
    "refusals_in_a_loop": OBSERVE
    + """
async def main():
    loop = asyncio.get_running_loop()
    observe("gather(5)", asyncio.gather, 5)
    observe("gather(None)", asyncio.gather, None)
    refused("gather loop=", lambda: asyncio.gather(loop=loop))
    observe("create_task(5)", asyncio.create_task, 5)
    refused("create_task()", asyncio.create_task)
    refused("create_task name position", closing(lambda c: asyncio.create_task(c, "n")))
    observe("ensure_future(5)", asyncio.ensure_future, 5)
    refused("ensure_future()", asyncio.ensure_future)
    observe("Task(5)", asyncio.Task, 5)
    refused("Task()", asyncio.Task)
    refused("Task loop position", closing(lambda c: asyncio.Task(c, loop)))
    refused("Task unknown", closing(lambda c: asyncio.Task(c, colour=1)))
    refused("Future loop position", asyncio.Future, loop)
    refused("Future unknown", lambda: asyncio.Future(colour=1))
    future = loop.create_future()
    refused("set_result()", future.set_result)
    refused("set_result(1, 2)", future.set_result, 1, 2)
    refused("set_exception()", future.set_exception)
    observe("set_exception(1)", future.set_exception, 1)
    observe("set_exception(StopIteration)", loop.create_future().set_exception, StopIteration)
    refused("add_done_callback()", future.add_done_callback)
    refused("add_done_callback(1, 2)", future.add_done_callback, 1, 2)
    refused("add_done_callback colour", lambda: future.add_done_callback(1, colour=2))
    refused("remove_done_callback()", future.remove_done_callback)
    refused("cancel(1, 2)", future.cancel, 1, 2)
    refused("cancel colour", lambda: future.cancel(colour=2))
    refused("result(1)", future.result, 1)
    observe("result pending", future.result)
    observe("exception pending", future.exception)
    refused("get_loop(1)", future.get_loop, 1)
    task = asyncio.current_task()
    refused("task.set_name()", task.set_name)
    refused("task.set_name(1, 2)", task.set_name, 1, 2)
    refused("task.get_stack(1)", task.get_stack, 1)
    refused("task.print_stack(1)", task.print_stack, 1)
    refused("task.cancelling(1)", task.cancelling, 1)
    observe("task.set_result", task.set_result, 1)
    observe("task.set_exception", task.set_exception, ValueError())
    refused("current_task(1, 2)", asyncio.current_task, 1, 2)
    observe("current_task(5)", asyncio.current_task, 5)
    observe("all_tasks(5)", asyncio.all_tasks, 5)
    refused("call_soon()", loop.call_soon)
    refused("call_later(1)", loop.call_later, 1)
    observe("call_later(None)", loop.call_later, None, print)
    observe("call_at(None)", loop.call_at, None, print)
    observe("call_later(text)", loop.call_later, "x", print)
    observe("run_until_complete", closing(lambda c: loop.run_until_complete(c)))
    observe("asyncio.run", closing(lambda c: asyncio.run(c)))
    observe("close", loop.close)
    observe("set_task_factory", loop.set_task_factory, 5)
    observe("set_exception_handler", loop.set_exception_handler, 5)
    for name, make in {
        "wait([])": lambda: asyncio.wait([]),
        "wait(future)": lambda: asyncio.wait(future),
        "wait(5)": lambda: asyncio.wait(5),
        "wait condition": lambda: asyncio.wait([future], return_when="x"),
        "wait timeout": lambda: asyncio.wait([future], timeout="x"),
        "sleep(text)": lambda: asyncio.sleep("x"),
        "sleep(nan)": lambda: asyncio.sleep(float("nan")),
        "wait_for": lambda: asyncio.wait_for(5, 1),
    }.items():
        try:
            await asyncio.wait_for(make(), 0.01)
        except BaseException as error:
            print(name, "|", type(error).__name__, error)

asyncio.run(main())
""",
    "texts_of_tasks": """
import asyncio, io

async def wait(future):
    return await future

async def main():
    loop = asyncio.get_running_loop()
    loop.set_debug(False)
    future = loop.create_future()
    task = asyncio.create_task(wait(future), name="one")
    future.add_done_callback(print_name)
    print(repr(task)); print(repr(future))
    await asyncio.sleep(0)
    print(repr(task)); print(repr(future))
    task.cancel("m")
    print(repr(task)); print(repr(future))
    await asyncio.wait([task])
    print(repr(task))
    gathered = asyncio.gather(loop.create_future(), wait(loop.create_future()))
    print(repr(gathered))
    gathered.cancel()
    await asyncio.wait([gathered])
    print(repr(gathered))
    gathered.exception()
    out = io.StringIO()
    task.print_stack(file=out)
    print(out.getvalue())
    print(type(task).__name__, type(task).__qualname__, type(future).__name__)
    print(asyncio.create_task(wait(future)).get_name().startswith("Task-"))

def print_name(future):
    print("called", repr(future))

asyncio.run(main())
""",
    "cancellation_tracebacks": """
import asyncio, traceback

async def inner():
    await asyncio.get_running_loop().create_future()

async def middle():
    await asyncio.gather(inner())

async def outer():
    await asyncio.create_task(middle())

async def main():
    task = asyncio.create_task(outer())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel("why")
    try:
        await task
    except asyncio.CancelledError as error:
        while error is not None:
            print(repr(error), [f.name for f in traceback.extract_tb(error.__traceback__)])
            error = error.__cause__ or error.__context__

asyncio.run(main())
""",
    "names_from_a_factory": """
import asyncio

async def nothing(): ...

async def main():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **more: asyncio.Task(coro, loop=loop, **more))
    for settings in ({}, {"name": "given"}, {"name": None}):
        task = loop.create_task(nothing(), **settings)
        name = task.get_name()
        print("Task-N" if name.startswith("Task-") else name)
        await task
    if hasattr(asyncio, "eager_task_factory"):
        loop.set_task_factory(asyncio.eager_task_factory)
        for settings in ({}, {"name": "given"}):
            task = loop.create_task(nothing(), **settings)
            print("Task-N" if task.get_name().startswith("Task-") else task.get_name())

asyncio.run(main())
""",
    "options_of_tasks": OBSERVE
    + """
import functools

def factory(loop, coro, **options):
    print("factory", sorted(options))
    return asyncio.Task(coro, loop=loop, **options)

async def main():
    loop = asyncio.get_running_loop()
    order = []
    async def step(word):
        order.append(word)
    eager = {"eager_start": True}
    for options in (eager, {"eager_start": False}, {**eager, "name": "n"}):
        for create in (loop.create_task, functools.partial(loop.create_task, context=None)):
            coroutine = step("task")
            try:
                task = create(coroutine, **options)
            except TypeError:
                print(options, "is refused")
                coroutine.close()
                continue
            order.append("made")
            await task
            print(options, order, type(task) is asyncio.Task, task.get_name()[:4])
            order.clear()
    for options in ({"unknown": 1}, {"loop": loop}, {"coro": 1}, {**eager, "unknown": 1}):
        refused(str(sorted(options)), closing(lambda c: loop.create_task(c, **options)))
    refused("nothing", loop.create_task)
    refused("nothing but options", lambda: loop.create_task(eager_start=True))
    loop.set_task_factory(factory)
    for options in ({}, {"name": "n"}, {"eager_start": True}):
        coroutine = step("task")
        try:
            await loop.create_task(coroutine, **options)
        except TypeError:
            print(options, "is refused")
            coroutine.close()

asyncio.run(main())
""",
    "order_of_the_end_of_a_run": """
import asyncio

async def clean_up(name):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("cancelled", name)
        await asyncio.sleep(0)
        print("cleaned", name)
        if name == "b":
            raise LookupError(name)
        raise

async def generator():
    try:
        yield 1
    finally:
        await asyncio.sleep(0)
        print("generator closed")

async def main():
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: print("handler:", context["message"], repr(context["exception"]))
    )
    global agen
    agen = generator()
    await agen.__anext__()
    tasks = [asyncio.create_task(clean_up("b"))]
    main.tasks = tasks
    await asyncio.sleep(0)
    return "end"

print(asyncio.run(main()))
""",
}


def run(options, source):
    """Return everything a program prints and how it ends."""
    process = run_python([*options, "-c", source], environment={"PYTHONASYNCIODEBUG": ""})
    return process.returncode, process.stdout.splitlines(), process.stderr.splitlines()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("way", ["launcher", "install"])
def test_program_prints_what_it_prints_on_the_stock_interpreter(name, way):
    source = PROGRAMS[name]
    expected = run([], source)
    assert expected[0] == 0, expected
    assert len(expected[1]) > 0
    if way == "launcher":
        assert run(["-m", "stook"], source) == expected
    else:
        assert run([], "import stook; stook.install()" + source) == expected
