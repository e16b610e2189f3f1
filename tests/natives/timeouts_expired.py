"""How blocks end whose time has come, alone and inside one another."""

import asyncio

from trials import text, trial


@trial
async def swallowed():
    async with asyncio.timeout(0) as timeout:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError as error:
            print(text(error))
        print(asyncio.current_task().cancelling())
    print(timeout.expired())


@trial
async def other_error():
    async with asyncio.timeout(0):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise KeyError("while cancelled")


@trial
async def other_error_from():
    async with asyncio.timeout(0):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError as error:
            raise KeyError("while cancelled") from error


@trial
async def deep_error():
    async with asyncio.timeout(0):
        try:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                raise KeyError("while cancelled")
        finally:
            raise LookupError(3)


@trial
async def group_of_errors():
    async def worker(name):
        try:
            await asyncio.sleep(1)
        finally:
            raise ValueError(name)

    async with asyncio.timeout(0):
        async with asyncio.TaskGroup() as group:
            group.create_task(worker("a"))
            group.create_task(worker("b"))


class Derived(asyncio.CancelledError):
    pass


@trial
async def derived():
    async with asyncio.timeout(0):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise Derived("derived")


@trial
async def another_cancellation():
    async with asyncio.timeout(0):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise asyncio.CancelledError("another")


@trial
async def in_a_handler():
    try:
        raise KeyError("outer")
    except KeyError:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)


@trial
async def cancelled_too():
    async with asyncio.timeout(0):
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel, "outside")
        await asyncio.sleep(1)


@trial
async def cancelled_before():
    task = asyncio.current_task()
    asyncio.get_running_loop().call_soon(task.cancel, "outside")
    async with asyncio.timeout(0):
        await asyncio.sleep(1)


@trial
async def cancelled_and_handled_before():
    task = asyncio.current_task()
    task.cancel("outside")
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        pass
    async with asyncio.timeout(0) as timeout:
        print(getattr(timeout, "_cancelling", None))
        await asyncio.sleep(1)


@trial
async def cancelled_with_the_timeout_in_one_turn():
    task = asyncio.current_task()
    async with asyncio.timeout(None) as timeout:

        def both():
            timeout.reschedule(0)
            task.get_loop().call_soon(task.cancel, "outside")

        task.get_loop().call_soon(both)
        await asyncio.sleep(1)


for first, second in ((0, 0), (0, 0.0), (0, None), (None, 0), (0, 1), (1, 0)):

    @trial
    async def nested():
        print(first, second)
        try:
            async with asyncio.timeout(first) as outer:
                try:
                    async with asyncio.timeout(second) as inner:
                        await asyncio.sleep(2)
                except TimeoutError as error:
                    print("inner", text(error))
                    await asyncio.sleep(0)
        finally:
            print(outer, inner)


@trial
async def same_when():
    when = asyncio.get_running_loop().time() + 0.001
    try:
        async with asyncio.timeout_at(when) as outer:
            try:
                async with asyncio.timeout_at(when) as inner:
                    await asyncio.sleep(2)
            except TimeoutError as error:
                print("inner", text(error))
                await asyncio.sleep(0)
    finally:
        print(outer, inner)


@trial
async def out_of_order():
    a, b = asyncio.timeout(0), asyncio.timeout(10)
    await a.__aenter__()
    await b.__aenter__()
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError as error:
        try:
            await a.__aexit__(type(error), error, None)
        except TimeoutError as late:
            print(text(late))
        await b.__aexit__(type(error), error, None)
