"""Groups that end well or with errors, and wrong calls."""

import asyncio
import contextvars
import gc
import sys

from trials import child, state, text, trial


@trial
async def plain():
    async with asyncio.TaskGroup() as group:
        print(group, state(group))
        first = group.create_task(child("a", 2), name="first")
        second = group.create_task(child("b", 1), name=7)
        print(group, first.get_name(), repr(second.get_name()), len(group._tasks))
        print(repr(first).partition(" coro")[0], repr(first).partition("cb=")[2])
        print(first._callbacks[0][0].__func__.__qualname__)
    print(group, state(group))
    try:
        group.create_task(c := child("late"))
    except RuntimeError as error:
        print(text(error))
    print(sys.getrefcount(c) if sys.version_info < (3, 12) else 0)


@trial
async def before_entry():
    group = asyncio.TaskGroup()
    try:
        group.create_task(child())
    except RuntimeError as error:
        print(text(error))
    for wrong in (3, None, print):
        try:
            group.create_task(wrong)
        except Exception as error:
            print(text(error))


@trial
async def twice():
    group = asyncio.TaskGroup()
    async with group:
        try:
            async with group:
                print("inside")
        except RuntimeError as error:
            print(text(error))
    async with group:
        pass


@trial
async def wrong_calls():
    async with asyncio.TaskGroup() as group:
        for call in (
            lambda: group.create_task(),
            lambda: group.create_task(1, 2),
            lambda: group.create_task(coro=3),
            lambda: group.create_task(3),
            lambda: group.create_task(None),
            lambda: group.create_task(asyncio.sleep),
            lambda: group.create_task(asyncio.get_running_loop().create_future()),
            lambda: group.create_task(child(), nme=3),
            lambda: group._on_task_done(),
            lambda: group._on_task_done(3),
            lambda: group._abort(1),
            lambda: group.__aexit__(),
            lambda: group.__aexit__(1, 2, 3, 4),
            lambda: group.__aenter__(1),
            lambda: asyncio.TaskGroup.create_task(),
            lambda: asyncio.TaskGroup.create_task(3),
            lambda: asyncio.TaskGroup.create_task(3, 4),
            lambda: asyncio.TaskGroup.create_task(group),
            lambda: asyncio.TaskGroup._abort(3),
        ):
            try:
                print(call())
            except Exception as error:
                print(type(error).__name__, error)
    gc.collect()


@trial
async def keyword_coroutine():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coro=child("kw", 1), context=None, name=None)
        group.create_task(context=contextvars.copy_context(), coro=child("kw2"))
        print(task.get_name()[:4])
        asyncio.TaskGroup.create_task(group, child("unbound"))
        asyncio.TaskGroup.create_task(self=group, coro=child("selfkw"))


@trial
async def errors():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 1, error=ValueError(1)))
        group.create_task(child("b", 1, error=KeyError(2)))
        group.create_task(child("c", 5))
        group.create_task(child("d", 5, swallow=1))
        group.create_task(child("e", 5, swallow=1, error=OSError(3)))
        try:
            await asyncio.sleep(1)
        finally:
            print(group, state(group), asyncio.current_task().cancelling())
            try:
                group.create_task(child("late"))
            except RuntimeError as error:
                print(text(error))


@trial
async def body_error():
    group = asyncio.TaskGroup()
    try:
        async with group:
            group.create_task(child("a", 3))
            await asyncio.sleep(0)
            raise ZeroDivisionError("mine")
    finally:
        print(group, state(group))


@trial
async def body_error_and_child_error():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 3, swallow=3, error=ValueError(1)))
        await asyncio.sleep(0)
        raise ZeroDivisionError("mine")


@trial
async def body_catches_and_raises():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 0, error=ValueError(1)))
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise LookupError("while cancelled")


@trial
async def body_swallows():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 0, error=ValueError(1)))
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError as error:
            print("swallowed", text(error))
        await asyncio.sleep(0)


@trial
async def in_a_handler():
    try:
        raise KeyError("outer")
    except KeyError:
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a", 0, error=ValueError(1)))


@trial
async def in_a_handler_base():
    try:
        raise KeyError("outer")
    except KeyError:
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a", 0))
            raise asyncio.CancelledError("mine")


class Derived(asyncio.CancelledError):
    pass


@trial
async def derived_cancellation():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 2))
        await asyncio.sleep(0)
        raise Derived("derived")


@trial
async def own_cancellation():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 2))
        await asyncio.sleep(0)
        raise asyncio.CancelledError("own")


@trial
async def child_cancels_itself():
    async def itself():
        asyncio.current_task().cancel("self")
        await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(itself())
    print(task.cancelled(), task._cancel_message)


@trial
async def child_raises_cancelled():
    async def raises():
        raise asyncio.CancelledError("raised")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(raises())
    print(task.cancelled())
