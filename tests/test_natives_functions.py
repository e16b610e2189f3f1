"""Native functions of asyncio's do and show what asyncio's do, on the same interpreter."""

import textwrap

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

BEGINNING = """
import asyncio, gc, inspect, sys, threading, types, warnings, weakref

async def value(result=1, delay=0):
    await asyncio.sleep(delay)
    return result

async def failure(error=ValueError("mine")):
    await asyncio.sleep(0)
    raise error

async def turns(count=2):
    for _ in range(count):
        await asyncio.sleep(0)

def report(loop, context):
    print("reported:", context["message"], repr(context.get("exception")))

def asked(function, *arguments, **settings):
    try:
        return function(*arguments, **settings)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

async def awaited(awaitable):
    try:
        return await awaitable
    except BaseException as error:
        return repr(error)
"""

SHIELD = {
    "the end of the inner one": """
        print(await awaited(asyncio.shield(value(3))))
        print(await awaited(asyncio.shield(failure())))
        done = asyncio.ensure_future(value(4))
        await done
        print(asyncio.shield(done) is done)
    """,
    "what the callbacks show": """
        inner = asyncio.ensure_future(value())
        outer = asyncio.shield(inner)
        print(inner, outer)
        for future in (inner, outer):
            [(callback, context)] = future._callbacks
            print(callback.__qualname__, callback.__code__, inspect.isfunction(callback))
            print(type(context))
        await outer
        print(inner, outer)
    """,
    "the outer one cancelled": """
        inner = asyncio.ensure_future(value())
        outer = asyncio.shield(inner)
        print(outer.cancel("a word"), outer)
        print(inner)
        await asyncio.sleep(0)
        print(inner)
        print(await awaited(inner), await awaited(outer))
    """,
    "an error after the outer one is cancelled": """
        loop.set_exception_handler(report)
        for steps in range(4):
            for first in range(2):
                inner = loop.create_future()
                outer = asyncio.shield(inner)
                actions = [outer.cancel, lambda: inner.set_exception(KeyError(steps))]
                actions[first]()
                await turns(steps)
                actions[1 - first]()
                await turns(steps)
                print(steps, first, inner._log_traceback, inner, outer)
                del inner, outer, actions
                gc.collect()
    """,
    "the outer one given a result": """
        loop.set_exception_handler(report)
        inner = loop.create_future()
        outer = asyncio.shield(inner)
        inner.set_result(1)
        outer.set_result(2)
        await turns()
        inner = loop.create_future()
        outer = asyncio.shield(inner)
        inner.cancel()
        outer.set_result(2)
        await turns()
        print(inner, outer)
    """,
    "the inner one cancelled": """
        inner = asyncio.ensure_future(value())
        outer = asyncio.shield(inner)
        await asyncio.sleep(0)
        inner.cancel("a word")
        print(await awaited(outer), outer, inner)
    """,
    "shields of shields, and of a gather": """
        inner = asyncio.gather(value(1), value(2), failure(), return_exceptions=True)
        print(await asyncio.shield(asyncio.shield(asyncio.shield(inner))))
        outer = asyncio.gather(asyncio.shield(value(1)), asyncio.shield(value(2, 0.01)))
        await turns()
        outer.cancel()
        print(await awaited(outer), len(asyncio.all_tasks()))
    """,
    "a task that is cancelled while it waits": """
        inner = asyncio.ensure_future(value(5, 0.01))
        async def waits():
            try:
                return await asyncio.shield(inner)
            except asyncio.CancelledError:
                print("cancelled", inner.done())
                return await inner
        task = asyncio.ensure_future(waits())
        await turns()
        task.cancel()
        print(await task)
    """,
    "a class of the program's own": """
        class Own(asyncio.Future):
            def add_done_callback(self, function, **settings):
                print("added", function.__qualname__)
                super().add_done_callback(function, **settings)
            def cancelled(self):
                print("asked")
                return super().cancelled()
        inner = Own()
        outer = asyncio.shield(inner)
        inner.set_result(8)
        print(await outer)
        outer = asyncio.shield(Own())
        outer.cancel()
        print(await awaited(outer))
    """,
    "an awaitable, and what is none": """
        class Awaitable:
            def __await__(self):
                yield
                return 6
        print(await asyncio.shield(Awaitable()))
        print(await asyncio.shield(arg=value(7)))
        print(asked(asyncio.shield, 3))
        print(asked(asyncio.shield))
        print(asked(asyncio.shield, 1, 2))
    """,
    "a factory of tasks": """
        class Own(asyncio.Task):
            pass
        loop.set_task_factory(lambda loop, coro, **settings: Own(coro, loop=loop, **settings))
        outer = asyncio.shield(value(9))
        print(await outer)
        loop.set_task_factory(None)
    """,
    "in debug mode": """
        loop.set_debug(True)
        inner = asyncio.ensure_future(value(1))
        outer = asyncio.shield(inner)
        print("shield" in [line.name for line in outer._source_traceback])
        loop.set_debug(False)
        print(await outer)
        inner = asyncio.ensure_future(value(1))
        outer = asyncio.shield(inner)
        loop.set_debug(True)
        print(await outer)
    """,
    "no loop that runs": """
        def elsewhere():
            coroutine = value()
            print(asked(asyncio.shield, coroutine))
            coroutine.close()
            other = asyncio.new_event_loop()
            future = other.create_future()
            outer = asyncio.shield(future)
            print(outer.get_loop() is other)
            other.call_soon(future.set_result, 2)
            print(other.run_until_complete(outer))
            other.close()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    """,
    "a cycle of references that nobody waits for": """
        gc.disable()
        inner = loop.create_future()
        inner.outer = asyncio.shield(inner)
        inner.thing = type("Thing", (), {})()
        gone = weakref.ref(inner.thing)
        del inner
        print(gone() is not None, gc.collect() > 0, gone())
    """,
    "the order of callbacks": """
        async def child(name):
            await asyncio.sleep(0)
            print("end of", name)
        inner = asyncio.ensure_future(child("inner"))
        inner.add_done_callback(lambda done: print("before"))
        outer = asyncio.shield(inner)
        inner.add_done_callback(lambda done: print("after"))
        outer.add_done_callback(lambda done: print("outer"))
        inner.add_done_callback(lambda done: loop.call_soon(print, "soon"))
        await outer
        print("awaited")
        await turns()
    """,
}

