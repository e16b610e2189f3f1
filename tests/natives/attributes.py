"""Locks, queues, groups and timeouts whose attributes are kept in every way there is."""

import asyncio
import gc
import sys

from trials import trial

# Made before the library is installed where that happens later, and with fewer attributes.
early = [asyncio.Event(), asyncio.Lock(), asyncio.Queue()]

STATES = {}


def way(function):
    STATES[function.__name__] = function
    return function


@way
def untouched(thing):
    pass


@way
def looked_through(thing):
    vars(thing)


@way
def with_a_new_dict(thing):
    thing.__dict__ = dict(vars(thing))


@way
def with_one_more(thing):
    thing.label = "mine"


@way
def with_one_more_in_the_dict(thing):
    vars(thing)["label"] = "mine"


@way
def with_forty_more(thing):
    for number in range(40):
        setattr(thing, f"label_{number}", number)


@way
def with_a_name_that_is_no_string(thing):
    vars(thing)[3] = 4


@way
def shuffled(thing):
    own = dict(vars(thing))
    vars(thing).clear()
    for name in sorted(own, reverse=True):
        setattr(thing, name, own[name])


def use_of(make, use):
    """What a use prints for a thing in each of the states, before its use and in the middle."""

    async def run():
        for name, change in STATES.items():
            for when in ("before", "during"):
                thing = make()
                if when == "before":
                    change(thing)
                told = []
                later = (
                    None if when == "before" else lambda thing=thing, change=change: change(thing)
                )
                await use(thing, told, later)
                kept = {
                    key: value
                    for key, value in vars(thing).items()
                    if type(value) in (int, bool, str, type(None))
                }
                print(name, when, told, kept, list(map(str, vars(thing))))

    return run


async def use_event(event, told, change):
    waiting = [asyncio.ensure_future(event.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    if change:
        change()
    told.append(len(event._waiters))
    event.set()
    told += await asyncio.gather(*waiting)
    event.clear()
    told.append(event.is_set())


async def use_lock(lock, told, change):
    async def hold(number):
        async with lock:
            told.append((number, lock.locked()))
            await asyncio.sleep(0)

    holding = [asyncio.ensure_future(hold(number)) for number in range(3)]
    await asyncio.sleep(0)
    if change:
        change()
    await asyncio.gather(*holding)
    told.append(lock.locked())


async def use_semaphore(semaphore, told, change):
    await use_lock(semaphore, told, change)
    told.append(semaphore._value)


async def use_condition(condition, told, change):
    async def wait():
        async with condition:
            told.append(await condition.wait())

    waiting = [asyncio.ensure_future(wait()) for _ in range(2)]
    await asyncio.sleep(0)
    if change:
        change()
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    await asyncio.gather(*waiting)


async def use_barrier(barrier, told, change):
    meeting = asyncio.ensure_future(barrier.wait())
    await asyncio.sleep(0)
    if change:
        change()
    told.append(await barrier.wait())
    told.append(await meeting)
    told.append(barrier.n_waiting)


async def use_queue(queue, told, change):
    getting = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    if change:
        change()
    for number in (3, 1, 2):
        await queue.put(number)
        queue.task_done()
    told += await asyncio.gather(*getting)
    told.append(queue.get_nowait())
    await queue.join()
    told.append(queue.qsize())


async def use_group(group, told, change):
    async def child(number):
        await asyncio.sleep(0)
        told.append(number)

    async with group:
        group.create_task(child(1))
        if change:
            change()
        group.create_task(child(2))
    told.append(group._exiting)


async def use_timeout(timeout, told, change):
    try:
        async with timeout:
            if change:
                change()
            timeout.reschedule(asyncio.get_running_loop().time())
            await asyncio.sleep(3600)
    except TimeoutError:
        told.append("late")
    told.append(timeout.expired())
    # The time of the deadline is another in each run.
    timeout._when = 1


for make, use in [
    (asyncio.Event, use_event),
    (asyncio.Lock, use_lock),
    (lambda: asyncio.Semaphore(2), use_semaphore),
    (lambda: asyncio.BoundedSemaphore(2), use_semaphore),
    (asyncio.Condition, use_condition),
    (lambda: asyncio.Barrier(2), use_barrier),
    (asyncio.Queue, use_queue),
    (lambda: asyncio.PriorityQueue(3), use_queue),
    (asyncio.LifoQueue, use_queue),
    (asyncio.TaskGroup, use_group),
    (lambda: asyncio.Timeout(None), use_timeout),
]:
    trial(use_of(make, use))


@trial
async def made_early():
    for thing, use in zip(early, (use_event, use_lock, use_queue), strict=True):
        told = []
        await use(thing, told, None)
        print(told, sorted(vars(thing)))


@trial
async def of_another_class_meanwhile():
    class Mine(asyncio.Event):
        @property
        def _value(self):
            return self.__dict__.get("mine", False)

        @_value.setter
        def _value(self, value):
            self.__dict__["mine"] = value

    event = asyncio.Event()
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.sleep(0)
    event.__class__ = Mine
    event.set()
    print(await waiting, event.is_set(), sorted(vars(event)))


@trial
async def deleted_meanwhile():
    for name in ("_value", "_waiters"):
        event = asyncio.Event()
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.sleep(0)
        delattr(event, name)
        try:
            event.set()
        except AttributeError as error:
            print(error)
        waiting.cancel()
        for result in await asyncio.gather(waiting, return_exceptions=True):
            print(repr(result))


@trial
async def a_property_in_the_class():
    asyncio.Event._value = property(lambda self: True, lambda self, value: print("set", value))
    try:
        event = asyncio.Event()
        print(await event.wait(), event.is_set())
        event.set()
        event.clear()
    finally:
        del asyncio.Event._value
    event = asyncio.Event()
    print(event.is_set())
    event.set()
    print(await event.wait())


@trial
async def released_as_it_is_replaced():
    class Told:
        def __init__(self, lock):
            self.lock = lock

        def __bool__(self):
            return True

        def __del__(self):
            print("released", self.lock._locked)

    lock = asyncio.Lock()
    lock._locked = Told(lock)
    lock.release()
    print(lock.locked())


@trial
async def references_are_counted():
    mark = 12345678901234567890
    event = asyncio.Event()
    before = sys.getrefcount(mark)
    for _ in range(100):
        event._value = mark
        await event.wait()
        event.clear()
    print(sys.getrefcount(mark) - before)


@trial
async def no_dict_is_made():
    things = [asyncio.Event(), asyncio.Lock(), asyncio.Semaphore(), asyncio.Queue()]
    uses = [use_event, use_lock, use_lock, use_queue]
    for thing, use in zip(things, uses, strict=True):
        await use(thing, [], None)
        print(type(thing), any(type(held) is dict for held in gc.get_referents(thing)))
    async with asyncio.timeout(10) as timeout, asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
    for thing in (timeout, group):
        print(type(thing), any(type(held) is dict for held in gc.get_referents(thing)))
