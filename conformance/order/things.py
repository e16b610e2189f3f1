"""What random programs make and use besides asyncio's own: classes of theirs, and named things."""

import asyncio
import weakref


class OwnTask(asyncio.Task):
    """A task of a class of the program's own."""

    def cancel(self, msg=None):
        return super().cancel(msg=msg)


class OwnFuture(asyncio.Future):
    """A future of a class of the program's own."""

    def set_result(self, result):
        super().set_result(result)


class Yielding:
    """An awaitable that yields one value; ``None`` is what a bare ``yield`` gives."""

    def __init__(self, value=None):
        self.value = value

    def __await__(self):
        return (yield self.value)


class OrderedSet(dict):
    """What a task group needs of a set, iterated in the order of arrival."""

    def add(self, value):
        self[value] = None

    def discard(self, value):
        self.pop(value, None)


class Box(dict):
    """The tasks and futures of a program by name; one that is missing becomes a new future."""

    def __init__(self, stage):
        super().__init__()
        self._stage = stage

    def __missing__(self, name):
        self[name] = self._stage.new_future()
        return self[name]

    def __setitem__(self, name, value):
        self._stage.look_for_recursion(self.get(name))
        self._stage.give_label(value, name)
        super().__setitem__(name, value)


class OwnGroup(asyncio.TaskGroup):
    """A task group of a class of the program's own."""

    def create_task(self, coro, **options):
        return super().create_task(coro, **options)


class OwnCancelled(asyncio.CancelledError):
    """A cancellation of a class of the program's own."""


class OwnExit(BaseException):
    """An error that only ``except BaseException`` catches, and that ends no loop."""


async def counting():
    """Give two numbers, from a generator that does nothing else."""
    yield 1
    yield 2


async def settle_in(turns, outcome):
    """Return a value, or raise an error, after some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


class Named(dict):
    """Things by name; one that is missing is made by a function without arguments."""

    def __init__(self, make):
        super().__init__()
        self._make = make

    def __missing__(self, name):
        self[name] = self._make()
        return self[name]


class OrderedWeakSet:
    """What a loop needs of its weak set of generators, iterated in the order of arrival."""

    def __init__(self):
        self._entries = weakref.WeakKeyDictionary()

    def add(self, value):
        self._entries[value] = None

    def discard(self, value):
        self._entries.pop(value, None)

    def clear(self):
        self._entries.clear()

    def __iter__(self):
        return iter(list(self._entries))

    def __len__(self):
        return len(self._entries)
