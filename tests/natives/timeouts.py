"""Timeouts of every size, wrong calls and new deadlines."""

import asyncio
import decimal
import fractions
import gc

from trials import state, text, trial


def moment(timeout):
    return {
        k: (type(v).__name__ if k in ("_task",) else v if k != "_when" else type(v).__name__)
        for k, v in state(timeout).items()
    }


@trial
async def plain():
    timeout = asyncio.timeout(10)
    print(moment(timeout), repr(timeout)[:20], timeout.expired(), type(timeout.when()))
    async with timeout as entered:
        print(entered is timeout, moment(timeout), timeout.expired())
        await asyncio.sleep(0)
    print(moment(timeout), timeout, timeout.expired())


@trial
async def what_the_timer_calls():
    async with asyncio.timeout(10) as timeout:
        handle = timeout._timeout_handler
        print(handle._args, "_on_timeout" in repr(handle), handle == handle)
        callback = handle._callback
        print(type(callback).__name__, callback.__name__, callback.__self__ is timeout)
        print(callback is handle._callback, callback == timeout._on_timeout, handle._args)
    print(handle._callback, handle._args, handle.cancelled())


@trial
async def its_timer_is_run_by_hand():
    try:
        async with asyncio.timeout(10) as timeout:
            timeout._timeout_handler._run()
            print(moment(timeout))
            await asyncio.sleep(1)
    except TimeoutError as error:
        print(repr(error), moment(timeout))


@trial
async def the_instance_has_a_method_of_its_own():
    timeout = asyncio.timeout(0.001)
    timeout._on_timeout = lambda: print("its own")
    async with timeout:
        await asyncio.sleep(0.005)
    print(timeout.expired())


@trial
async def the_class_has_another_method_once_it_is_entered():
    before = asyncio.Timeout._on_timeout
    try:
        async with asyncio.timeout(0.001):
            asyncio.Timeout._on_timeout = lambda self: print("another")
            try:
                await asyncio.sleep(1)
            finally:
                asyncio.Timeout._on_timeout = before
    except TimeoutError as error:
        print(repr(error))


@trial
async def expires():
    try:
        async with asyncio.timeout(0.001) as timeout:
            try:
                await asyncio.sleep(1)
            finally:
                print(
                    moment(timeout), timeout, timeout.expired(), asyncio.current_task().cancelling()
                )
    finally:
        print(moment(timeout), timeout, timeout.expired())


for delay in (
    None,
    0,
    -1,
    0.0,
    -0.0,
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    False,
    1,
    2**60,
    10**400,
    "x",
    "1",
    1j,
    [],
    b"",
    object,
):

    @trial
    async def delays():
        print(repr(delay)[:30])
        async with asyncio.timeout(delay) as timeout:
            print(timeout._state, type(timeout.when()), type(timeout._timeout_handler).__name__)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        print(timeout, timeout.when() if delay is None else "")

    @trial
    async def moments():
        print(repr(delay)[:30])
        if delay == 10**400:
            return
        async with asyncio.timeout_at(delay) as timeout:
            print(timeout._state, type(timeout.when()), type(timeout._timeout_handler).__name__)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        print(timeout)


class Number(float):
    def __radd__(self, other):
        print("radd")
        return float(self) + other

    def __le__(self, other):
        print("le")
        return float(self) <= other


for delay in (fractions.Fraction(1, 1000), decimal.Decimal(1), Number(0.001), Number(0)):

    @trial
    async def numbers():
        print(repr(delay))
        async with asyncio.timeout(delay):
            await asyncio.sleep(1)

    @trial
    async def numbers_at():
        print(repr(delay))
        async with asyncio.timeout_at(delay):
            await asyncio.sleep(1)


