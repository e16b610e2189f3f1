"""Everything that can be waited for, with every kind of timeout."""

import asyncio

from trials import child, trial


class Own:
    def __init__(self, turns, result=None, error=None):
        self.turns, self.result, self.error = turns, result, error

    def __await__(self):
        for _each in range(self.turns):
            yield
        if self.error:
            raise self.error
        return self.result


class Subclass(asyncio.Future):
    def result(self):
        print("result()")
        return super().result()

    def done(self):
        print("done()")
        return super().done()

    def cancel(self, *args):
        print("cancel()")
        return super().cancel(*args)


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


def cancelled():
    future = pending()
    future.cancel("why")
    return future


async def begun():
    """A coroutine that somebody has begun to run."""
    await asyncio.sleep(0)


def half():
    coroutine = begun()
    coroutine.send(None)
    return coroutine


def over():
    coroutine = child()
    coroutine.close()
    return coroutine


THINGS = {
    "coroutine": lambda: child("c", 1, result=5),
    "coroutine at once": lambda: child("c", 0, result=5),
    "coroutine failing": lambda: child("c", 1, error=ValueError("c")),
    "coroutine failing at once": lambda: child("c", 0, error=ValueError("c")),
    "coroutine cancelled": lambda: child("c", 1, error=asyncio.CancelledError("c")),
    "coroutine timing out": lambda: child("c", 1, error=TimeoutError("c")),
    "coroutine stopping": lambda: child("c", 1, error=StopIteration("c")),
    "swallowing": swallowing,
    "swallowing long": lambda: swallowing(turns=3),
    "swallowing failing": lambda: swallowing(error=KeyError("late")),
    "swallowing failing long": lambda: swallowing(error=KeyError("late"), turns=2),
    "swallowing timing out": lambda: swallowing(error=TimeoutError("own")),
    "task": lambda: asyncio.create_task(child("t", 1, result=6)),
    "swallowing task": lambda: asyncio.create_task(swallowing(turns=2)),
    "failing task": lambda: asyncio.create_task(swallowing(error=KeyError("task"), turns=2)),
    "done": done,
    "failed": failed,
    "cancelled": cancelled,
    "pending": pending,
    "subclass": lambda: Subclass(),
    "own": lambda: Own(2, "own"),
    "own failing": lambda: Own(2, error=OSError("own")),
    "sleep": lambda: asyncio.sleep(0, "slept"),
    "long sleep": lambda: asyncio.sleep(2, "slept"),
    "event": lambda: asyncio.Event().wait(),
    "lock": lambda: asyncio.Lock().acquire(),
    "queue": lambda: asyncio.Queue().get(),
    "gather": lambda: asyncio.gather(child("g", 1), child("h", 2)),
    "shield": lambda: asyncio.shield(child("s", 1)),
    "wait_for": lambda: asyncio.wait_for(child("w", 1), 5),
    "wait_for pending": lambda: asyncio.wait_for(pending(), 0.001),
    "half": half,
    "over": over,
    "nothing": lambda: None,
    "number": lambda: 3,
    "function": lambda: child,
    "generator": lambda: (x for x in ()),
}
# What does not end by itself, or not soon.
ENDLESS = {
    "long sleep",
    "event",
    "queue",
    "pending",
    "subclass",
    "swallowing",
    "swallowing long",
    "swallowing task",
    "failing task",
    "swallowing failing",
    "swallowing failing long",
    "swallowing timing out",
}
# Which of two reports is the first depends on how long a traceback lives.
LATE = {"swallowing failing", "swallowing failing long", "swallowing timing out"}
TIMEOUTS = [None, 10, 0.002, 0, -1, 1e-9]

for name, make in THINGS.items():
    for limit in TIMEOUTS:
        if (limit == 0.002 and name not in ENDLESS) or (limit == 10 and name in LATE):
            continue

        @trial
        async def waiting():
            print(name, limit)
            thing = make()
            if name in ENDLESS and limit in (None, 10):
                asyncio.get_running_loop().call_later(
                    0.002, asyncio.current_task().cancel, "outside"
                )
            try:
                return str(await asyncio.wait_for(thing, limit))[:40]
            finally:
                if isinstance(thing, asyncio.Future):
                    print("afterwards", asyncio.Future.done(thing), repr(thing).partition("cb=")[2])
