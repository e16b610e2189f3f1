"""``Queue``, ``PriorityQueue`` and ``LifoQueue`` beside the stock interpreter."""

import asyncio
import re

import pytest

from exploring import EXPLORE
from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

STORIES = {
    "producers_and_consumers": (
        4,
        """
        queue = asyncio.{kind}(1)
        async def produce(name, items):
            for item in items:
                await queue.put(item)
                tell(name, "put", item, queue)
        async def consume(name, count):
            for _ in range(count):
                tell(name, "got", await queue.get(), queue)
                queue.task_done()
        return [
            produce("a", [5, 1]), consume("b", 2), produce("c", [4, 2]), consume("d", 2)
        ], [queue, queue._finished]
        """,
    ),
    "waiting_for_the_end": (
        4,
        """
        queue = asyncio.{kind}()
        async def join():
            await queue.join()
            tell("joined", queue)
        async def work(turns):
            while True:
                item = await queue.get()
                for _ in range(turns):
                    await asyncio.sleep(0)
                tell("done", item)
                queue.task_done()
        async def put():
            for item in [3, 1, 2]:
                queue.put_nowait(item)
                await asyncio.sleep(0)
            await queue.join()
        return [work(1), work(2), put(), join()], [queue, queue._finished]
        """,
    ),
    "without_waiting": (
        2,
        """
        queue = asyncio.{kind}(2)
        async def use():
            for step in [queue.get_nowait, queue.task_done, lambda: queue.put_nowait(3),
                         lambda: queue.put_nowait(1), lambda: queue.put_nowait(2),
                         queue.get_nowait, queue.get_nowait, queue.get_nowait,
                         queue.task_done, queue.task_done, queue.task_done]:
                try:
                    tell(step())
                except Exception as error:
                    tell(chain(error))
                tell(queue, queue.full(), queue.empty(), queue.qsize())
                await asyncio.sleep(0)
        async def get():
            return await queue.get(), await queue.get()
        return [use(), get()], [queue]
        """,
    ),
}

SHUTDOWN = """
        queue = asyncio.{kind}(1)
        async def get():
            while True:
                tell("got", await queue.get())
        async def put():
            for item in range(9):
                await queue.put(item)
                tell("put", item)
        async def end():
            for _ in range(3):
                await asyncio.sleep(0)
            queue.shutdown(*{how})
            for step in [queue.get_nowait, lambda: queue.put_nowait(1), queue.task_done]:
                try:
                    tell(step())
                except Exception as error:
                    tell(chain(error))
            await queue.join()
            tell("joined")
        return [{tasks}, end()], [queue]
        """

KINDS = ["Queue", "PriorityQueue", "LifoQueue"]


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORIES)
def test_cancelled_anywhere(workplace, name, kind):
    tasks, body = STORIES[name]
    source = f"{EXPLORE}\ndef {name}(tell):{body.format(kind=kind)}\nexplore({name}, {tasks})\n"
    assert len(workplace.same(source).output.splitlines()) > 1000


@pytest.mark.skipif(
    not hasattr(asyncio.Queue, "shutdown"),
    reason="Queue.shutdown is of 3.13: there is none to call",
)
@pytest.mark.parametrize("kind", KINDS)
def test_shut_down(workplace, kind):
    source = EXPLORE
    for number, (how, tasks) in enumerate(
        (how, tasks)
        for how in ["()", "(True,)"]
        for tasks in ["get(), get()", "put(), put()", "put(), get()"]
    ):
        body = SHUTDOWN.format(kind=kind, how=how, tasks=tasks)
        source += f"def story{number}(tell):{body}\nexplore(story{number}, 3)\n"
    assert workplace.same(source).output


