"""Groups of which a part is a program's own; loops, factories and threads."""

import asyncio
import functools

from trials import child, state, text, trial


def logged(kind):
    class Logged(kind):
        def create_task(self, *args, **kwargs):
            print("create_task", len(args), sorted(kwargs))
            return super().create_task(*args, **kwargs)

        def _on_task_done(self, task):
            print("_on_task_done", task.get_name()[:4])
            return super()._on_task_done(task)

        def _abort(self):
            print("_abort")
            return super()._abort()

        def _is_base_error(self, error):
            print("_is_base_error", type(error).__name__)
            return super()._is_base_error(error)

        async def __aenter__(self):
            print("__aenter__")
            return await super().__aenter__()

        async def __aexit__(self, *args):
            print("__aexit__", args[0])
            return await super().__aexit__(*args)

    return Logged


async def three(group_class):
    async with group_class() as group:
        group.create_task(child("a", 1, error=ValueError("a")))
        group.create_task(child("b", 3))
        group.create_task(child("c", 3, swallow=1, error=KeyError("c")))


@trial
async def subclass():
    await three(logged(asyncio.TaskGroup))


@trial
async def subclass_of_nothing():
    class Empty(asyncio.TaskGroup):
        pass

    await three(Empty)


def replaced(name, function):
    """The name in the class replaced for one trial."""

    def decorate(trial_function):
        @functools.wraps(trial_function)
        async def run():
            original = vars(asyncio.TaskGroup)[name]
            setattr(asyncio.TaskGroup, name, function(original))
            try:
                return await trial_function()
            finally:
                setattr(asyncio.TaskGroup, name, original)

        return run

    return decorate


def telling(name):
    def make(original):
        @functools.wraps(original)
        def method(self, *args, **kwargs):
            print("in place of", name)
            return original(self, *args, **kwargs)

        return method

    return make


for name in (
    "create_task",
    "_on_task_done",
    "_abort",
    "_is_base_error",
    "__aenter__",
    "__aexit__",
    "__init__",
    "__repr__",
):

    @trial
    @replaced(name, telling(name))
    async def class_patched():
        print(name)
        await three(asyncio.TaskGroup)


for name in ("create_task", "_abort", "_is_base_error", "__aexit__"):

    @trial
    async def instance_patched():
        print(name)
        group = asyncio.TaskGroup()
        original = getattr(group, name)

        def method(*args, **kwargs):
            print("in place of", name)
            return original(*args, **kwargs)

        setattr(group, name, method)
        async with group:
            group.create_task(child("a", 1, error=ValueError("a")))
            group.create_task(child("b", 3))
            group.create_task(child("c", 3, swallow=1, error=KeyError("c")))


class Set(set):
    def add(self, item):
        print("add")
        super().add(item)

    def discard(self, item):
        print("discard")
        super().discard(item)


@trial
async def own_set():
    group = asyncio.TaskGroup()
    group._tasks = Set()
    async with group:
        group.create_task(child("a", 1))
        group.create_task(child("b", 2, error=ValueError("b")))


class List(list):
    def append(self, item):
        print("append", item)
        super().append(item)


@trial
async def own_list():
    group = asyncio.TaskGroup()
    group._errors = List()
    async with group:
        group.create_task(child("a", 1))
        group.create_task(child("b", 2, error=ValueError("b")))
        raise KeyError("body")


@trial
async def own_parent():
    class Parent:
        def done(self):
            print("done?")
            return False

        def cancel(self):
            print("cancel")

        def uncancel(self):
            print("uncancel")
            return 0

        def cancelling(self):
            print("cancelling")
            return 0

    group = asyncio.TaskGroup()
    async with group:
        group._parent_task = Parent()
        group.create_task(child("b", 2, error=ValueError("b")))
        group.create_task(child("a", 1))


@trial
async def own_parent_done():
    class Parent:
        def done(self):
            print("done?")
            return True

        def cancel(self):
            print("cancel")

        def __str__(self):
            return "a parent"

        def cancelling(self):
            return 0

    group = asyncio.TaskGroup()
    async with group:
        group._parent_task = Parent()
        group.create_task(child("b", 2, error=ValueError("b")), name="named")
        group.create_task(child("a", 1))


