"""Native coroutines driven by hand, with every kind of argument, in every state of theirs."""

import asyncio
import inspect
import re
import sys
import traceback
import warnings

LATER = 100


class Failure(Exception):
    pass


class Particular(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


class Breaking(Exception):
    def __init__(self, *arguments):
        raise KeyError("in the making", *arguments)


class Other(Exception):
    def __new__(cls, *arguments):
        return 5


def trace():
    try:
        raise LookupError("for its traceback")
    except LookupError as error:
        return error.__traceback__


def pending():
    return asyncio.get_running_loop().create_future()


async def inner():
    await pending()


def held_lock():
    lock = asyncio.Lock()
    lock._locked = True
    return lock.acquire()


KINDS = {
    "inner": inner,
    "lock": held_lock,
    "semaphore": lambda: asyncio.Semaphore(0).acquire(),
    "event": lambda: asyncio.Event().wait(),
    "get": lambda: asyncio.Queue().get(),
    "join": lambda: unfinished().join(),
    "barrier": lambda: asyncio.Barrier(2).wait(),
    "sleep": lambda: asyncio.sleep(LATER),
    "sleep(0)": lambda: asyncio.sleep(0),
    "wait": lambda: asyncio.wait([pending()]),
    "wait_for": lambda: asyncio.wait_for(pending(), LATER),
    "wait_for a coroutine": lambda: asyncio.wait_for(inner(), LATER),
    "as_completed": lambda: next(iter(asyncio.as_completed([pending()]))),
    "timeout": lambda: asyncio.timeout(LATER).__aenter__(),
    "group": lambda: asyncio.TaskGroup().__aenter__(),
    "with lock": lambda: locked().__aenter__(),
}


def locked():
    lock = asyncio.Lock()
    lock._locked = True
    return lock


def unfinished():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    return queue


THROWN = {
    "nothing": (),
    "a number": (3,),
    "a class": (int,),
    "None": (None,),
    "a string": ("text",),
    "the class of the end": (StopIteration,),
    "an end": (StopIteration(),),
    "an end with a value": (StopIteration(4),),
    "the class of the other end": (StopAsyncIteration,),
    "the class of the exit": (GeneratorExit,),
    "an exit": (GeneratorExit(),),
    "a cancellation": (asyncio.CancelledError,),
    "an error": (Failure("one"),),
    "a class of errors": (Failure,),
    "a class that needs arguments": (Particular,),
    "a class that breaks": (Breaking,),
    "a class that makes another thing": (Other,),
    "class and instance": (Failure, Failure("two")),
    "class and another instance": (Failure, KeyError("three")),
    "class and text": (Failure, "text"),
    "class and arguments": (Particular, (1, 2)),
    "class and None": (Failure, None),
    "class and no traceback": (Failure, Failure("four"), None),
    "class and traceback": (Failure, None, trace()),
    "instance and None": (Failure("five"), None),
    "instance and None and traceback": (Failure("six"), None, trace()),
    "instance and another": (Failure("seven"), Failure("eight")),
    "a number for a traceback": (Failure, None, 5),
    "a number and more": (5, None, None),
    "too many": (Failure, None, None, None),
    "breaking, with more": (Breaking, 5),
}

ACTS = {f"throw {name}": ("throw", arguments, {}) for name, arguments in THROWN.items()} | {
    "throw by name": ("throw", (), {"type": Failure}),
    "throw and a name": ("throw", (Failure,), {"value": 5}),
    "send": ("send", (None,), {}),
    "send a number": ("send", (3,), {}),
    "send nothing": ("send", (), {}),
    "send two": ("send", (None, None), {}),
    "send by name": ("send", (), {"value": None}),
    "close": ("close", (), {}),
    "close with an argument": ("close", (None,), {}),
    "close by name": ("close", (), {"value": None}),
}


def shown(error, depth=0):
    if error is None or depth > 4:
        return "-"
    places = [
        frame.name
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == __file__
    ]
    arguments = re.sub(" when=[0-9.]+", "", repr(error.args))
    text = [type(error).__name__, arguments, ">".join(places)]
    text += [shown(error.__cause__, depth + 1), shown(error.__context__, depth + 1)]
    return "(" + " ".join(text) + ")"


def kind_of(value):
    if isinstance(value, asyncio.Future):
        value._asyncio_future_blocking = False
        return "a future"
    return (
        repr(value)
        if value is None or isinstance(value, (bool, int, str))
        else type(value).__name__
    )


def done(target, name, arguments, named):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = "gave " + kind_of(getattr(target, name)(*arguments, **named))
        except BaseException as error:
            answer = "raised " + shown(error)
            error.__traceback__ = error.__context__ = error.__cause__ = None
            del error
        for each in arguments:
            if isinstance(each, BaseException):
                each.__traceback__ = None
    return " ".join([answer, *(f"[{each.category.__name__} {each.message}]" for each in caught)])


def tried(make, state, through, act):
    coroutine = make()
    target = coroutine.__await__() if through else coroutine
    if state in ("waiting", "over"):
        done(coroutine, "send", (None,), {})
    if state in ("closed", "over"):
        coroutine.close()
    name, arguments, named = act
    text = done(target, name, arguments, named)
    after = [inspect.getcoroutinestate(coroutine), coroutine.cr_frame is None]
    after.append(coroutine.cr_await is None)
    if name != "close":
        after.append(done(target, "send", (None,), {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coroutine.close()
    return f"{text} | {' '.join(map(str, after))}"


async def main():
    for kind, make in KINDS.items():
        for state in ("fresh", "waiting", "closed", "over"):
            for through in (False, True):
                for name, act in ACTS.items():
                    place = f"--- {kind}, {state}, {'wrapper' if through else 'itself'}, {name}:"
                    print(place, tried(make, state, through, act))


if __name__ == "__main__":
    sys.unraisablehook = lambda what: print("unraisable", what.exc_value)
    warnings.simplefilter("ignore")
    asyncio.run(main())
