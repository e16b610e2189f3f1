"""Waiting that is cancelled, begun by hand, deep, or on a loop of another kind."""

import asyncio
import fractions
import warnings

from trials import child, text, trial


async def swallowing(result="swallowed", error=None, turns=0):
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError as cancellation:
        print("inner cancelled", cancellation.args)
        for _each in range(turns):
            await asyncio.sleep(0)
        if error is not None:
            raise error
        return result


def pending():
    return asyncio.get_running_loop().create_future()


def done(value="value"):
    future = pending()
    future.set_result(value)
    return future


def failed():
    future = pending()
    future.set_exception(ValueError("failed"))
    return future


async def begun():
    """A coroutine that somebody has begun to run."""
    await asyncio.sleep(0)


for limit in (
    "x",
    [],
    1j,
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    False,
    2**70,
    10**400,
    object(),
):

    @trial
    async def odd_limits():
        print(repr(limit)[:30] if type(limit) is not object else "object")
        return await asyncio.wait_for(child("c", 2, result=1), limit)


for limit in (fractions.Fraction(1, 500), fractions.Fraction(100), fractions.Fraction(-1)):

    @trial
    async def fractions_of_seconds():
        return await asyncio.wait_for(swallowing(), limit)


@trial
async def wrong_calls():
    for call in (
        lambda: asyncio.wait_for(),
        lambda: asyncio.wait_for(done()),
        lambda: asyncio.wait_for(done(), 1, 2),
        lambda: asyncio.wait_for(done(), tmeout=3),
        lambda: asyncio.wait_for(timeout=3),
        lambda: asyncio.wait_for(done(), fut=done(), timeout=3),
        lambda: asyncio.wait_for(done(), 3, timeout=3),
        lambda: asyncio.wait_for(done(), 3, loop=None),
    ):
        try:
            await call()
        except Exception as error:
            print(text(error))


@trial
async def by_name():
    print(
        await asyncio.wait_for(fut=done(1), timeout=1),
        await asyncio.wait_for(timeout=None, fut=done(2)),
        await asyncio.wait_for(done(3), timeout=1),
    )


@trial
async def never_awaited():
    asyncio.wait_for(child(), 1)
    asyncio.wait_for(done(), 1)
    asyncio.wait_for(child(), None)
    asyncio.wait_for(child(), 0)
    asyncio.wait_for(asyncio.sleep(1), 1)


@trial
async def reused():
    coroutine = asyncio.wait_for(done(), 1)
    print(await coroutine)
    await coroutine


@trial
async def begun_meanwhile():
    coroutine = begun()
    waiting = asyncio.wait_for(coroutine, 1)
    coroutine.send(None)
    await waiting


@trial
async def over_meanwhile():
    coroutine = begun()
    waiting = asyncio.wait_for(coroutine, 1)
    coroutine.close()
    await waiting


@trial
async def own_task():
    await asyncio.wait_for(asyncio.current_task(), 0.01)


for turn in range(5):
    for make, name in (
        (lambda: child("c", 3, result=1), "coroutine"),
        (lambda: asyncio.create_task(child("c", 3)), "task"),
        (lambda: swallowing(turns=1), "swallowing"),
        (lambda: asyncio.create_task(swallowing(turns=1)), "swallowing task"),
    ):
        for times in (1, 2):

            @trial
            async def cancelled_at():
                print(turn, name, times)
                task = asyncio.current_task()

                async def canceller():
                    for each in range(turn):
                        await asyncio.sleep(0)
                    for each in range(times):
                        task.cancel(f"message {each}")
                        await asyncio.sleep(0)

                asyncio.create_task(canceller())
                return await asyncio.wait_for(make(), 0.05)


@trial
async def in_a_handler():
    try:
        raise KeyError("outer")
    except KeyError:
        await asyncio.wait_for(swallowing(error=ValueError("inner")), 0.001)


@trial
async def in_a_handler_timing_out():
    try:
        raise KeyError("outer")
    except KeyError:
        await asyncio.wait_for(asyncio.Event().wait(), 0.001)


@trial
async def in_a_handler_pending():
    try:
        raise KeyError("outer")
    except KeyError:
        await asyncio.wait_for(pending(), 0.001)


@trial
async def in_a_handler_failed():
    try:
        raise KeyError("outer")
    except KeyError:
        await asyncio.wait_for(failed(), 1)


@trial
async def nested():
    for outer, inner in ((0.001, 5), (5, 0.001), (0, 5), (5, 0), (None, 0.001)):
        try:
            print(outer, inner, await asyncio.wait_for(asyncio.wait_for(pending(), inner), outer))
        except TimeoutError as error:
            print(outer, inner, text(error))


