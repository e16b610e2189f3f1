"""Many threads at once: a loop in each, or one loop that all of them wake.

The interpreter is told to change threads as often as it can, so that each step of one thread falls
between any two of another.
"""

import asyncio
import collections
import sys
import threading

import pytest

from slowness import SLOWNESS

PATIENCE_SECONDS = 20.0 * SLOWNESS


@pytest.fixture(autouse=True)
def hasty_switches():
    """Let the interpreter change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Threads:
    """Threads that are waited for, and whose errors come out.

    Args:
        count: How many there are.
        function: Called in each with the thread's number.
    """

    def __init__(self, count, function):
        self._function = function
        self._errors = []
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(count)
        ]

    def _run(self, number):
        try:
            self._function(number)
        except BaseException as error:
            self._errors.append(error)

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        alive = [thread for thread in self._threads if thread.is_alive()]
        if self._errors:
            raise self._errors[0]
        assert alive == []


def test_a_loop_in_each_of_many_threads(engine):
    """Each thread uses all of task control, and hands a message to the next thread's loop."""
    count = 64 if SLOWNESS == 1 else 8
    loops, inboxes = [None] * count, [None] * count
    ready, over = threading.Barrier(count), threading.Barrier(count)
    results = {}

    async def main(number):
        loop, task = asyncio.get_running_loop(), engine.current_task()
        loops[number], inboxes[number] = loop, engine.Queue()
        ready.wait(PATIENCE_SECONDS)
        after = (number + 1) % count
        loops[after].call_soon_threadsafe(inboxes[after].put_nowait, number)
        lock, event = engine.Lock(), engine.Event()
        seen = collections.Counter()

        async def work(index):
            async with lock:
                await engine.sleep(0)
                seen[index % 3] += 1
            if index == 5:
                event.set()
            await event.wait()
            assert asyncio.get_running_loop() is loop
            return index

        for _ in range(3):
            event.clear()
            total = sum(await engine.gather(*(work(index) for index in range(6))))
            done, pending = await engine.wait(
                [loop.create_task(engine.sleep(delay)) for delay in (0, 3600)],
                return_when=engine.FIRST_COMPLETED,
            )
            for sleeper in pending:
                sleeper.cancel()
            await engine.wait(pending)
            assert (len(done), [sleeper.cancelled() for sleeper in pending]) == (1, [True])
        async with engine.TaskGroup() as group:
            doubled = group.create_task(work(5))
        with pytest.raises(TimeoutError):
            await engine.wait_for(engine.Event().wait(), 0.001)
        assert engine.current_task() is task
        message = await engine.wait_for(inboxes[number].get(), PATIENCE_SECONDS)
        results[number] = (total, doubled.result(), message, seen.total(), len(engine.all_tasks()))

    def run(number):
        engine.run(main(number))
        over.wait(PATIENCE_SECONDS)

    Threads(count, run).start().join()
    assert results == {number: (15, 5, (number - 1) % count, 19, 1) for number in range(count)}


@pytest.fixture(params=["idle", "sleeping", "busy", "in short sleeps", "waiting twice"])
def occupied(request, engine, loop):
    """Let the loop be in some state; return what ends that."""

    async def spin():
        while True:
            await engine.sleep(0)

    async def nap():
        while True:
            await engine.sleep(0.0001)

    async def fall_asleep_again():
        while True:
            future = loop.create_future()
            loop.call_soon(loop.call_soon, future.cancel)
            await engine.wait([future])
            await engine.sleep(0.0002)

    if request.param == "idle":
        return
    if request.param == "sleeping":
        loop.call_later(3600, print)
        return
    kind = {"busy": spin, "in short sleeps": nap}.get(request.param, fall_asleep_again)
    loop.create_task(kind())


