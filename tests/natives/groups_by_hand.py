"""Groups whose methods are called by hand, and their callbacks."""

import asyncio

from trials import child, state, text, trial


@trial
async def orphan():
    group = asyncio.TaskGroup()

    async def parent():
        await group.__aenter__()
        group.create_task(child("o", 3, error=ValueError("orphan")))

    task = asyncio.create_task(parent())
    await task
    print(state(group))
    for _each in range(6):
        await asyncio.sleep(0)
    print(state(group))


for mark in ("_entered", "_exiting", "_aborting"):

    @trial
    async def marked_by_hand_before_it_is_entered():
        print(mark)
        group = asyncio.TaskGroup()
        setattr(group, mark, True)
        try:
            async with group:
                print(state(group))
                group.create_task(child("a", 2))
        finally:
            print(state(group))


for requests in (1, 2):

    @trial
    async def cancelled_while_a_request_is_marked_by_hand():
        group, task = asyncio.TaskGroup(), asyncio.current_task()
        async with group:
            group.create_task(child("a", 9))
            group._parent_cancel_requested = True
            for _each in range(requests):
                asyncio.get_running_loop().call_soon(task.cancel)
        print(requests, state(group))


@trial
async def left_by_hand():
    group = asyncio.TaskGroup()
    print(await group.__aenter__() is group)
    group.create_task(child("a", 1))
    print(await group.__aexit__(None, None, None))
    print(state(group))


@trial
async def left_with_an_error_by_hand():
    group = asyncio.TaskGroup()
    await group.__aenter__()
    group.create_task(child("a", 2))
    error = ValueError("hand")
    try:
        await group.__aexit__(ValueError, error, None)
    except BaseExceptionGroup as caught:
        print(text(caught), caught.exceptions[0] is error)
    try:
        await group.__aexit__(None, None, None)
    except Exception as error:
        print(text(error))


for given in (
    (ValueError, None, None),
    (asyncio.CancelledError, None, None),
    (None, ValueError(1), None),
    (None, KeyboardInterrupt(1), None),
    (asyncio.CancelledError, asyncio.CancelledError("given"), None),
    (Exception, asyncio.CancelledError("given"), None),
    (asyncio.CancelledError, ValueError("given"), None),
    (3, ValueError("given"), None),
    ("x", None, None),
    (None, 3, None),
    (ValueError, 3, None),
    (KeyboardInterrupt, KeyboardInterrupt("given"), None),
):

    @trial
    async def left_oddly():
        print(given)
        group = asyncio.TaskGroup()
        await group.__aenter__()
        group.create_task(child("a", 2))
        try:
            await group.__aexit__(*given)
        finally:
            print(state(group))


class NoTask:
    def done(self):
        raise LookupError("done")


for parent in (None, [], NoTask(), "deleted"):

    @trial
    async def the_parent_is_no_task():
        group = asyncio.TaskGroup()
        await group.__aenter__()
        group.create_task(child("a", 1, error=ValueError("kept")))
        if parent == "deleted":
            del group._parent_task
        else:
            group._parent_task = parent
        for _each in range(4):
            await asyncio.sleep(0)
        print(text(group._errors[0]), group._aborting)


@trial
async def left_twice():
    group = asyncio.TaskGroup()
    async with group:
        group.create_task(child("a", 1))
    print(await group.__aexit__(None, None, None), state(group))


@trial
async def left_without_entering():
    group = asyncio.TaskGroup()
    print(await group.__aexit__(None, None, None), state(group))


@trial
async def driven_by_hand():
    group = asyncio.TaskGroup()
    entering = group.__aenter__()
    print(
        entering,
        entering.cr_await,
        entering.cr_code.co_name,
        entering.__qualname__,
        entering.cr_running,
    )
    try:
        entering.send(None)
    except StopIteration as stop:
        print(stop.value is group)
    for again in (
        lambda: entering.send(None),
        lambda: entering.throw(ValueError(1)),
        entering.close,
    ):
        try:
            print(again())
        except Exception as error:
            print(text(error))
    group.create_task(child("a", 3))
    leaving = group.__aexit__(None, None, None)
    print(leaving, leaving.cr_await, leaving.cr_frame is None)
    try:
        leaving.send(1)
    except TypeError as error:
        print(text(error))
    future = leaving.send(None)
    print(
        isinstance(future, asyncio.Future),
        future is group._on_completed_fut,
        future._asyncio_future_blocking,
    )
    print(leaving.cr_await is None, leaving.cr_running)
    future._asyncio_future_blocking = False
    second = leaving.throw(asyncio.CancelledError("thrown"))
    print(second is future, second is group._on_completed_fut, state(group))
    second._asyncio_future_blocking = False
    third = leaving.throw(asyncio.CancelledError("again"))
    print(third is second, third is group._on_completed_fut)
    try:
        leaving.send(None)
    except RuntimeError as error:
        print(text(error))
    print(state(group))
    try:
        leaving.send(None)
    except BaseException as error:
        print(text(error))


@trial
async def thrown_into():
    group = asyncio.TaskGroup()
    await group.__aenter__()
    group.create_task(child("a", 3))
    leaving = group.__aexit__(None, None, None)
    leaving.send(None)
    try:
        leaving.throw(KeyError("thrown"))
    except KeyError as error:
        print(text(error))
    print(state(group))
    leaving = group.__aexit__(None, None, None)
    leaving.send(None)
    print(leaving.close(), state(group))
    fresh = group.__aexit__(None, None, None)
    try:
        fresh.throw(KeyError("thrown"))
    except KeyError as error:
        print(text(error))
    fresh = group.__aexit__(None, None, None)
    fresh.close()
    fresh = group.__aexit__(None, None, None)
    del fresh
    fresh = asyncio.TaskGroup().__aenter__()
    del fresh


@trial
async def removed_callback():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(child("a", 1, error=ValueError("detached")))
        print(task.remove_done_callback(group._on_task_done), repr(task).partition("cb=")[2])
        group._tasks.discard(task)
    try:
        await task
    except ValueError as error:
        print(text(error))


@trial
async def callback_added_twice():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(child("a", 1, error=ValueError("twice")))
        task.add_done_callback(group._on_task_done)
        print(repr(task).partition("cb=")[2])
        print(
            task.remove_done_callback(group._on_task_done),
            task.remove_done_callback(group._on_task_done),
        )
        task.add_done_callback(group._on_task_done)
        task.add_done_callback(group._on_task_done)


@trial
async def foreign_task():
    async with asyncio.TaskGroup() as group:
        task = asyncio.create_task(child("a", 1, error=ValueError("foreign")))
        task.add_done_callback(group._on_task_done)
        await asyncio.sleep(0.01)


@trial
async def future_told():
    async with asyncio.TaskGroup() as group:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("future"))
        group._on_task_done(future)
        await asyncio.sleep(0.01)


@trial
async def done_task_told():
    async with asyncio.TaskGroup() as group:
        group._on_task_done(asyncio.current_task())


@trial
async def aborted_by_hand():
    async with asyncio.TaskGroup() as group:
        group.create_task(child("a", 3))
        group.create_task(child("b", 3, swallow=1))
        await asyncio.sleep(0)
        print(group._abort(), group)
    print(state(group))


@trial
async def with_a_base_error_of_somebodys():
    for kept in ([], KeyError, KeyError("kept"), int, 0):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child("a", 1))
                group._base_error = kept
        except BaseException as error:
            print(text(error))