@trial
async def inside_a_timeout():
    for outer, inner in ((0.001, 5), (5, 0.001), (0, 5)):
        try:
            async with asyncio.timeout(outer) as timeout:
                print(await asyncio.wait_for(pending(), inner))
        except TimeoutError as error:
            print(outer, inner, timeout, text(error))


@trial
async def deep():
    warnings.simplefilter("ignore")

    async def level(n):
        if n:
            return await asyncio.wait_for(level(n - 1), 10)
        return "bottom"

    print(await level(50))
    try:
        print(await level(3000))
    except RecursionError as error:
        print(type(error).__name__)


@trial
async def deep_made_first():
    warnings.simplefilter("ignore")
    waiting = child("bottom")
    for _each in range(20000):
        waiting = asyncio.wait_for(waiting, 100)
    try:
        print(await waiting)
    except RecursionError as error:
        print(type(error).__name__)
    del waiting


@trial
async def driven_by_hand():
    future = pending()
    waiting = asyncio.wait_for(future, 10)
    print(waiting, waiting.cr_await, waiting.cr_code.co_name, waiting.__qualname__)
    try:
        waiting.send(1)
    except TypeError as error:
        print(text(error))
    yielded = waiting.send(None)
    print(yielded is future, waiting.cr_await is None)
    yielded._asyncio_future_blocking = False
    try:
        print(isinstance(waiting.throw(asyncio.CancelledError("thrown")), asyncio.Future))
    except BaseException as error:
        print(text(error))
    print(future.cancelled())
    waiting = asyncio.wait_for(pending(), 10)
    waiting.send(None)._asyncio_future_blocking = False
    try:
        waiting.throw(KeyError("thrown"))
    except KeyError as error:
        print(text(error))
    waiting = asyncio.wait_for(pending(), 10)
    waiting.send(None)
    print(waiting.close())
    fresh = asyncio.wait_for(pending(), 10)
    print(fresh.close())
    fresh = asyncio.wait_for(child(), 10)
    try:
        fresh.throw(KeyError("at once"))
    except KeyError as error:
        print(text(error))
    loop_done = asyncio.wait_for(child("c", 1), 10)
    loop_done.send(None)
    del loop_done


@trial
async def closed_inside():
    async def inner():
        try:
            await asyncio.sleep(1)
        except GeneratorExit:
            print("exit")
            raise

    waiting = asyncio.wait_for(inner(), 10)
    waiting.send(None)
    waiting.close()

    async def stubborn():
        while True:
            try:
                await asyncio.sleep(1)
            except GeneratorExit:
                print("ignored")
                await asyncio.sleep(0)
                return

    waiting = asyncio.wait_for(stubborn(), 10)
    waiting.send(None)
    try:
        waiting.close()
    except RuntimeError as error:
        print(text(error))


@trial
async def outside_a_task():
    waiting = asyncio.wait_for(child("o"), 1)

    def call():
        try:
            waiting.send(None)
        except BaseException as error:
            print(text(error))

    asyncio.get_running_loop().call_soon(call)
    await asyncio.sleep(0.001)


@trial
async def another_loops_future():
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    try:
        await asyncio.wait_for(future, 0.001)
    except BaseException as error:
        print(text(error).replace(str(id(loop)), ""))
    loop.close()


@trial
async def made_here_and_awaited_elsewhere():
    waiting = asyncio.wait_for(child("w", 2, result=3), 1)
    print(await asyncio.to_thread(lambda: asyncio.run(waiting)))


@trial
async def debugging():
    asyncio.get_running_loop().set_debug(True)
    try:
        await asyncio.wait_for(pending(), 0.001)
    finally:
        asyncio.get_running_loop().set_debug(False)


@trial
async def factory():
    def make(loop, coroutine, **options):
        print("factory", sorted(options))
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(make)
    for limit in (0, 0.001, 10, None):
        try:
            print(await asyncio.wait_for(child("c", 1, result=1), limit))
        except TimeoutError as error:
            print(text(error))


@trial
async def loop_overrides():
    loop = asyncio.get_running_loop()
    for name in ("call_soon", "call_at", "call_later", "create_task", "create_future"):

        def wrap(name=name, original=getattr(loop, name)):
            def method(*args, **kwargs):
                print(name, len(args), sorted(kwargs))
                return original(*args, **kwargs)

            return method

        setattr(loop, name, wrap())
        for limit in (0, 0.001, 10, None):
            try:
                print(await asyncio.wait_for(child("c", 1, result=1), limit))
            except TimeoutError as error:
                print(text(error))
        delattr(loop, name)


@trial
async def as_a_task():
    task = asyncio.create_task(asyncio.wait_for(pending(), 0.01), name="waiting")
    await asyncio.sleep(0)
    print(task.get_coro().__qualname__, task.get_name(), len(task.get_stack()))
    print(repr(task).partition(" at ")[0])
    try:
        await task
    except TimeoutError as error:
        print(text(error))
