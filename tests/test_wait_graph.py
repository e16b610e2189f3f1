"""``stook.tasks`` and ``stook.wait_graph``: what each task waits for, and who waits for whom."""

import asyncio
import gc
import io
import socket
import threading
import types
import weakref

import pytest

pytestmark = pytest.mark.needs_stook


async def settle(engine, turns=5):
    """Give tasks some turns of the loop to get to where they wait."""
    for _ in range(turns):
        await engine.sleep(0)


class Proxy:
    """Stands for something that is not there: it can be asked for nothing."""

    @property
    def __class__(self):
        raise LookupError("nothing is behind this proxy")

    @property
    def __dict__(self):
        raise LookupError("nothing is behind this proxy")

    def __getattr__(self, name):
        raise LookupError("nothing is behind this proxy")

    __eq__ = __call__ = __getattr__
    __hash__ = None


class Decorated:
    """What a decorator may put in place of a method: it is called, and has no name."""

    def __init__(self, function):
        self.function = function

    def __call__(self, instance):
        return self.function(instance)


async def end_all(engine):
    """End the other tasks: the collector would find those that wait for what nobody holds."""
    for task in engine.all_tasks() - {engine.current_task()}:
        task.cancel()
    await settle(engine)


def info_of(stook, task):
    (info,) = [info for info in stook.tasks() if info.task is task]
    return info


@pytest.fixture
def stook():
    import stook

    return stook


async def forever(engine):
    await engine.sleep(3600)


async def one_task(engine, stook, child):
    async def waits():
        await child

    return waits(), "task", child, (child,)


async def one_future(engine, stook, child):
    future = asyncio.get_running_loop().create_future()

    async def waits():
        await future

    return waits(), "future", future, ()


async def one_gather(engine, stook, child):
    async def waits():
        await engine.gather(child, asyncio.get_running_loop().create_future())

    return waits(), "gather", None, (child,)


async def nested_gathers(engine, stook, child):
    async def waits():
        await engine.gather(engine.gather(engine.shield(child)))

    return waits(), "gather", None, (child,)


async def one_group(engine, stook, child):
    group = asyncio.TaskGroup()

    async def waits():
        async with group:
            group.create_task(forever(engine), name="of the group")

    return waits(), "group", group, "of the group"


async def one_wait(engine, stook, child):
    async def waits():
        await engine.wait([child])

    return waits(), "wait", None, (child,)


async def one_shield(engine, stook, child):
    async def waits():
        await engine.shield(child)

    return waits(), "shield", None, (child,)


async def one_wait_for(engine, stook, child):
    async def waits():
        await engine.wait_for(child, 3600)

    return waits(), "task", child, (child,)


async def one_race(engine, stook, child):
    async def waits():
        await stook.race(child, losers="leave")

    return waits(), "race", None, (child,)


async def one_lock(engine, stook, child):
    lock = asyncio.Lock()

    async def holds():
        async with lock:
            await engine.sleep(3600)

    async def waits():
        async with lock:
            pass

    engine.create_task(holds(), name="holder")
    await settle(engine)
    return waits(), "lock", lock, "holder"


async def lock_acquired_by_hand(engine, stook, child):
    lock = asyncio.Lock()
    await lock.acquire()

    async def waits():
        await lock.acquire()

    return waits(), "lock", lock, ()


async def one_semaphore(engine, stook, child):
    semaphore = asyncio.Semaphore(1)

    async def holds():
        async with semaphore:
            await engine.sleep(3600)

    async def waits():
        async with semaphore:
            pass

    engine.create_task(holds(), name="holder")
    await settle(engine)
    return waits(), "semaphore", semaphore, "holder"


async def one_condition(engine, stook, child):
    condition = asyncio.Condition()

    async def waits():
        async with condition:
            await condition.wait_for(lambda: False)

    return waits(), "condition", condition, ()


async def lock_of_a_condition(engine, stook, child):
    condition = asyncio.Condition()

    async def holds():
        async with condition:
            await engine.sleep(3600)

    async def waits():
        async with condition:
            await condition.wait()

    waiter = waits()
    task = engine.create_task(waiter, name="waiter")
    await settle(engine)

    async def notifies():
        async with condition:
            condition.notify_all()
            await engine.sleep(3600)

    engine.create_task(notifies(), name="holder")
    await settle(engine)
    return task, "lock", condition._lock, "holder"


