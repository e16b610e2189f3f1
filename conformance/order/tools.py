"""Locks, queues and their like for random programs: the ones a program has, by name.

What is made for a name follows from it, so that all who use the name contend for one thing. In
programs with classes of their own these are subclasses that override what users override.
"""

import asyncio

LOCKS = ("lock0", "lock1")
TOOLS = (
    *LOCKS,
    *("event0", "event1", "semaphore0", "semaphore1", "semaphore2", "bounded0", "bounded1"),
    *("condition0", "condition1", "queue0", "queue1", "priority0", "lifo0", "lifo1"),
    *("barrier0", "barrier1"),
)
"""Every name; the word before the number is the kind."""


class OwnEvent(asyncio.Event):
    """An event of a class of the program's own."""

    def set(self):
        super().set()


class OwnLock(asyncio.Lock):
    """A lock whose ``acquire`` and ``release`` are called by ``async with`` too."""

    held = 0

    async def acquire(self):
        got = await super().acquire()
        self.held += 1
        return got

    def release(self):
        super().release()
        self.held -= 1


class OwnSemaphore(asyncio.Semaphore):
    """A semaphore whose state is looked at through a method of its own."""

    def locked(self):
        return super().locked()

    def release(self):
        super().release()


class OwnCondition(asyncio.Condition):
    """A condition whose ``notify`` is called by ``notify_all``."""

    async def wait(self):
        return await super().wait()

    def notify(self, n=1):
        super().notify(n)


class OwnQueue(asyncio.Queue):
    """A queue that keeps its items where asyncio's does not."""

    def _init(self, maxsize):
        self._items = []

    def _get(self):
        return self._items.pop(0)

    def _put(self, item):
        self._items.append(item)

    def qsize(self):
        return len(self._items)

    def put_nowait(self, item):
        super().put_nowait(item)


class OwnBarrier(asyncio.Barrier):
    """A barrier of a class of the program's own."""

    async def wait(self):
        return await super().wait()


async def hold(tool, turns):
    """Hold a lock or the like for some turns."""
    async with tool as position:
        for _ in range(turns):
            await asyncio.sleep(0)
        return position


async def hold_and_wait(condition):
    """Wait until a condition is notified."""
    async with condition:
        return await condition.wait()


async def hold_and_notify(condition, count):
    """Notify some of those who wait for a condition."""
    async with condition:
        condition.notify(count)


class Tools(dict):
    """The locks, queues and their like of a program; one that is missing is made.

    Args:
        own: Whether they are subclasses of asyncio's.
    """

    def __init__(self, own):
        super().__init__()
        self._own = own
        self._replaced = []

    def __missing__(self, name):
        self[name] = self._make(name)
        return self[name]

    def renew(self, name):
        """Put a new one in the place of one, which lives on for those who wait for it."""
        self._replaced.append(self.get(name))
        self[name] = self._make(name)

    def _make(self, name):
        kind, number = name[:-1], int(name[-1])
        if kind == "event":
            return OwnEvent() if self._own else asyncio.Event()
        if kind == "lock":
            return OwnLock() if self._own else asyncio.Lock()
        if kind == "semaphore":
            return OwnSemaphore(number) if self._own else asyncio.Semaphore(number)
        if kind == "bounded":
            return asyncio.BoundedSemaphore(number + 1)
        if kind == "condition":
            maker = OwnCondition if self._own else asyncio.Condition
            return maker(self["lock0"]) if number else maker()
        if kind == "queue":
            return OwnQueue(1 - number) if self._own else asyncio.Queue(1 - number)
        if kind == "priority":
            return asyncio.PriorityQueue(2)
        if kind == "lifo":
            return asyncio.LifoQueue(number)
        return OwnBarrier(number + 2) if self._own else asyncio.Barrier(number + 2)