AS_COMPLETED = {
    "what it is": """
        items = asyncio.as_completed([value(1), value(2)])
        print(type(items), inspect.isgenerator(items), isinstance(items, types.GeneratorType))
        print(inspect.isgeneratorfunction(asyncio.as_completed), inspect.isasyncgen(items))
        print([getattr(items, name, None) for name in ("__name__", "__qualname__", "gi_running")])
        print(hasattr(items, "__aiter__"), repr(items)[:30])
        for item in items:
            print(getattr(items, "gi_yieldfrom", None))
            print(inspect.iscoroutine(item), item.__name__, item.__qualname__, item.cr_code)
            print(repr(item)[:50], inspect.getcoroutinestate(item))
            item.close()
            print(inspect.getcoroutinestate(item))
        await turns(3)
    """,
    "in the order in which they end": """
        delays = {"c": 0.03, "a": 0.01, "b": 0.02}
        items = asyncio.as_completed([value(name, delays[name]) for name in delays])
        print([await item for item in items])
    """,
    "errors": """
        for wrong in (value(), loop.create_future(), 3, [3], None):
            def drain():
                return list(asyncio.as_completed(wrong))
            print(asked(drain))
            if inspect.iscoroutine(wrong):
                wrong.close()
        print(asked(asyncio.as_completed))
        print(asked(asyncio.as_completed, [], 5))
        print(asked(asyncio.as_completed, [], loop=None))
        print(list(asyncio.as_completed([])), list(asyncio.as_completed(fs=(), timeout=1)))
        bad = [loop.create_future()]
        print(asked(lambda: list(asyncio.as_completed(bad, timeout="soon"))))
        print(bad)
    """,
    "when errors are found": """
        coroutine = value()
        made = asked(asyncio.as_completed, coroutine)
        print(made if isinstance(made, str) else "made")
        coroutine.close()
        begun = []
        async def begins():
            begun.append(1)
        items = asyncio.as_completed([begins()])
        await turns()
        print(begun)
        for item in items:
            await item
        print(begun)
    """,
    "the same future twice": """
        task = asyncio.ensure_future(value(2))
        items = list(asyncio.as_completed([task, task, asyncio.shield(task)]))
        print(len(items), [await item for item in items])
    """,
    "results, errors, cancellations": """
        tasks = [asyncio.ensure_future(one) for one in (value(1), failure(), value(2, 9))]
        items = list(asyncio.as_completed(tasks))
        tasks[2].cancel("a word")
        print(sorted([str(await awaited(item)) for item in items]))
    """,
    "a timeout": """
        tasks = [asyncio.ensure_future(value(n, delay)) for n, delay in ((1, 0), (2, 9), (3, 9))]
        for item in asyncio.as_completed(tasks, timeout=0.02):
            print(await awaited(item))
        print(*tasks)
        tasks[1].cancel()
        tasks[2].cancel()
        await turns()
        finished = asyncio.as_completed([value()], timeout=100)
        for item in finished:
            await item
        print([handle for handle in loop._scheduled if not handle.cancelled()])
    """,
    "what the callbacks show": """
        task = asyncio.ensure_future(value(1, 9))
        items = asyncio.as_completed([task], timeout=50)
        item = next(items)
        print(task)
        [(callback, context)] = task._callbacks
        print(callback.__qualname__, callback.__class__, inspect.isfunction(callback))
        print([handle._callback.__qualname__ for handle in loop._scheduled])
        item.close()
        task.cancel()
        await turns()
    """,
    "those who wait are cancelled": """
        for steps in range(4):
            futures = [loop.create_future() for _ in range(3)]
            items = list(asyncio.as_completed(futures))
            tasks = [asyncio.ensure_future(item) for item in items]
            await turns(1)
            print(items[0].cr_await is not None, items[0].cr_running)
            futures[1].set_result("first")
            await turns(steps)
            tasks[0].cancel()
            futures[0].set_result("second")
            futures[2].set_result("third")
            print(steps, [await awaited(task) for task in tasks])
    """,
    "a thrown error, and close": """
        futures = [loop.create_future() for _ in range(2)]
        items = list(asyncio.as_completed(futures))
        for item in items:
            item.send(None)
        print(asked(items[0].throw, KeyError("thrown")))
        print(items[1].close(), asked(items[1].send, None))
        for number, future in enumerate(futures):
            future.set_result(number)
        await turns()
    """,
    "never awaited": """
        futures = [loop.create_future()]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            items = list(asyncio.as_completed(futures))
            del items
            gc.collect()
        print([str(warning.message) for warning in caught])
    """,
    "another loop": """
        futures = [loop.create_future() for _ in range(2)]
        items = list(asyncio.as_completed(futures))
        first = asyncio.ensure_future(items[0])
        await turns()
        def elsewhere():
            print(asked(asyncio.run, items[1]))
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        futures[0].set_result(1)
        print(await first)
    """,
    "a class of the program's own": """
        class Own(asyncio.Future):
            def add_done_callback(self, function, **settings):
                print("added", function.__qualname__)
                super().add_done_callback(function, **settings)
            def remove_done_callback(self, function):
                print("removed", super().remove_done_callback(function))
            def result(self):
                print("asked")
                return super().result()
        futures = [Own(), Own()]
        items = asyncio.as_completed(futures, timeout=0.02)
        futures[1].set_result(7)
        print([await awaited(item) for item in items])
    """,
    "a generator that is left": """
        tasks = [asyncio.ensure_future(value(n)) for n in range(3)]
        for item in asyncio.as_completed(tasks):
            print(type(await item))
            break
        await asyncio.wait(tasks)
        gc.collect()
        print(len(asyncio.all_tasks()))
    """,
    "a cycle of references that nobody waits for": """
        gc.disable()
        future = loop.create_future()
        future.items = list(asyncio.as_completed([future]))
        future.items[0].send(None)
        future.thing = type("Thing", (), {})()
        gone = weakref.ref(future.thing)
        del future
        print(gone() is not None, gc.collect() > 0, gone())
    """,
    "in debug mode": """
        loop.set_debug(True)
        print(sorted([await item for item in asyncio.as_completed([value(1), value(2)])]))
    """,
    "asynchronous iteration": """
        tasks = [asyncio.ensure_future(one) for one in (value(1), failure())]
        items = asyncio.as_completed(tasks)
        if hasattr(items, "__aiter__"):
            print(items.__aiter__() is items, isinstance(items, asyncio.tasks._AsCompletedIterator))
            following = items.__anext__()
            print(following.__qualname__, inspect.iscoroutine(following))
            print(await following in tasks)
            async for task in items:
                print(task in tasks, task.done())
            print(await awaited(items.__anext__()), list(items))
            late = asyncio.as_completed([loop.create_future()], timeout=0)
            print(await awaited(anext(late)), await awaited(anext(late)))
        await asyncio.wait(tasks)
        print(repr(tasks[1].exception()))
    """,
    "an iterable whose truth and order are its own": """
        class Odd:
            def __init__(self, *items):
                self.items = items
            def __bool__(self):
                raise RuntimeError("asked for its truth")
            def __iter__(self):
                print("iterated")
                return iter(self.items)
        print([await item for item in asyncio.as_completed(Odd(value(4)))])
    """,
}