async def one_event(engine, stook, child):
    event = asyncio.Event()

    async def waits():
        await event.wait()

    return waits(), "event", event, ()


async def one_barrier(engine, stook, child):
    barrier = asyncio.Barrier(2)

    async def waits():
        await barrier.wait()

    return waits(), "barrier", barrier, ()


async def one_queue(engine, stook, child):
    queue = asyncio.Queue()

    async def waits():
        await queue.get()

    return waits(), "queue", queue, ()


async def full_queue(engine, stook, child):
    queue = asyncio.Queue(1)
    queue.put_nowait(None)

    async def waits():
        await queue.put(None)

    return waits(), "queue", queue, ()


async def join_of_a_queue(engine, stook, child):
    queue = asyncio.Queue()
    queue.put_nowait(None)

    async def waits():
        await queue.join()

    return waits(), "queue", queue, ()


async def one_sleep(engine, stook, child):
    async def waits():
        await engine.sleep(3600)

    return waits(), "sleep", None, ()


async def inside_a_generator(engine, stook, child):
    @types.coroutine
    def old():
        yield from child

    async def each():
        await old()
        yield None

    async def waits():
        async for _ in each():
            pass

    return waits(), "task", child, (child,)


async def after_a_default_for_the_end(engine, stook, child):
    async def each():
        await child
        yield None

    async def waits():
        # What waits is wrapped twice.
        await anext(each(), None)

    return waits(), "task", child, (child,)


WAITS = [
    one_task,
    one_future,
    one_gather,
    nested_gathers,
    one_group,
    one_wait,
    one_shield,
    one_wait_for,
    one_race,
    one_lock,
    lock_acquired_by_hand,
    one_semaphore,
    one_condition,
    lock_of_a_condition,
    one_event,
    one_barrier,
    one_queue,
    full_queue,
    join_of_a_queue,
    one_sleep,
    inside_a_generator,
    after_a_default_for_the_end,
]


@pytest.mark.parametrize("case", WAITS, ids=lambda case: case.__name__)
async def test_what_a_task_waits_for_and_from_which_line(engine, loop, stook, case):
    child = engine.create_task(forever(engine), name="child")
    waits, kind, what, on = await case(engine, stook, child)
    task = waits if asyncio.isfuture(waits) else engine.create_task(waits, name="waiter")
    await settle(engine)
    info = info_of(stook, task)
    assert info.state == "waiting"
    assert info.wait.kind == kind
    assert what is None or info.wait.what is what
    names = tuple(other.get_name() for other in info.wait.on)
    assert names == ((on,) if isinstance(on, str) else tuple(task.get_name() for task in on))
    assert info.wait.where == info.stack[-1]
    assert info.stack[0].function.endswith("waits")
    assert {place.file for place in info.stack} == {__file__}
    lines = case.__code__.co_firstlineno, case.__code__.co_firstlineno + 40
    assert lines[0] < info.wait.where.line < lines[1]
    await end_all(engine)


async def test_a_sleep_says_until_when_and_since_when(engine, loop, stook):
    before = loop.time()
    task = engine.create_task(forever(engine))
    await settle(engine)
    wait = info_of(stook, task).wait
    assert before + 3600 <= wait.until <= loop.time() + 3600
    assert wait.since == pytest.approx(wait.until - 3600)


async def test_a_timeout_says_until_when(engine, loop, stook):
    async def waits():
        async with engine.timeout(100):
            await loop.create_future()

    task = engine.create_task(waits())
    await settle(engine)
    wait = info_of(stook, task).wait
    assert wait.kind == "future"
    assert loop.time() + 90 < wait.until <= loop.time() + 100
    assert wait.since is None
    await end_all(engine)