@trial
async def wrong_calls():
    timeout = asyncio.timeout(1)
    for call in (
        lambda: asyncio.timeout(),
        lambda: asyncio.timeout(1, 2),
        lambda: asyncio.timeout(dly=1),
        lambda: asyncio.timeout(delay=1, x=2),
        lambda: asyncio.timeout_at(),
        lambda: asyncio.timeout_at(1, 2),
        lambda: asyncio.Timeout(),
        lambda: timeout.reschedule(),
        lambda: timeout.reschedule(1, 2),
        lambda: timeout.reschedule(1),
        lambda: timeout.reschedule(when=1),
        lambda: timeout.reschedule("x"),
        lambda: timeout._on_timeout(),
        lambda: timeout._on_timeout(1),
        lambda: timeout.__aexit__(),
        lambda: timeout.__aexit__(1, 2, 3, 4),
        lambda: timeout.__aenter__(2),
        lambda: asyncio.Timeout.reschedule(),
        lambda: asyncio.Timeout.reschedule(3),
        lambda: asyncio.Timeout.reschedule(3, 4),
    ):
        try:
            print(type(call()).__name__)
        except BaseException as error:
            print(text(error))
    gc.collect()


@trial
async def by_name():
    async with asyncio.timeout(delay=10) as timeout:
        timeout.reschedule(when=None)
        print(moment(timeout))
        timeout.reschedule(when=5)
        print(timeout)


@trial
async def entered_twice():
    timeout = asyncio.timeout(10)
    async with timeout:
        try:
            async with timeout:
                print("inside", timeout._state)
        except RuntimeError as error:
            print(text(error))
        print(timeout._state)
    async with timeout:
        pass


@trial
async def left_by_hand():
    timeout = asyncio.timeout(10)
    try:
        await timeout.__aexit__(None, None, None)
    except AssertionError as error:
        print(text(error))
    await timeout.__aenter__()
    print(await timeout.__aexit__(ValueError, ValueError(1), None), moment(timeout))
    try:
        await timeout.__aexit__(None, None, None)
    except AssertionError as error:
        print(text(error))


for given in (
    (None, None, None),
    (ValueError, None, None),
    (asyncio.CancelledError, None, None),
    (None, ValueError(1), None),
    (None, asyncio.CancelledError(1), None),
    (asyncio.CancelledError, asyncio.CancelledError("given"), None),
    (Exception, asyncio.CancelledError("given"), None),
    (asyncio.CancelledError, ValueError("given"), None),
    (3, ValueError("given"), None),
    ("x", None, None),
    (None, 3, None),
    (ValueError, 3, None),
    (asyncio.CancelledError, 3, None),
):

    @trial
    async def left_oddly():
        print(given)
        timeout = asyncio.timeout(0)
        await timeout.__aenter__()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            print("expired", timeout.expired())
        try:
            print(await timeout.__aexit__(*given))
        finally:
            print(moment(timeout))


@trial
async def rescheduling():
    timeout = asyncio.timeout(10)
    loop = asyncio.get_running_loop()
    for when in (1, None):
        try:
            timeout.reschedule(when)
        except (RuntimeError, AssertionError) as error:
            print(text(error))
    async with timeout:
        first = timeout._timeout_handler
        print(timeout.reschedule(loop.time() + 5), first.cancelled(), moment(timeout))
        timeout.reschedule(None)
        print(moment(timeout), timeout, timeout.when())
        for bad in ("x", [], 1j):
            try:
                timeout.reschedule(bad)
            except TypeError as error:
                print(text(error), moment(timeout))
        timeout.reschedule(float("nan"))
        print(moment(timeout))
        timeout.reschedule(loop.time() - 1)
        print(moment(timeout))
        timeout.reschedule(loop.time() + 100)
        print(moment(timeout))
        await asyncio.sleep(0)
        timeout.reschedule(0)
        print(moment(timeout), timeout)
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            print(timeout, moment(timeout))
            try:
                timeout.reschedule(1)
            except RuntimeError as error:
                print(text(error))


@trial
async def rescheduling_at_the_end():
    timeout = asyncio.timeout(10)
    async with timeout:
        pass
    try:
        timeout.reschedule(1)
    except RuntimeError as error:
        print(text(error))
    timeout = asyncio.timeout(0)
    try:
        async with timeout:
            await asyncio.sleep(1)
    except TimeoutError as error:
        print(text(error))
    try:
        timeout.reschedule(1)
    except RuntimeError as error:
        print(text(error))
