"""What asyncio's public names tell about themselves, printed as JSON.

Run as a program: once by the interpreter alone and once by ``stook``. Each class and function is
asked all that a program, a debugger or a documentation tool may ask. The answers are text, without
addresses.
"""

import asyncio
import collections.abc
import copy
import gc
import inspect
import json
import pickle
import re
import sys
import warnings
import weakref

INSTANCES = {
    "Barrier": lambda loop: asyncio.Barrier(2),
    "BoundedSemaphore": lambda loop: asyncio.BoundedSemaphore(2),
    "CancelledError": lambda loop: asyncio.CancelledError("why"),
    "Condition": lambda loop: asyncio.Condition(),
    "Event": lambda loop: asyncio.Event(),
    "Future": lambda loop: asyncio.Future(loop=loop),
    "Handle": lambda loop: loop.call_soon(print),
    "IncompleteReadError": lambda loop: asyncio.IncompleteReadError(b"part", 9),
    "LifoQueue": lambda loop: asyncio.LifoQueue(3),
    "Lock": lambda loop: asyncio.Lock(),
    "PriorityQueue": lambda loop: asyncio.PriorityQueue(3),
    "Queue": lambda loop: asyncio.Queue(3),
    "Runner": lambda loop: asyncio.Runner(),
    "Semaphore": lambda loop: asyncio.Semaphore(2),
    "Task": lambda loop: asyncio.Task(_nothing(), loop=loop, name="named"),
    "TaskGroup": lambda loop: asyncio.TaskGroup(),
    "Timeout": lambda loop: asyncio.Timeout(None),
    "TimerHandle": lambda loop: loop.call_later(3600, print),
}
"""How to make an instance of a class; of the others none is made."""

COROUTINES = {
    "Barrier.wait": lambda loop: asyncio.Barrier(2).wait(),
    "Condition.acquire": lambda loop: asyncio.Condition().acquire(),
    "Condition.wait": lambda loop: asyncio.Condition().wait(),
    "Condition.wait_for": lambda loop: asyncio.Condition().wait_for(bool),
    "Event.wait": lambda loop: asyncio.Event().wait(),
    "Lock.__aenter__": lambda loop: asyncio.Lock().__aenter__(),
    "Lock.__aexit__": lambda loop: asyncio.Lock().__aexit__(None, None, None),
    "Lock.acquire": lambda loop: asyncio.Lock().acquire(),
    "Queue.get": lambda loop: asyncio.Queue().get(),
    "Queue.join": lambda loop: asyncio.Queue().join(),
    "Queue.put": lambda loop: asyncio.Queue().put(1),
    "Semaphore.acquire": lambda loop: asyncio.Semaphore().acquire(),
    "TaskGroup.__aenter__": lambda loop: asyncio.TaskGroup().__aenter__(),
    "TaskGroup.__aexit__": lambda loop: asyncio.TaskGroup().__aexit__(None, None, None),
    "Timeout.__aenter__": lambda loop: asyncio.timeout(1).__aenter__(),
    "Timeout.__aexit__": lambda loop: asyncio.timeout(1).__aexit__(None, None, None),
    "open_connection": lambda loop: asyncio.open_connection(),
    "sleep": lambda loop: asyncio.sleep(1),
    "sleep(0)": lambda loop: asyncio.sleep(0),
    "to_thread": lambda loop: asyncio.to_thread(print),
    "wait": lambda loop: asyncio.wait([asyncio.Future(loop=loop)]),
    "wait_for": lambda loop: asyncio.wait_for(asyncio.Future(loop=loop), 1),
}
"""Coroutines that are made and never awaited."""

GIVEN = {
    "gather": lambda loop: asyncio.gather(asyncio.Future(loop=loop)),
    "gather()": lambda loop: asyncio.gather(),
    "shield": lambda loop: asyncio.shield(asyncio.Future(loop=loop)),
    "ensure_future": lambda loop: asyncio.ensure_future(_nothing(), loop=loop),
    "wrap_future": lambda loop: asyncio.wrap_future(_concurrent_future(), loop=loop),
    "run_coroutine_threadsafe": lambda loop: asyncio.run_coroutine_threadsafe(_nothing(), loop),
    "as_completed": lambda loop: asyncio.as_completed([asyncio.Future(loop=loop)]),
    "timeout": lambda loop: asyncio.timeout(None),
    "timeout_at": lambda loop: asyncio.timeout_at(None),
    "iter(future)": lambda loop: iter(asyncio.Future(loop=loop)),
    "future.__await__()": lambda loop: asyncio.Future(loop=loop).__await__(),
}
"""What functions return, looked at as instances are."""

ABSTRACT = [
    kind for kind in collections.abc.__all__ if kind not in ("ByteString", "Set", "MutableSet")
]
"""What a class or an instance can be, by the methods it has or by registration."""