async def test_a_socket_and_a_stream_say_which_descriptor(engine, loop, stook):
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=other)
        receiving = engine.create_task(loop.sock_recv(one, 1))
        reading = engine.create_task(reader.read(1))
        await settle(engine)
        wait = info_of(stook, receiving).wait
        assert (wait.kind, wait.fd) == ("io", one.fileno())
        wait = info_of(stook, reading).wait
        assert (wait.kind, wait.what, wait.fd) == ("io", reader, other.fileno())
        receiving.cancel()
        reading.cancel()
        writer.close()
        await settle(engine)


async def test_a_job_of_an_executor(engine, loop, stook):
    let_go = threading.Event()

    async def waits():
        await loop.run_in_executor(None, let_go.wait)

    task = engine.create_task(waits())
    await settle(engine)
    assert info_of(stook, task).wait.kind == "executor"
    let_go.set()
    await task


@pytest.mark.lazy
async def test_states_of_a_task(engine, loop, stook):
    async def waits():
        await loop.create_future()

    created = engine.create_task(waits())
    assert info_of(stook, created).state == "created"
    assert info_of(stook, asyncio.current_task()).state == "running"
    await settle(engine)
    assert info_of(stook, created).state == "waiting"
    created._fut_waiter.set_result(None)
    info = info_of(stook, created)
    assert (info.state, info.wait) == ("ready", None)
    created.cancel()
    assert info_of(stook, created).cancelling == 1


async def test_who_waits_for_whom(engine, loop, stook):
    async def waits(task):
        await task

    last = engine.create_task(forever(engine), name="last")
    middle = engine.create_task(waits(last), name="middle")
    first = engine.create_task(waits(middle), name="first")
    await settle(engine)
    graph = stook.wait_graph()
    assert graph.waits_for(first) == (middle,)
    assert graph.waited_for_by(last) == (middle,)
    assert {(edge.waiter, edge.on, edge.kind) for edge in graph.edges} == {
        (first, middle, "task"),
        (middle, last, "task"),
    }
    assert graph.cycles == graph.stuck == ()
    assert len(graph) == 4
    assert graph.info(loop.create_future()) is None


async def two_locks(engine, names=("one", "other")):
    """Make two tasks each of which holds the lock that the other waits for."""
    locks = asyncio.Lock(), asyncio.Lock()

    async def both(first, second):
        async with first:
            await settle(engine)
            async with second:
                pass

    tasks = [
        engine.create_task(both(*locks), name=names[0]),
        engine.create_task(both(*locks[::-1]), name=names[1]),
    ]
    await settle(engine, 20)
    return tasks


async def test_a_cycle_of_locks_and_who_waits_for_it(engine, loop, stook):
    one, other = await two_locks(engine)

    async def waits():
        await engine.gather(one, other)

    waiter = engine.create_task(waits(), name="waiter")
    await settle(engine)
    graph = stook.wait_graph()
    (way,) = graph.cycles
    assert {(edge.waiter, edge.on, edge.kind) for edge in way} == {
        (one, other, "lock"),
        (other, one, "lock"),
    }
    assert set(graph.stuck) == {one, other, waiter}
    await end_all(engine)


async def test_a_cycle_with_a_timeout_is_one_and_goes_on(engine, loop, stook):
    locks = asyncio.Lock(), asyncio.Lock()

    async def both(first, second):
        async with first:
            await settle(engine)
            async with engine.timeout(3600):
                async with second:
                    pass

    engine.create_task(both(*locks))
    engine.create_task(both(*locks[::-1]))
    await settle(engine, 20)
    graph = stook.wait_graph()
    assert len(graph.cycles) == 1
    assert graph.stuck == ()
    await end_all(engine)


async def test_a_semaphore_that_others_may_release_goes_on(engine, loop, stook):
    for semaphore, is_stuck in ((asyncio.Semaphore(1), False), (asyncio.BoundedSemaphore(1), True)):

        async def both(task, semaphore=semaphore):
            async with semaphore:
                await task

        async def waits(semaphore=semaphore):
            await settle(engine)
            async with semaphore:
                pass

        waiter = engine.create_task(waits())
        holder = engine.create_task(both(waiter))
        await settle(engine, 20)
        graph = stook.wait_graph()
        assert len(graph.cycles) == 1
        assert (holder in graph.stuck) is (waiter in graph.stuck) is is_stuck
        await end_all(engine)