PROGRAMS = {
    "no loop, another loop": """
        import asyncio
        async def used(queue):
            task = asyncio.create_task(queue.get())
            await asyncio.sleep(0)
            task.cancel()
            print(await asyncio.gather(task, return_exceptions=True), queue)
            return queue
        for kind in [asyncio.Queue, asyncio.PriorityQueue, asyncio.LifoQueue]:
            queue = kind(1)
            queue.put_nowait(2)
            print(queue, queue.get_nowait(), queue)
            coroutine = queue.get()
            try:
                coroutine.send(None)
            except AttributeError as error:
                print(error)
            for coroutine in [queue.put(1), queue.get()]:
                try:
                    coroutine.send(None)
                except StopIteration as stop:
                    print(stop.value)
            asyncio.run(used(queue))
            asyncio.run(used(queue))
            queue.task_done()
            print(queue)
    """,
    "what the coroutines show": """
        import asyncio, inspect
        async def main():
            queue = asyncio.Queue(1)
            for coroutine in [queue.get(), queue.put(1), queue.put(2), queue.join()]:
                print(coroutine.__name__, coroutine.__qualname__, coroutine.cr_code.co_name)
                print(inspect.iscoroutine(coroutine), inspect.getcoroutinestate(coroutine))
                print(str(coroutine).partition(" at ")[0], coroutine.cr_await)
                task = asyncio.ensure_future(coroutine)
                print(str(task).partition(" coro=<")[2].partition(" running")[0])
                await asyncio.sleep(0)
                if not task.done():
                    print(inspect.getcoroutinestate(coroutine))
                    print(type(coroutine.cr_await).__name__, queue)
                    print(task.cancel("why"))
                print(await asyncio.gather(task, return_exceptions=True))
                print(inspect.getcoroutinestate(coroutine), queue)
        asyncio.run(main())
    """,
    "never awaited, destroyed, closed": """
        import asyncio, gc, warnings, weakref
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: print(str(message).partition("\\n")[0])
        class Item:
            pass
        async def use(name, waiting):
            try:
                await waiting
            except BaseException as error:
                print(name, "left by", type(error).__name__)
                raise
        async def main():
            queue, item = asyncio.Queue(1), Item()
            gone = weakref.ref(item)
            queue.put(item), queue.get(), queue.join()
            del item
            print(gone())
            for name in ["get", "put", "join"]:
                coroutine = use(name, queue.put(3) if name == "put" else getattr(queue, name)())
                coroutine.send(None)
                print(queue)
                del coroutine
                print(queue)
                if name == "get":
                    queue.put_nowait(1)
            coroutine, other = queue.put(4), queue.put(5)
            coroutine.send(None), other.send(None)
            print(queue.get_nowait(), queue)
            coroutine.close()
            print(queue)
            try:
                other.throw(KeyError(1))
            except KeyError as error:
                print(repr(error), queue)
        asyncio.run(main())
    """,
    "forgotten with their tasks": """
        import asyncio, gc, weakref
        gc.disable()  # what one collection finds is finalised in an order that others change
        class Mark:
            pass
        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda loop, c: print(c["message"]))
            def forgotten(use):
                queue, mark = asyncio.Queue(1), Mark()
                async def wait():
                    kept = mark
                    try:
                        await use(queue)
                    finally:
                        print("finally", queue)
                return asyncio.create_task(wait()), weakref.ref(mark)
            async def put_twice(queue):
                await queue.put(1)
                await queue.put(2)
            async def join(queue):
                queue.put_nowait(1)
                await queue.join()
            for use in [lambda queue: queue.get(), put_twice, join]:
                task, mark = forgotten(use)
                await asyncio.sleep(0)
                del task
                gc.collect()
                print(mark())
        asyncio.run(main())
    """,
    "items that cannot be compared": """
        import asyncio
        class Item:
            def __init__(self, value, told):
                self.value, self.told = value, told
            def __lt__(self, other):
                if self.told:
                    raise ArithmeticError(self.value, other.value)
                return self.value < other.value
            def __repr__(self):
                return f"<{self.value}>"
        async def main():
            queue = asyncio.PriorityQueue()
            items = [Item(value, value == 3) for value in [5, 4, 3, 2, 1]]
            for item in items:
                try:
                    await queue.put(item)
                except ArithmeticError as error:
                    print(repr(error))
                print(queue)
            while queue.qsize():
                try:
                    print(await queue.get())
                except ArithmeticError as error:
                    print(repr(error))
                    break
            print(queue)
            getter = asyncio.create_task(asyncio.LifoQueue(2).get())
            await asyncio.sleep(0)
            getter.cancel()
        asyncio.run(main())
    """,
    "subclasses, replaced methods and attributes": """
        import asyncio, collections
        def told(function, name):
            def wrapper(*args, **kwargs):
                print("told", name)
                return function(*args, **kwargs)
            return wrapper
        class Reversed(asyncio.Queue):
            def _init(self, maxsize):
                self._queue = []
            def _put(self, item):
                print("put", item)
                self._queue.insert(0, item)
            def _get(self):
                print("get")
                return self._queue.pop(0)
        class Empty(asyncio.LifoQueue):
            def empty(self):
                print("asked")
                return super().empty()
            def put_nowait(self, item):
                print("put_nowait", item)
                return super().put_nowait(item)
        async def work(queue):
            getter = asyncio.create_task(queue.get())
            await asyncio.sleep(0)
            for item in [3, 1, 2]:
                await queue.put(item)
            putter = asyncio.create_task(queue.put(4))
            await asyncio.sleep(0)
            joiner = asyncio.create_task(queue.join())
            while queue.qsize():
                print(await queue.get())
                queue.task_done()
                await asyncio.sleep(0)
            queue.task_done()
            print(await asyncio.gather(getter, putter, joiner), queue)
        async def subclasses():
            await work(Reversed(2))
            await work(Empty(2))
        async def replaced():
            for owner, name in [
                (asyncio.Queue, "_put"), (asyncio.Queue, "_get"), (asyncio.Queue, "get_nowait"),
                (asyncio.Queue, "put_nowait"), (asyncio.Queue, "_wakeup_next"),
                (asyncio.Queue, "empty"), (asyncio.Queue, "full"), (asyncio.LifoQueue, "_get"),
                (asyncio.PriorityQueue, "_put"), (asyncio.Event, "set"), (asyncio.Event, "clear"),
                (asyncio.Event, "wait"), (asyncio.mixins._LoopBoundMixin, "_get_loop"),
            ]:
                original = vars(owner)[name]
                setattr(owner, name, told(original, name))
                print("replaced", owner.__name__, name)
                for kind in [asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue]:
                    await work(kind(2))
                setattr(owner, name, original)
            await work(asyncio.Queue(2))
        async def own():
            for name in ["_put", "_get", "get_nowait", "put_nowait", "_wakeup_next", "qsize"]:
                queue = asyncio.Queue(2)
                setattr(queue, name, told(getattr(queue, name), name))
                print("own", name)
                await work(queue)
            queue = asyncio.Queue(2)
            queue.name = "something else"
            await work(queue)
            queue = asyncio.Queue(2)
            queue._queue = collections.UserList()
            queue._queue.popleft = lambda: queue._queue.pop(0)
            await work(queue)
            queue = asyncio.Queue(2)
            queue._finished = type("Event", (asyncio.Event,), {})()
            queue._finished.set = told(queue._finished.set, "set")
            await work(queue)
        async def meanwhile():
            queue = asyncio.Queue(2)
            getter = asyncio.create_task(queue.get())
            await asyncio.sleep(0)
            queue.get_nowait = told(queue.get_nowait, "get_nowait")
            queue.put_nowait(1)
            print(await getter)
        for main in [subclasses, replaced, own, meanwhile]:
            asyncio.run(main())
    """,
    "numbers of all kinds": """
        import asyncio, fractions
        async def main():
            for size in [0, -1, 2, True, 1.5, float("inf"), fractions.Fraction(3, 2), 10**30]:
                queue = asyncio.Queue(size)
                await queue.put(1)
                print(queue, queue.full())
                if queue.full():
                    try:
                        queue.put_nowait(2)
                    except asyncio.QueueFull as error:
                        print(repr(error))
            for size in [None, "1"]:
                queue = asyncio.Queue(size)
                for step in [queue.put_nowait, queue.put]:
                    try:
                        await step(1)
                    except TypeError as error:
                        print(error)
                print(queue)
        asyncio.run(main())
    """,
    "wrong calls": """
        import asyncio
        async def main():
            queue = asyncio.Queue()
            for name in ["get", "put", "get_nowait", "put_nowait", "join", "task_done"]:
                for given, named in [((1, 2, 3), {}), ((), {"other": 1}), ((), {"self": 1})]:
                    try:
                        getattr(queue, name)(*given, **named)
                    except TypeError as error:
                        print(error)
            queue.put_nowait(item=1)
            await queue.put(item=2)
            print(queue)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("debug", ["", "1"], ids=["plain", "debug"])
def test_programs(workplace, name, debug):
    stock, ours = workplace.both(
        "if True:" + PROGRAMS[name], environment={"PYTHONASYNCIODEBUG": debug}
    )
    # Where a future was created, debug mode says; ours has no frame of the loop's there.
    created = re.compile(r" created at [^ ]*:\d+")
    assert created.sub("", ours.output) == created.sub("", stock.output)
    assert ours.status == 0 and ours.output
    if not debug:
        assert not ours.errors


FLAT = """
    import asyncio, gc, sys
    async def use(count):
        for _ in range(count):
            queue, items = asyncio.PriorityQueue(1), []
            async def consume():
                while True:
                    items.append(await queue.get())
                    queue.task_done()
            consumer = asyncio.create_task(consume())
            for item in range(3):
                await queue.put(item)
            await queue.join()
            consumer.cancel()
            await asyncio.gather(consumer, return_exceptions=True)
    def growth():
        loop = asyncio.new_event_loop()
        loop.run_until_complete(use(20))
        gc.collect()
        before = sys.getallocatedblocks()
        loop.run_until_complete(use(500))
        gc.collect()
        after = sys.getallocatedblocks()
        loop.close()
        return after - before
    growth()
    print(min(growth(), growth(), growth()) < 100)  # of all that runs, the leanest
"""


def test_memory_stays_flat(workplace):
    assert workplace.same("if True:" + FLAT).output == "True\n"