@pytest.mark.usefixtures("occupied")
def test_no_wake_up_is_lost(loop):
    """Each thread waits for its callback before it sends the next: a lost one is never made up."""
    producers, rounds = 6, 150
    left = [producers]
    late = []

    def finish():
        left[0] -= 1
        if not left[0]:
            loop.stop()

    def produce(number):
        try:
            for index in range(rounds):
                arrived = threading.Event()
                loop.call_soon_threadsafe(arrived.set)
                if not arrived.wait(PATIENCE_SECONDS):
                    late.append((number, index))
                    break
        finally:
            loop.call_soon_threadsafe(finish)

    threads = Threads(producers, produce)
    loop.call_soon(threads.start)
    loop.run_forever()
    threads.join()
    assert late == []


def test_bursts_arrive_whole_and_in_the_order_of_each_thread(loop):
    producers, bursts, size = 8, 20, 25
    heard = collections.defaultdict(list)
    left = [producers]

    def hear(number, index):
        heard[number].append(index)

    def finish():
        left[0] -= 1
        if not left[0]:
            loop.stop()

    def produce(number):
        for burst in range(bursts):
            for index in range(size):
                loop.call_soon_threadsafe(hear, number, burst * size + index)
            # The loop falls asleep in between.
            caught_up = threading.Event()
            loop.call_soon_threadsafe(caught_up.set)
            assert caught_up.wait(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(finish)

    threads = Threads(producers, produce)
    loop.call_soon(threads.start)
    loop.run_forever()
    threads.join()
    assert heard == {number: list(range(bursts * size)) for number in range(producers)}


def test_loops_close_while_threads_still_call(engine):
    """A call is carried out, or dropped with the loop, or refused: nothing else, and no crash."""
    for _ in range(10):
        loop = engine.new_event_loop()
        ran = collections.defaultdict(list)
        accepted = collections.Counter()
        refused = []
        calling = threading.Semaphore(0)

        def produce(number, loop=loop, ran=ran, accepted=accepted, refused=refused, go=calling):
            try:
                while True:
                    loop.call_soon_threadsafe(ran[number].append, accepted[number])
                    accepted[number] += 1
                    if accepted[number] == 5:
                        go.release()
            except RuntimeError as error:
                refused.append(str(error))

        threads = Threads(3, produce).start()
        for _ in range(3):
            assert calling.acquire(timeout=PATIENCE_SECONDS)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        threads.join()
        assert refused == ["Event loop is closed"] * 3
        for number, indices in ran.items():
            assert indices == list(range(len(indices)))
            assert len(indices) <= accepted[number]


def test_coroutines_come_from_many_threads(engine, loop):
    producers, rounds = 8, 40
    left = [producers]
    outcomes = []

    async def work(number, index):
        await engine.sleep(0.0001 if index % 4 == 0 else 0)
        if index % 4 == 1:
            raise LookupError(number, index)
        if index % 4 == 2:
            await loop.create_future()
        return number, index

    def finish():
        left[0] -= 1
        if not left[0]:
            loop.stop()

    def produce(number):
        try:
            for index in range(rounds):
                future = engine.run_coroutine_threadsafe(work(number, index), loop)
                if index % 4 == 1:
                    error = future.exception(PATIENCE_SECONDS)
                    assert error.args == (number, index)
                elif index % 4 == 2:
                    assert future.cancel()
                else:
                    assert future.result(PATIENCE_SECONDS) == (number, index)
                outcomes.append(index % 4)
        finally:
            loop.call_soon_threadsafe(finish)

    threads = Threads(producers, produce)
    loop.call_soon(threads.start)
    loop.run_forever()
    threads.join()
    assert collections.Counter(outcomes) == dict.fromkeys(range(4), producers * rounds // 4)


def test_one_loop_goes_from_thread_to_thread(engine):
    loop = engine.new_event_loop()
    taking_turns = threading.Lock()
    idents = []

    async def main():
        await engine.gather(*(engine.sleep(0) for _ in range(3)))
        idents.append(threading.get_ident())
        assert asyncio.get_running_loop() is loop
        return await loop.run_in_executor(None, sum, (1, 2))

    def run(_):
        for _ in range(5):
            with taking_turns:
                assert loop.run_until_complete(main()) == 3
                assert asyncio._get_running_loop() is None

    Threads(8, run).start().join()
    assert len(idents) == 40 and len(set(idents)) > 1
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
