"""A future of the loop that ends as the one does that a thread, or the program, finishes."""

import asyncio
import concurrent.futures
import contextvars
import sys
import threading

from trials import text, trial

number = contextvars.ContextVar("number", default=0)


def state(future):
    """How a future of either kind ended."""
    if future.cancelled():
        return "cancelled"
    if not future.done():
        return "pending"
    error = future.exception()
    return repr(future.result()) if error is None else type(error).__name__ + repr(error.args)


async def turns(count=4):
    for _ in range(count):
        await asyncio.sleep(0)


class Own(concurrent.futures.Future):
    """A future of the program's, which says what it is asked."""

    def done(self):
        print("done?")
        return super().done()

    def exception(self, timeout=None):
        print("exception?")
        return super().exception(timeout)


def ends():
    yield "result", lambda source: source.set_result([1])
    yield "none", lambda source: source.set_result(None)
    for error in (
        ValueError("a"),
        asyncio.CancelledError("b"),
        concurrent.futures.CancelledError("c", 1),
        concurrent.futures.TimeoutError("d"),
        TimeoutError("e"),
        concurrent.futures.InvalidStateError("f"),
        asyncio.InvalidStateError("g"),
        StopIteration(3),
        KeyError,
        "no error",
    ):
        yield repr(error), lambda source, error=error: source.set_exception(error)
    yield "cancelled", lambda source: source.cancel()
    yield (
        "cancelled and told",
        lambda source: (
            source.cancel(),
            source.set_running_or_notify_cancel(),
        ),
    )


@trial
async def every_end():
    for kind in (concurrent.futures.Future, Own):
        for name, end in ends():
            source = kind()
            wrapped = asyncio.wrap_future(source)
            end(source)
            print(kind.__name__, name, state(wrapped))
            await turns()
            print(state(wrapped) if wrapped.done() else "left pending")
            wrapped.cancel()
            await turns()


@trial
async def ended_before():
    for name, end in ends():
        source = concurrent.futures.Future()
        end(source)
        wrapped = asyncio.wrap_future(source)
        print(name, wrapped.done())
        await turns()
        print(state(wrapped) if wrapped.done() else "left pending")
        wrapped.cancel()
        await turns()


@trial
async def ended_by_the_program():
    for end in (
        lambda wrapped: wrapped.set_result("mine"),
        lambda wrapped: wrapped.set_exception(LookupError("mine")),
        lambda wrapped: wrapped.cancel("mine"),
    ):
        for when in ("before", "meanwhile", "never"):
            source = concurrent.futures.Future()
            source.set_running_or_notify_cancel() if when == "never" else None
            wrapped = asyncio.wrap_future(source)
            if when == "before":
                source.set_result("theirs")
                end(wrapped)
            else:
                end(wrapped)
                await turns(1)
                print(state(source))
                if not source.done():
                    source.set_result("theirs")
            await turns()
            print(when, state(wrapped), state(source))


@trial
async def cancelled_in_its_context():
    seen = []
    for value in (3, 4):
        source = concurrent.futures.Future()
        source.add_done_callback(lambda source: seen.append((number.get(), source.cancelled())))
        number.set(value)
        wrapped = asyncio.wrap_future(source)
        number.set(value + 10)
        wrapped.cancel()
        await turns()
        print(state(source))
    return seen


@trial
async def shown():
    source = concurrent.futures.Future()
    wrapped = asyncio.wrap_future(source)
    words = repr(wrapped).replace(sys.prefix, "").split(" at ")[0].split()
    print(words)
    ((function, context),) = wrapped._callbacks
    print(function.__name__, function.__qualname__, function.__module__, type(context).__name__)
    print(wrapped.remove_done_callback(function), wrapped._callbacks)
    (function,) = source._done_callbacks
    print(function.__qualname__, callable(function))
    source.set_result(1)
    (handle,) = asyncio.get_running_loop()._ready
    print(repr(handle).partition("(")[0], handle._callback.__qualname__, len(handle._args))
    print(handle._args[0] is wrapped, handle._args[1] is source)
    wrapped.cancel()
    await turns()
    print(state(source))


@trial
async def other_arguments():
    chain = asyncio.futures._chain_future
    loop = asyncio.get_running_loop()
    done, plain = concurrent.futures.Future(), concurrent.futures.Future()
    for arguments, options in (
        ((), {}),
        ((1, 2), {}),
        ((done, 2), {}),
        ((1, loop.create_future()), {}),
        ((done,), {}),
        ((done, plain, done), {}),
        ((done,), {"destination": loop.create_future()}),
        ((), {"source": done, "destination": plain}),
        ((loop.create_future(), plain), {}),
        ((loop.create_future(), loop.create_future()), {}),
        ((done, asyncio.ensure_future(asyncio.sleep(0))), {}),
    ):
        try:
            print(chain(*arguments, **options))
        except Exception as error:
            print(text(error))
    await turns()
    print(chain.__name__, chain.__doc__.split(".")[0])


@trial
async def of_an_own_class():
    class Mine(asyncio.Future):
        def set_result(self, result):
            super().set_result(("mine", result))

    source, destination = concurrent.futures.Future(), Mine()
    asyncio.futures._chain_future(source, destination)
    source.set_result(1)
    await turns()
    return state(destination)


@trial
async def in_threads():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        jobs = [loop.run_in_executor(executor, int, digits) for digits in ("1", "x", "3")]
        jobs.append(loop.run_in_executor(executor, lambda: exec("raise SystemExit(3)")))
        print([type(end).__name__ for end in await asyncio.gather(*jobs, return_exceptions=True)])
        gate = threading.Event()
        busy = [loop.run_in_executor(executor, gate.wait) for _ in range(2)]
        waiting = loop.run_in_executor(executor, print, "must not be run")
        waiting.cancel()
        busy[0].cancel()
        await turns()
        gate.set()
        print(await asyncio.gather(*busy, waiting, return_exceptions=True))
    number.set(5)
    return await asyncio.to_thread(number.get), await asyncio.to_thread(pow, 2, 8, mod=7)


def closed_before_the_end():
    print("--- closed_before_the_end")
    for cancel in (False, True):
        loop = asyncio.new_event_loop()
        source = concurrent.futures.Future()
        wrapped = asyncio.wrap_future(source, loop=loop)
        if cancel:
            wrapped.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        print(state(source))
        loop.close()
        if not source.done():
            source.set_result(1)
        print(state(wrapped), state(source))


closed_before_the_end()