THREADSAFE = {
    "results and errors": """
        def elsewhere():
            for one in (value(1), failure(), value(2, 0.01)):
                future = asyncio.run_coroutine_threadsafe(one, loop)
                print(type(future), asked(future.result, 10), future._state)
        await asyncio.to_thread(elsewhere)
    """,
    "what it refuses": """
        print(asked(asyncio.run_coroutine_threadsafe, 3, loop))
        print(asked(asyncio.run_coroutine_threadsafe, loop.create_future(), loop))
        print(asked(asyncio.run_coroutine_threadsafe))
        one = value()
        closed = asyncio.new_event_loop()
        closed.close()
        print(asked(asyncio.run_coroutine_threadsafe, one, closed))
        print(asked(asyncio.run_coroutine_threadsafe, one, None))
        one.close()
    """,
    "cancelled from outside": """
        seen = []
        async def waits():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError as error:
                seen.append(repr(error))
                raise
        def elsewhere(steps):
            future = asyncio.run_coroutine_threadsafe(waits(), loop)
            while steps and not len(asyncio.all_tasks(loop)) > 1:
                pass
            print(future.cancel(), future.cancelled(), asked(future.result))
        for steps in (0, 1):
            await asyncio.to_thread(elsewhere, steps)
            await turns(4)
            print(seen, len(asyncio.all_tasks()))
    """,
    "cancelled inside": """
        async def cancels():
            asyncio.current_task().cancel("a word")
            await asyncio.sleep(0)
        def elsewhere():
            future = asyncio.run_coroutine_threadsafe(cancels(), loop)
            try:
                future.result(10)
            except BaseException as error:
                print(type(error), error.args, future.cancelled())
        await asyncio.to_thread(elsewhere)
    """,
    "a time-out of who waits": """
        def elsewhere():
            future = asyncio.run_coroutine_threadsafe(value(1, 10), loop)
            try:
                future.result(0.02)
            except TimeoutError as error:
                print(repr(error), future.cancel())
        await asyncio.to_thread(elsewhere)
        await turns(4)
        print(len(asyncio.all_tasks()))
    """,
    "exceptions of concurrent.futures": """
        import concurrent.futures
        for error in (concurrent.futures.CancelledError(1), concurrent.futures.TimeoutError(2),
                      concurrent.futures.InvalidStateError(3), StopAsyncIteration(4)):
            def elsewhere():
                future = asyncio.run_coroutine_threadsafe(failure(error), loop)
                raised = future.exception(10)
                print(type(raised), raised.args, raised is error)
            await asyncio.to_thread(elsewhere)
    """,
    "the context and the thread": """
        import contextvars
        variable = contextvars.ContextVar("variable", default="loop's")
        async def tell():
            print(variable.get(), threading.current_thread() is threading.main_thread())
            print(asyncio.current_task().get_name()[:5], asyncio.get_running_loop() is loop)
        def elsewhere():
            variable.set("thread's")
            asyncio.run_coroutine_threadsafe(tell(), loop).result(10)
        await asyncio.to_thread(elsewhere)
        print(variable.get())
    """,
    "a factory that fails, and one that makes something else": """
        loop.set_exception_handler(report)
        def fails(loop, coro, **settings):
            raise KeyError("no tasks today")
        class Own(asyncio.Task):
            pass
        for factory in (fails, lambda loop, coro, **settings: Own(coro, loop=loop, **settings)):
            def elsewhere():
                one = value(6)
                future = asyncio.run_coroutine_threadsafe(one, loop)
                return asked(future.result, 10), one.close()
            thread = loop.run_in_executor(None, elsewhere)
            loop.set_task_factory(factory)
            ended = await thread
            loop.set_task_factory(None)
            await turns(3)
            print(ended)
    """,
    "what the callbacks show": """
        future = asyncio.run_coroutine_threadsafe(value(1), loop)
        print([handle._callback.__qualname__ for handle in list(loop._ready)][-1:])
        await asyncio.sleep(0)
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        print(task)
        print([callback.__qualname__ for callback in future._done_callbacks])
        await task
        await turns()
        print(future.result(0))
    """,
    "in debug mode": """
        loop.set_debug(True)
        def elsewhere():
            print(asyncio.run_coroutine_threadsafe(value(8), loop).result(10))
        await asyncio.to_thread(elsewhere)
    """,
}


def program_of(body):
    """Return a program that runs ``body`` in a coroutine."""
    body = textwrap.indent(textwrap.dedent(body), "    ")
    return (
        f"{BEGINNING}\nasync def main():\n    loop = asyncio.get_running_loop()\n{body}\n"
        "asyncio.run(main())\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        *(pytest.param(body, id=f"shield: {name}") for name, body in SHIELD.items()),
        *(pytest.param(body, id=f"as_completed: {name}") for name, body in AS_COMPLETED.items()),
        *(pytest.param(body, id=f"threadsafe: {name}") for name, body in THREADSAFE.items()),
    ],
)
def test_the_program_prints_what_it_prints_on_stock(body, tmp_path):
    stock, ours = Workplace(tmp_path).both(program_of(body))
    assert (ours.status, ours.output) == (stock.status, stock.output)
    assert stock.status == 0, stock.errors
    assert stock.output