@trial
async def own_waiter():
    class Waiter(asyncio.Future):
        def set_result(self, value):
            print("set_result", value)
            super().set_result(value)

    group = asyncio.TaskGroup()
    async with group:
        group._on_completed_fut = Waiter()
        group.create_task(child("b", 2))


@trial
async def own_marks():
    group = asyncio.TaskGroup()
    group._entered = []
    group._exiting = ""
    async with group:
        group._aborting = []
        group._parent_cancel_requested = 0
        group.create_task(child("b", 2))
        group.create_task(child("a", 2, error=ValueError("b")))
    print(state(group))


@trial
async def missing_mark():
    group = asyncio.TaskGroup()
    async with group:
        del group._exiting
        try:
            group.create_task(child("a"))
        except AttributeError as error:
            print(error)
        del group._aborting
        try:
            group.create_task(child("a"))
        except AttributeError as error:
            print(error)
        group._exiting = group._aborting = False
        del group._errors
        group.create_task(child("a", error=ValueError(1)))
        try:
            await asyncio.sleep(0.01)
        finally:
            group._errors = []


@trial
async def other_loop():
    group = asyncio.TaskGroup()
    group._loop = asyncio.get_running_loop()
    async with group:
        group.create_task(child("b", 2))


@trial
async def two_loops():
    group = asyncio.TaskGroup()

    async def elsewhere():
        try:
            async with group:
                pass
        except Exception as error:
            print(text(error))

    async with group:
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))


@trial
async def from_a_thread():
    group = asyncio.TaskGroup()
    async with group:

        def work():
            try:
                group.create_task(child("thread"))
            except Exception as error:
                print(text(error))

        await asyncio.to_thread(work)


@trial
async def debugging():
    asyncio.get_running_loop().set_debug(True)
    await three(asyncio.TaskGroup)


@trial
async def debugging_later():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 1, error=ValueError("a")))
        asyncio.get_running_loop().set_debug(True)
        group.create_task(child("b", 3))
        await asyncio.sleep(0)
        asyncio.get_running_loop().set_debug(False)
        group.create_task(child("c", 3))


@trial
async def factory():
    def make(loop, coroutine, **options):
        print("factory", sorted(options))
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(make)
    await three(asyncio.TaskGroup)


@trial
async def own_task_factory():
    class Task(asyncio.Task):
        def cancel(self, *args):
            print("cancel", args)
            return super().cancel(*args)

        def exception(self):
            print("exception?")
            return super().exception()

        def cancelled(self):
            print("cancelled?")
            return super().cancelled()

        def done(self):
            print("done?")
            return super().done()

        def add_done_callback(self, *args, **kwargs):
            print("add_done_callback", kwargs)
            return super().add_done_callback(*args, **kwargs)

    asyncio.get_running_loop().set_task_factory(
        lambda loop, coroutine, **options: Task(coroutine, loop=loop, **options)
    )
    await three(asyncio.TaskGroup)


if hasattr(asyncio, "eager_task_factory"):

    @trial
    async def eager():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await three(asyncio.TaskGroup)

    @trial
    async def eager_done_at_once():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        async with asyncio.TaskGroup() as group:
            print(group.create_task(child("a")), group)
            print(group.create_task(child("b", error=ValueError(1))).done(), group)
            try:
                group.create_task(child("c"))
            except RuntimeError as error:
                print(text(error))
            await asyncio.sleep(0)


@trial
async def loop_overrides():
    loop = asyncio.get_running_loop()
    for name in ("call_soon", "create_task", "create_future", "call_exception_handler"):

        def wrap(name=name, original=getattr(loop, name)):
            def method(*args, **kwargs):
                if name != "call_soon":
                    print(name, len(args), sorted(kwargs))
                return original(*args, **kwargs)

            return method

        setattr(loop, name, wrap())
        try:
            await three(asyncio.TaskGroup)
        except BaseExceptionGroup as error:
            print(text(error))
        delattr(loop, name)


@trial
async def nested_loops():
    async def one(name):
        async with asyncio.TaskGroup() as group:
            group.create_task(child(name, 1))

    try:
        import nest_asyncio
    except ImportError:
        return
    nest_asyncio.apply()
    async with asyncio.TaskGroup() as group:
        group.create_task(child("o", 3))
        asyncio.get_running_loop().run_until_complete(one("n"))