async def _nothing():
    pass


def _concurrent_future():
    import concurrent.futures

    return concurrent.futures.Future()


def main():
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None  # A half-made copy of a loop complains when it goes.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    found = {name: _public(getattr(asyncio, name)) for name in sorted(asyncio.__all__)}

    async def look():
        for name, make in (INSTANCES | GIVEN).items():
            found.setdefault(name, {}).update(_instance(make, loop))
        for name, make in COROUTINES.items():
            found.setdefault(name, {}).update(_unawaited(make, loop))

    loop.run_until_complete(look())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    print(json.dumps(found, indent=1))


def _public(thing):
    if inspect.isclass(thing):
        return _class(thing)
    if callable(thing):
        return _callable(thing)
    return {"value": _text(thing) if not inspect.ismodule(thing) else thing.__name__}


def _callable(thing):
    return {
        "name": getattr(thing, "__name__", None),
        "qualified name": getattr(thing, "__qualname__", None),
        "module": getattr(thing, "__module__", None),
        "documentation": inspect.getdoc(thing),
        "raw documentation": getattr(thing, "__doc__", None),
        "signature": _outcome(lambda: inspect.signature(thing)),
        "is a class": inspect.isclass(thing),
        "is a routine": inspect.isroutine(thing),
        "is a coroutine function": inspect.iscoroutinefunction(thing),
        "is asyncio's coroutine function": asyncio.iscoroutinefunction(thing),
        "is an asynchronous generator function": inspect.isasyncgenfunction(thing),
        "is a generator function": inspect.isgeneratorfunction(thing),
        "pickled": _outcome(lambda: pickle.loads(pickle.dumps(thing)) is thing),
        "copied": _outcome(lambda: copy.deepcopy(thing) is thing),
        "weakly referenced": _outcome(lambda: weakref.ref(thing)() is thing),
        "subscripted": _outcome(lambda: thing[int]),
    }


def _class(thing):
    answers = _callable(thing)
    answers |= {
        "bases": [_named(base) for base in thing.__mro__],
        "metaclass": _named(type(thing)),
        "attributes": _attributes(thing),
        "abstract": _abstract(thing, issubclass),
        "derived from": _outcome(lambda: type("Derived", (thing,), {}).__mro__[1].__name__),
        "derived from, with another": _outcome(
            lambda: type("Derived", (thing, _Mixin), {}).__name__
        ),
        "attribute set": _outcome(lambda: _set_and_delete(thing, "an_attribute_of_mine")),
        "abstract methods": sorted(getattr(thing, "__abstractmethods__", ())),
    }
    for attribute in dir(thing):
        if _is_private(attribute) or attribute in NOT_ASKED:
            continue
        value = getattr(thing, attribute)
        kind = inspect.getattr_static(thing, attribute)
        if callable(value):
            asked = _callable(value)
            if attribute.startswith("__"):
                # A slot's wrapper and a function differ in what they say of themselves.
                asked = {key: asked[key] for key in ("name", "is a coroutine function")}
            asked["bound how"] = {staticmethod: "static", classmethod: "class"}.get(type(kind))
            answers |= {f".{attribute} {aspect}": answer for aspect, answer in asked.items()}
        else:
            answers[f".{attribute} documentation"] = inspect.getdoc(kind)
            answers[f".{attribute} is data"] = inspect.isdatadescriptor(kind)
    return answers


OF_ALL_CLASSES = frozenset(dir(type("Empty", (), {}))) - {
    *("__eq__", "__hash__", "__init__", "__repr__", "__str__"),
}
"""What every class has: not asked, because a native class and one of Python differ in it."""

MADE_BY_THE_WAY = frozenset(
    {"__abstractmethods__", "__annotations__", "__firstlineno__", "__orig_bases__", "__slotnames__"}
    | {"__parameters__", "__slots__", "__static_attributes__", "__annotations_cache__"}
)
"""What compiling, copying or annotating leaves in a class."""

NOT_ASKED = OF_ALL_CLASSES | MADE_BY_THE_WAY


class _Mixin:
    __slots__ = ()

    def mixed_in(self):
        pass


def _abstract(thing, test=isinstance):
    return [kind for kind in ABSTRACT if test(thing, getattr(collections.abc, kind))]


def _attributes(thing):
    return [name for name in dir(thing) if not _is_private(name) and name not in NOT_ASKED]


