"""Who took a lock that is in nobody's ``async with`` block: told with who waits for it.

A note is made by stook's own methods of locks, so only where the names are stook's, and not in
debug mode. Anybody may release such a lock: nobody is said to wait for who took it.
"""

import asyncio
import contextlib

import pytest

from engines import INSTALLED

pytestmark = [pytest.mark.native, pytest.mark.lazy]


@pytest.fixture(autouse=True)
def stook():
    """Put stook's methods into asyncio's classes for a test, and return stook."""
    stook = pytest.importorskip("stook")
    if INSTALLED:
        yield stook
        return
    stook.install()
    yield stook
    stook.uninstall()


@pytest.fixture
def asks(engine, loop, stook):
    """Return a function that waits for a lock, and returns who took it and what is said of that."""
    if loop.get_debug():
        # In debug mode the methods are asyncio's, and there is nothing to know.
        loop.set_debug(False)

    async def ask(lock):
        waiter = loop.create_task(lock.acquire(), name="waiter")
        await settle(engine)
        (info,) = [info for info in stook.tasks() if info.task is waiter]
        (said,) = [line for line in str(stook.wait_graph()).splitlines() if "waiter waits" in line]
        waiter.cancel()
        await engine.wait([waiter])
        assert (info.wait.kind, info.wait.what, info.wait.on) == ("lock", lock, ())
        return info.wait.taken_by, said.partition("a lock")[2]

    return ask


async def settle(engine):
    """Let tasks begin that were made."""
    for _ in range(3):
        await engine.sleep(0)


async def test_the_task_that_took_it_is_named(engine, loop, asks):
    lock = engine.Lock()

    async def take():
        await lock.acquire()
        await loop.create_future()

    for name in (None, "taker"):
        task = loop.create_task(take(), name=name)
        await settle(engine)
        taker, said = await asks(lock)
        assert taker == (task, task.get_name())
        assert said == f" taken by {task.get_name()}"
        lock.release()
        task.cancel()
        await engine.wait([task])


async def test_a_task_that_waited_for_it_is_named(engine, loop, asks):
    lock = engine.Lock()
    await lock.acquire()

    async def take():
        await lock.acquire()
        await loop.create_future()

    task = loop.create_task(take())
    await settle(engine)
    lock.release()
    await settle(engine)
    assert (await asks(lock))[0] == (task, task.get_name())
    task.cancel()
    await engine.wait([task])


async def test_a_task_that_has_ended_is_named_by_its_number(engine, loop, asks):
    lock = engine.Lock()
    await loop.create_task(lock.acquire())
    taker, said = await asks(lock)
    assert taker.task is None
    assert taker.name.startswith("Task-")
    assert said == f" taken by {taker.name}, which has ended"


async def test_the_name_that_a_task_was_given_ends_with_it(engine, loop, asks):
    for name_later in (False, True):
        lock = engine.Lock()
        task = loop.create_task(lock.acquire(), **({} if name_later else {"name": "gone"}))
        if name_later:
            task.set_name("gone")
        await task
        del task
        assert await asks(lock) == ((None, None), " taken by a task that has ended")


async def test_a_task_that_got_another_name_since_is_known_by_its_number_alone(engine, loop, asks):
    lock = engine.Lock()

    async def take():
        await lock.acquire()
        await loop.create_future()

    task = loop.create_task(take())
    await settle(engine)
    task.set_name("later")
    assert (await asks(lock))[0] == (task, "later")
    task.cancel()
    await engine.wait([task])


async def test_who_released_it_is_not_named_whoever_that_was(engine, loop, stook):
    lock = engine.Lock()
    held = loop.create_future()

    async def take():
        await lock.acquire()
        await held

    task = loop.create_task(take())
    await settle(engine)
    lock.release()  # by another task

    async def in_a_block():
        async with lock:
            await held

    holder = loop.create_task(in_a_block())
    await settle(engine)
    waiter = loop.create_task(lock.acquire(), name="waiter")
    await settle(engine)
    (info,) = [info for info in stook.tasks() if info.task is waiter]
    assert (info.wait.on, info.wait.taken_by) == ((holder,), None)
    waiter.cancel()
    held.set_result(None)
    await engine.wait([waiter, task, holder])


async def test_what_asyncios_own_methods_do_is_not_known(engine, loop, asks):
    lock = engine.Lock()
    await loop.create_task(lock.acquire())
    loop.set_debug(True)
    lock.release()
    await lock.acquire()
    loop.set_debug(False)
    assert await asks(lock) == (None, ", nobody knows held by whom")


async def test_who_took_it_before_is_not_named_where_nobody_knows_who_has_it(engine, loop, asks):
    lock = engine.Lock()
    await lock.acquire()
    lock.release()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(lock)
        assert (await asks(lock))[0] is None
    await lock.acquire()
    lock._locked = False
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(lock)
        assert (await asks(lock))[0] is None


async def test_a_lock_in_the_place_of_another_has_no_taker(engine, loop, asks):
    first = asyncio.Lock()
    await loop.create_task(first.acquire())
    first.release()
    first._locked = True
    assert await asks(first) == (None, ", nobody knows held by whom")


async def test_one_of_the_same_name_in_the_place_of_the_taker_is_not_named(engine, loop, stook):
    if loop.get_debug():
        loop.set_debug(False)
    lock = engine.Lock()

    async def wait():
        async with lock:
            pass

    loop.create_task(lock.acquire(), name="worker").add_done_callback(lambda task: None)
    await settle(engine)
    # One of these gets its address.
    waiters = [loop.create_task(wait(), name="worker") for _ in range(100)]
    await settle(engine)
    waits = [info.wait for info in stook.tasks() if info.task in waiters]
    assert {wait.taken_by for wait in waits} == {(None, None)}
    for task in waiters:
        task.cancel()
    await engine.wait(waiters)


