"""Timeouts used by hand, or of which a part is a program's own."""

import asyncio
import contextvars

from trials import state, text, trial


def moment(timeout):
    return {
        k: (type(v).__name__ if k in ("_task",) else v if k != "_when" else type(v).__name__)
        for k, v in state(timeout).items()
    }


@trial
async def from_another_task():
    timeout = asyncio.timeout(0)
    await asyncio.create_task(timeout.__aenter__())
    for _each in range(3):
        await asyncio.sleep(0)
    print(moment(timeout))
    print(await timeout.__aexit__(None, None, None))


@trial
async def outside_a_task():
    timeout = asyncio.timeout(1)
    entering = timeout.__aenter__()

    def call():
        try:
            entering.send(None)
        except BaseException as error:
            print(text(error))
        print(moment(timeout))
        other = asyncio.TaskGroup()
        try:
            other.__aenter__().send(None)
        except BaseException as error:
            print(text(error))
        print(state(other))

    asyncio.get_running_loop().call_soon(call)
    await asyncio.sleep(0.001)


@trial
async def on_timeout_by_hand():
    async with asyncio.timeout(None) as timeout:
        print(timeout._on_timeout(), moment(timeout))
        try:
            timeout._on_timeout()
        except AssertionError as error:
            print(text(error))
        await asyncio.sleep(1)


@trial
async def on_timeout_too_early():
    timeout = asyncio.timeout(None)
    try:
        timeout._on_timeout()
    except AssertionError as error:
        print(text(error))


@trial
async def own_task():
    class Task:
        def cancel(self):
            print("cancel")

        def uncancel(self):
            print("uncancel")
            return 0

        def cancelling(self):
            return 0

    async with asyncio.timeout(0) as timeout:
        timeout._task = Task()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print(timeout)


@trial
async def own_handler():
    class Handler:
        def cancel(self):
            print("cancel handler")

    async with asyncio.timeout(None) as timeout:
        timeout._timeout_handler = Handler()
        timeout.reschedule(None)
        timeout._timeout_handler = Handler()


@trial
async def own_state():
    async with asyncio.timeout(None) as timeout:
        timeout._state = "mine"
        for call in (lambda: timeout.reschedule(1), timeout._on_timeout, timeout.expired):
            try:
                print(call())
            except BaseException as error:
                print(text(error))


@trial
async def own_count():
    async with asyncio.timeout(0) as timeout:
        timeout._cancelling = -1
        await asyncio.sleep(1)


@trial
async def own_count_of_another_kind():
    async with asyncio.timeout(0) as timeout:
        timeout._cancelling = 7.5
        await asyncio.sleep(1)


@trial
async def driven_by_hand():
    timeout = asyncio.timeout(10)
    entering = timeout.__aenter__()
    print(entering, entering.cr_await, entering.cr_code.co_name, entering.__qualname__)
    try:
        entering.send(None)
    except StopIteration as stop:
        print(stop.value is timeout)
    leaving = timeout.__aexit__(None, None, None)
    print(leaving)
    try:
        leaving.send(None)
    except StopIteration as stop:
        print(stop.value)
    try:
        leaving.send(None)
    except RuntimeError as error:
        print(text(error))
    fresh = timeout.__aexit__(None, None, None)
    del fresh


for name in ("__aenter__", "__aexit__", "reschedule", "_on_timeout", "expired", "__init__"):
    for place in ("class", "instance"):
        if (name, place) == ("reschedule", "instance"):
            continue

        @trial
        async def patched():
            print(name, place)
            original = vars(asyncio.Timeout)[name]

            def method(self, *args):
                print("in place of", name)
                return original(self, *args)

            timeout = asyncio.timeout(10)
            if place == "class":
                setattr(asyncio.Timeout, name, method)
            else:
                setattr(timeout, name, method.__get__(timeout))
            try:
                if place == "class":
                    timeout = asyncio.timeout(10)
                async with timeout:
                    timeout.reschedule(0)
                    await asyncio.sleep(1)
            finally:
                setattr(asyncio.Timeout, name, original)


@trial
async def subclass():
    class Mine(asyncio.Timeout):
        def reschedule(self, when):
            print("reschedule")
            super().reschedule(when)

        def _on_timeout(self):
            print("_on_timeout")
            super()._on_timeout()

        async def __aenter__(self):
            print("in")
            return await super().__aenter__()

        async def __aexit__(self, *args):
            print("out")
            return await super().__aexit__(*args)

    async with Mine(0):
        await asyncio.sleep(1)


@trial
async def debugging():
    asyncio.get_running_loop().set_debug(True)
    async with asyncio.timeout(0):
        await asyncio.sleep(1)


@trial
async def loop_overrides():
    loop = asyncio.get_running_loop()
    for name in ("call_soon", "call_at", "call_later"):

        def wrap(name=name, original=getattr(loop, name)):
            def method(*args, **kwargs):
                print(name, len(args), sorted(kwargs))
                return original(*args, **kwargs)

            return method

        setattr(loop, name, wrap())
        async with asyncio.timeout(10):
            pass
        try:
            async with asyncio.timeout(0):
                future = asyncio.Future()
                await future
        except TimeoutError as error:
            print(text(error))
        delattr(loop, name)


@trial
async def context_of_the_timer():
    var = contextvars.ContextVar("var", default="unset")

    class Task:
        def cancel(self):
            print("cancel", var.get())

        def uncancel(self):
            return 0

        def cancelling(self):
            return 0

    async with asyncio.timeout(None) as timeout:
        timeout._task = Task()
        var.set("at reschedule")
        timeout.reschedule(0)
        var.set("later")
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@trial
async def handler_is_a_handle():
    async with asyncio.timeout(10) as timeout:
        handle = timeout._timeout_handler
        print(
            isinstance(handle, asyncio.TimerHandle),
            handle.when() == timeout.when(),
            handle.cancelled(),
            handle.get_context() is None if hasattr(handle, "get_context") else 0,
        )
        print(repr(handle).partition(" created")[0].replace(str(timeout.when()), "WHEN"))
    print(handle.cancelled())
    async with asyncio.timeout(0) as timeout:
        print(timeout._timeout_handler)
        timeout._timeout_handler.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