def _is_private(name):
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _instance(make, loop):
    answers = {}

    def ask(what, question):
        answers[f"instance {what}"] = _outcome(lambda: question(make(loop)))

    ask("shown", repr)
    ask("as text", str)
    ask("of type", type)
    ask("of class", lambda thing: thing.__class__)
    ask("true", bool)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        ask(
            f"pickled by protocol {protocol}",
            lambda thing, p=protocol: _same(thing, _pickled(thing, p)),
        )
    ask("copied", lambda thing: _same(thing, copy.copy(thing)))
    ask("deeply copied", lambda thing: _same(thing, copy.deepcopy(thing)))
    ask("weakly referenced", lambda thing: weakref.ref(thing)() is thing)
    ask("hashed", lambda thing: hash(thing) == hash(thing))
    ask("equal to itself", lambda thing: thing == thing)
    ask("equal to another", lambda thing: thing == make(loop))
    ask("different from another", lambda thing: thing != make(loop))
    ask("less than another", lambda thing: thing < make(loop))
    ask("given an attribute", lambda thing: _set_and_delete(thing, "an_attribute_of_mine"))
    ask("given a class", lambda thing: setattr(thing, "__class__", _Mixin))
    ask("given a class, a derived one", lambda thing: _given_another_class(type(thing)))
    ask("length", len)
    ask("iterated", lambda thing: type(iter(thing)))
    ask("iterated asynchronously", lambda thing: type(aiter(thing)))
    ask("awaited", lambda thing: type(thing.__await__()))
    ask("called", callable)
    ask("subscripted", lambda thing: thing[0])
    ask("attributes", _attributes)
    ask("abstract", _abstract)
    ask("is awaitable", inspect.isawaitable)
    ask("is a coroutine", inspect.iscoroutine)
    ask("is asyncio's coroutine", asyncio.iscoroutine)
    ask("is a future", asyncio.isfuture)
    ask("is a Future", lambda thing: isinstance(thing, asyncio.Future))
    ask("of a derived class", _derived)
    ask("collected", gc.is_tracked)
    return answers


def _unawaited(make, loop):
    answers = {}

    def ask(what, question):
        answers[f"coroutine {what}"] = _outcome(lambda: question(make(loop)))

    ask("is a coroutine", inspect.iscoroutine)
    ask("is asyncio's coroutine", asyncio.iscoroutine)
    ask("is awaitable", inspect.isawaitable)
    ask("abstract", _abstract)
    ask("name", lambda coroutine: coroutine.__name__)
    ask("qualified name", lambda coroutine: coroutine.__qualname__)
    ask("state", inspect.getcoroutinestate)
    ask("awaits", lambda coroutine: coroutine.cr_await)
    ask("runs", lambda coroutine: coroutine.cr_running)
    ask("origin", lambda coroutine: coroutine.cr_origin)
    ask("attributes", _attributes)
    ask("pickled", pickle.dumps)
    ask("copied", copy.copy)
    ask("weakly referenced", lambda coroutine: weakref.ref(coroutine)() is coroutine)
    ask("shown", repr)
    ask("iterated", iter)
    ask("resumed with a value", lambda coroutine: coroutine.send(1))
    ask("thrown into", lambda coroutine: coroutine.throw(LookupError("thrown")))
    ask("closed", lambda coroutine: (coroutine.close(), inspect.getcoroutinestate(coroutine)))
    ask("closed, then resumed", lambda coroutine: (coroutine.close(), coroutine.send(None)))
    ask("closed, then closed", lambda coroutine: (coroutine.close(), coroutine.close()))
    answers["coroutine dropped"] = _warnings(lambda: make(loop))
    answers["coroutine closed, then dropped"] = _warnings(lambda: make(loop).close())
    return answers


def _warnings(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
        gc.collect()
    return [f"{warning.category.__name__}: {warning.message}" for warning in caught]


def _pickled(thing, protocol):
    return pickle.loads(pickle.dumps(thing, protocol))


def _same(thing, other):
    """Say how a copy differs from what it was made of."""
    return type(other) is type(thing), other is thing, _text(other)


def _derived(thing):
    kind = type(thing)
    derived = type("Derived", (kind,), {"__slots__": ()})
    derived.__module__ = "somewhere"
    return [_named(base) for base in derived.__mro__]


def _given_another_class(kind):
    one, other = (type(name, (kind,), {}) for name in ("One", "Other"))
    thing = one.__new__(one)
    thing.__class__ = other
    return type(thing).__name__, thing.__class__.__name__


def _set_and_delete(thing, name):
    setattr(thing, name, 1)
    value = getattr(thing, name)
    delattr(thing, name)
    return value


def _outcome(question):
    """Return the answer as text; where the question is an error, what error it is."""
    try:
        return _text(question())
    except BaseException as error:
        return f"{type(error).__name__}: {_text(str(error))}"


def _named(thing):
    return _text(f"{thing.__module__}.{thing.__qualname__}")


def _text(thing):
    text = thing if isinstance(thing, str) else repr(thing)
    text = re.sub("0x[0-9a-f]+", "0x…", text)
    text = re.sub(r"\b(_asyncio|stook)\.(?=\w)", "", text)  # Where what is native comes from.
    return re.sub(r"Task-\d+|when=[\d.]+", "…", text)


if __name__ == "__main__":
    main()
