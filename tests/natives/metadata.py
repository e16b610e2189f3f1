"""What is written of native functions and coroutines: names, documents, defaults, attributes."""

import asyncio
import functools
import gc
import inspect
import re
import sys
import types
import warnings
from unittest import mock

FUNCTIONS = {
    "sleep": asyncio.sleep,
    "gather": asyncio.gather,
    "wait": asyncio.wait,
    "wait_for": asyncio.wait_for,
    "Lock.acquire": vars(asyncio.Lock)["acquire"],
    "Lock.release": vars(asyncio.Lock)["release"],
    "Queue.get": vars(asyncio.Queue)["get"],
    "TaskGroup.create_task": vars(asyncio.TaskGroup)["create_task"],
}

OF_FUNCTIONS = [
    "__name__",
    "__qualname__",
    "__doc__",
    "__module__",
    "__defaults__",
    "__kwdefaults__",
    "__annotations__",
    "__dict__",
    "__code__",
    "__globals__",
    "__closure__",
    "__builtins__",
    "__call__",
    "__get__",
    "own",
]

OF_COROUTINES = [
    "__name__",
    "__qualname__",
    "__doc__",
    "cr_frame",
    "cr_await",
    "cr_origin",
    "cr_code",
    "cr_running",
    "cr_suspended",
    "own",
]

VALUES = {
    "text": "text",
    "a number": 3,
    "None": None,
    "a tuple": (1,),
    "a dict": {"a": 1},
    "no entries": {},
}


def shown(value):
    if isinstance(value, dict) and len(value) > 5:
        return "many entries"
    if isinstance(value, types.CodeType):
        return value.co_name
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))[:60]


def tried(function, *arguments):
    try:
        return shown(function(*arguments))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def assigned(place, target, attribute, *looks):
    """Assign each of the values, then delete the attribute; it is as it was in the end."""
    has_one = hasattr(target, attribute)
    before = getattr(target, attribute, None)
    for name, value in VALUES.items():
        outcome = [tried(setattr, target, attribute, value)]
        if attribute not in ("cr_frame", "cr_await"):
            outcome.append(tried(getattr, target, attribute))
        outcome += [tried(look, target) for look in looks]
        print("---", place, attribute, "=", name, "|", " | ".join(outcome))
        if has_one:
            tried(setattr, target, attribute, before)
    print("---", place, "del", attribute, "|", tried(delattr, target, attribute))
    print(tried(getattr, target, attribute) if not attribute.startswith("cr_") else "")
    if has_one:
        tried(setattr, target, attribute, before)


def of_functions():
    for place, function in FUNCTIONS.items():
        for attribute in OF_FUNCTIONS:
            assigned(place, function, attribute, repr, inspect.signature, vars)
        if sys.version_info >= (3, 12):
            assigned(place, function, "__type_params__", repr)
        with mock.patch.object(function, "own", 5, create=True):
            print(function.own, vars(function))
        with mock.patch.object(function, "__doc__", "patched"):
            print(function.__doc__, inspect.getdoc(function))
        print(function.__doc__, hasattr(function, "own"))
        wrapping = functools.wraps(function)(lambda: None)
        print(shown(wrapping), wrapping.__wrapped__ is function, vars(wrapping).keys())

        def other(number=1):
            """Another one's."""

        functools.update_wrapper(function, other)
        print(shown(function), function.__doc__, vars(function).keys(), inspect.signature(function))
        print(inspect.isfunction(function), inspect.iscoroutinefunction(function))
        del function.__wrapped__


async def as_changed():
    asyncio.sleep.__defaults__ = ("the default",)
    print(await asyncio.sleep(0), await asyncio.sleep(0, "given"))
    asyncio.wait.__kwdefaults__ = {"timeout": 0, "return_when": asyncio.ALL_COMPLETED}
    print([len(each) for each in await asyncio.wait([asyncio.get_running_loop().create_future()])])

    async def acquire(self):
        return "acquired otherwise"

    vars(asyncio.Lock)["acquire"].__code__ = acquire.__code__
    print(await asyncio.Lock().acquire())


async def of_coroutines():
    made = {
        "sleep": lambda: asyncio.sleep(0),
        "acquire": lambda: asyncio.Semaphore().acquire(),
        "wait_for": lambda: asyncio.wait_for(asyncio.sleep(0), 1),
        "join": lambda: asyncio.Queue().join(),
    }
    for place, make in made.items():
        coroutine = make()
        for attribute in OF_COROUTINES:
            assigned(place, coroutine, attribute, repr)
        coroutine.__name__, coroutine.__qualname__ = "name", "qualified.name"
        task = asyncio.create_task(coroutine)
        print(shown(coroutine), coroutine.__name__, re.search("coro=.*", repr(task))[0][:40])
        print(await task, coroutine.__qualname__)
        forgotten = make()
        forgotten.__qualname__ = "forgotten"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del forgotten
            gc.collect()
        print(sorted(str(each.message) for each in caught))


if __name__ == "__main__":
    asyncio.run(of_coroutines())
    of_functions()
    asyncio.run(as_changed())