def plain(lock):
    """Leave a lock as it is: asyncio's methods take it in debug mode."""


def with_a_method(lock):
    """Give a lock a method of its own."""
    lock.release = lambda: None


class OwnLock(asyncio.Lock):
    """A lock of a program's own class, with methods of asyncio's."""

    def release(self):
        """Release it."""
        super().release()


class TakenInItsOwnWay(asyncio.Lock):
    """A lock that is taken in a way of its own, and waited for in asyncio's."""

    async def acquire(self):
        """Take it."""
        if self._locked:
            return await super().acquire()
        self._locked = True
        return True


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (asyncio.Lock, plain),
        (asyncio.Lock, with_a_method),
        (OwnLock, plain),
        (TakenInItsOwnWay, plain),
    ],
)
async def test_who_took_one_that_is_gone_is_not_named(engine, loop, stook, kind, change):
    if loop.get_debug():
        loop.set_debug(False)
    held = loop.create_future()

    async def take():
        await (lock := asyncio.Lock()).acquire()
        del lock
        await held

    takers = [loop.create_task(take(), name="innocent") for _ in range(20)]
    await settle(engine)
    # Some have the addresses of those that are gone.
    locks = [kind() for _ in range(200)]
    for lock in locks:
        change(lock)

    async def hold(lock):
        await lock.acquire()
        await held

    async def want(lock):
        await lock.acquire()

    loop.set_debug(kind is asyncio.Lock and change is plain)
    holders = [loop.create_task(hold(lock)) for lock in locks]
    await settle(engine)
    waiters = [loop.create_task(want(lock)) for lock in locks]
    await settle(engine)
    loop.set_debug(False)
    waits = [info.wait for info in stook.tasks() if info.task in waiters]
    assert [wait.kind for wait in waits] == ["lock"] * len(locks)
    assert {wait.taken_by for wait in waits} == {None}
    for task in (*waiters, *holders, *takers):
        task.cancel()
    await engine.wait([*waiters, *holders, *takers])


def take_by_hand(*locks):
    """Take locks, in no task or in whatever one runs."""
    for lock in locks:
        with contextlib.suppress(StopIteration):
            lock.acquire().send(None)


async def test_what_no_task_took_has_no_taker_but_those_before_it_had(engine, loop, stook):
    if loop.get_debug():
        loop.set_debug(False)

    async def take():
        await asyncio.Lock().acquire()

    await engine.wait([loop.create_task(take()) for _ in range(20)])
    # Some have the addresses of those that are gone.
    locks = [asyncio.Lock() for _ in range(200)]
    loop.call_soon(take_by_hand, *locks)
    await settle(engine)
    waiters = [loop.create_task(lock.acquire()) for lock in locks]
    await settle(engine)
    waits = [info.wait for info in stook.tasks() if info.task in waiters]
    assert [wait.kind for wait in waits] == ["lock"] * len(locks)
    assert {wait.taken_by for wait in waits} == {None}
    for task in waiters:
        task.cancel()
    await engine.wait(waiters)


def test_who_took_it_in_another_loop_is_not_said_to_have_ended(engine, loop, stook, asks):
    lock = engine.Lock()
    other = stook.new_event_loop()
    other.set_debug(False)

    async def takes_and_stays():
        await lock.acquire()
        await other.create_future()

    task = other.create_task(takes_and_stays())
    other.run_until_complete(asyncio.wait([task], timeout=0))
    assert loop.run_until_complete(asks(lock)) == (None, ", nobody knows held by whom")
    task.cancel()
    other.run_until_complete(asyncio.wait([task]))
    other.close()


def test_who_took_it_before_stooks_methods_were_gone_is_not_named(engine, loop, stook, asks):
    lock = asyncio.Lock()

    async def take():
        await lock.acquire()

    loop.run_until_complete(take())
    stook.uninstall()
    lock.release()
    take_by_hand(lock)
    stook.install()
    assert loop.run_until_complete(asks(lock)) == (None, ", nobody knows held by whom")


async def test_no_circle_is_made_of_it(engine, loop, stook, asks):
    one, two = engine.Lock(), engine.Lock()

    async def take(first, second):
        await first.acquire()
        await engine.sleep(0)
        await second.acquire()

    tasks = [loop.create_task(take(one, two)), loop.create_task(take(two, one))]
    await settle(engine)
    graph = stook.wait_graph()
    assert (graph.edges, graph.cycles, graph.stuck) == ((), (), ())
    assert {info.wait.taken_by.task for info in graph.tasks if info.wait} == set(tasks)
    for task in tasks:
        task.cancel()
    await engine.wait(tasks)


async def test_of_many_locks_some_are_not_known_and_none_is_wrong(engine, loop, stook):
    if loop.get_debug():
        loop.set_debug(False)
    takers = {}

    async def take(lock):
        await lock.acquire()
        await loop.create_future()

    async def want(lock):
        await lock.acquire()

    for _ in range(1500):
        lock = engine.Lock()
        takers[lock] = loop.create_task(take(lock))
    await settle(engine)
    waiters = [loop.create_task(want(lock)) for lock in takers]
    await settle(engine)
    waits = [info.wait for info in stook.tasks() if info.wait and info.wait.kind == "lock"]
    assert len(waits) == len(takers)
    known = [wait for wait in waits if wait.taken_by is not None]
    assert all(wait.taken_by.task is takers[wait.what] for wait in known)
    assert len(known) > 300
    for task in [*waiters, *takers.values()]:
        task.cancel()
    await engine.wait([*waiters, *takers.values()])