async def test_the_tree_shows_each_task_once_below_who_waits_for_it(engine, loop, stook):
    async def waits(task):
        await task

    last = engine.create_task(forever(engine), name="last")
    engine.create_task(waits(last), name="one")
    engine.create_task(waits(last), name="two")
    await settle(engine)
    out = io.StringIO()
    stook.print_tasks(file=out)
    lines = [line for line in out.getvalue().splitlines() if not line.lstrip().startswith("at ")]
    start = lines.index("one waits for last")
    assert lines[start + 1].startswith("  last waits for a sleep to end, for 3")
    assert lines[start + 2 : start + 4] == ["two waits for last", "  last, shown above"]


async def test_the_tree_names_a_cycle(engine, loop, stook):
    await two_locks(engine)
    said = str(stook.wait_graph())
    assert "one waits for a lock held by other" in said
    end = said[said.index("these wait for each other:") :].splitlines()
    assert sorted(line.partition(" at ")[0] for line in end[1:]) == [
        "  one waits (lock) for other",
        "  other waits (lock) for one",
    ]
    await end_all(engine)


def test_a_loop_that_does_not_run(engine, loop, stook):
    task = loop.create_task(forever(engine))
    assert [info.task for info in stook.tasks(loop)] == [task]
    assert stook.wait_graph(loop).edges == ()


def test_a_closed_loop(engine, loop, stook):
    loop.close()
    assert stook.tasks(loop) == []
    assert str(stook.wait_graph(loop)) == "no tasks"


def test_without_a_loop_and_with_what_is_none(stook):
    for ask in (stook.tasks, stook.wait_graph, stook.print_tasks):
        with pytest.raises(RuntimeError, match="no event loop is running in this thread"):
            ask()
        with pytest.raises(TypeError, match="an event loop or None is expected, not int"):
            ask(1)


@pytest.mark.parametrize("make", [Proxy, lambda: types.MethodType(Decorated(print), 1)])
async def test_what_a_task_holds_is_asked_for_nothing(engine, loop, stook, make):
    loop.set_debug(False)  # asyncio itself asks for the class of a callback in debug mode
    lock, thing = asyncio.Lock(), make()

    async def holds(thing):
        async with lock:
            await loop.create_future()

    timer = loop.call_later(3600, print, thing)
    other = loop.call_later(3600, thing)
    holder = engine.create_task(holds(thing), name="holder")
    waiter = engine.create_task(holds(thing), name="waiter")
    await settle(engine)
    assert stook.wait_graph().waits_for(waiter) == (holder,)
    timer.cancel(), other.cancel()
    await end_all(engine)


async def test_whether_the_end_of_one_may_be_enough(engine, loop, stook):
    child = engine.create_task(forever(engine))
    one, every = (
        engine.create_task(engine.wait([child], return_when=when))
        for when in (asyncio.FIRST_COMPLETED, asyncio.ALL_COMPLETED)
    )
    default = engine.create_task(engine.wait([child]))
    first = engine.create_task(engine.wait([child], return_when=asyncio.FIRST_EXCEPTION))
    await settle(engine)
    any_of = [info_of(stook, task).wait.any for task in (one, every, default, first)]
    assert any_of == [True, False, False, True]
    await end_all(engine)


def test_asking_keeps_nothing_alive_that_a_frame_has_let_go(engine, loop, stook):
    class Thing:
        pass

    async def waits():
        thing = Thing()
        seen.append(weakref.ref(thing))
        await engine.sleep(0)
        del thing
        await engine.sleep(3600)

    seen = []

    async def main():
        task = engine.create_task(waits())
        await engine.sleep(0)
        stook.tasks()
        await settle(engine)
        gc.collect()
        assert seen[0]() is None
        task.cancel()

    loop.run_until_complete(main())


def test_asked_while_the_interpreter_shuts_down(program):
    ended = program(
        "import asyncio, stook\n"
        "class Late:\n"
        "    def __init__(self, loop): self.loop = loop\n"
        "    def __del__(self, stook=stook):\n"
        "        try:\n"
        "            stook.tasks(self.loop)\n"
        "        except Exception as error:\n"
        "            print(type(error).__name__)\n"
        "        else:\n"
        "            print('answered')\n"
        "loop = stook.new_event_loop()\n"
        "loop.close()\n"
        "late = Late(loop)\n",
        options=(),
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() in ("answered", "ImportError")
    assert ended.stderr == ""


async def test_who_acquires_by_hand_inside_a_block_holds_that(engine, loop, stook):
    held, wanted = asyncio.Lock(), asyncio.Lock()
    await wanted.acquire()

    async def holds():
        async with held:
            await wanted.acquire()

    async def waits():
        async with held:
            pass

    holder = engine.create_task(holds())
    await settle(engine)
    waiter = engine.create_task(waits())
    await settle(engine)
    assert info_of(stook, waiter).wait.on == (holder,)
    assert info_of(stook, holder).wait.on == ()
    await end_all(engine)


@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Condition])
async def test_who_enters_a_lock_again_waits_for_itself(engine, loop, stook, kind):
    lock = kind()

    async def enters():
        async with lock:
            await enters_again()

    async def enters_again():
        async with lock:
            pass

    task = engine.create_task(enters(), name="both")
    await settle(engine)
    graph = stook.wait_graph()
    ((edge,),) = graph.cycles
    assert (edge.waiter, edge.on, edge.kind) == (task, task, "lock")
    assert graph.stuck == (task,)
    lines = [line for line in str(graph).splitlines() if not line.startswith("  at ")]
    assert lines[-3] == "both waits for a lock held by both"
    assert lines[-2] == "this one waits for itself:"
    assert lines[-1].startswith("  both waits (lock) for both at ")
    await end_all(engine)


class Unlocked(asyncio.Condition):
    """A condition of a program's own class, that does without a lock."""

    def __init__(self):
        self.entered = 0

    async def acquire(self):
        """Wait for ever from the second time on."""
        self.entered += 1
        if self.entered > 1:
            await asyncio.get_running_loop().create_future()

    def release(self):
        """Do nothing."""


class Broken(Unlocked):
    """One that cannot even be asked for it."""

    @property
    def _lock(self):
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", [Unlocked, Broken])
async def test_a_condition_that_has_no_lock_is_no_error(engine, loop, stook, kind):
    condition, lock = kind(), asyncio.Lock()

    async def holds():
        async with lock, condition:
            await loop.create_future()

    async def enters():
        async with condition:
            pass

    async def waits():
        async with lock:
            pass

    holder = engine.create_task(holds())
    await settle(engine)
    waiter, other = engine.create_task(waits()), engine.create_task(enters())
    await settle(engine)
    assert info_of(stook, waiter).wait.on == (holder,)
    assert info_of(stook, other).wait.kind == "future"
    await end_all(engine)


async def test_who_enters_a_semaphore_again_holds_it(engine, loop, stook):
    semaphore = asyncio.BoundedSemaphore(2)

    async def enters():
        async with semaphore:
            await settle(engine)
            async with semaphore:
                pass

    tasks = {engine.create_task(enters()) for _ in range(2)}
    await settle(engine, 20)
    graph = stook.wait_graph()
    assert all(set(graph.waits_for(task)) == tasks for task in tasks)
    assert set(graph.stuck) == tasks
    await end_all(engine)


@pytest.mark.anywhere
async def test_on_any_loop(engine, loop, stook):
    lock = asyncio.Lock()

    async def holds():
        async with lock:
            await asyncio.gather(asyncio.create_task(asyncio.sleep(3600), name="sleeper"))

    async def waits():
        async with lock:
            pass

    holder = asyncio.create_task(holds(), name="holder")
    await asyncio.sleep(0)
    waiter = asyncio.create_task(waits(), name="waiter")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    graph = stook.wait_graph()
    edges = {(edge.waiter, edge.kind, edge.on.get_name()) for edge in graph.edges}
    assert edges == {(waiter, "lock", "holder"), (holder, "gather", "sleeper")}
    assert "waiter waits for a lock held by holder" in str(graph)
    await end_all(asyncio)
