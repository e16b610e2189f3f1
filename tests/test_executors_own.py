"""The loop's own executor: jobs that go to and fro quickly, from several loops, and to the end."""

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import stook
from programs import output_of, run_python
from stook import _executor

COUNT = 500


async def one_after_the_other(loop):
    return [await loop.run_in_executor(None, pow, number, 2) for number in range(COUNT)]


SQUARES = [number**2 for number in range(COUNT)]


def test_every_result_comes_back():
    async def main():
        loop = asyncio.get_running_loop()
        assert await one_after_the_other(loop) == SQUARES
        side_by_side = await asyncio.gather(*[one_after_the_other(loop) for _ in range(5)])
        assert side_by_side == [SQUARES] * 5

    stook.run(main())


def test_jobs_that_take_longer_than_anybody_looks_come_back():
    async def main():
        loop = asyncio.get_running_loop()
        for seconds in [0, 0.0001, 0.001, 0] * 20:
            assert await loop.run_in_executor(None, time.sleep, seconds) is None

    stook.run(main())


def test_timers_and_other_threads_are_heard_while_there_are_jobs():
    async def main():
        loop = asyncio.get_running_loop()
        gate, heard = threading.Event(), asyncio.Event()
        job = loop.run_in_executor(None, gate.wait, 20)
        await asyncio.sleep(0.001)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=[heard.set])
        thread.start()
        await heard.wait()
        thread.join()
        gate.set()
        assert await job is True

    stook.run(main())


def test_loops_in_several_threads_have_an_executor_each():
    results = []

    def run():
        async def main():
            loop = asyncio.get_running_loop()
            results.append((loop._default_executor, await one_after_the_other(loop)))
            results.append((loop._default_executor, await one_after_the_other(loop)))

        stook.run(main())

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [squares for _, squares in results] == [SQUARES] * 6
    assert len({id(executor) for executor, _ in results if executor is not None}) == 3


def test_it_is_of_the_standard_class_and_each_loop_makes_one():
    async def main():
        loop = asyncio.get_running_loop()
        assert loop._default_executor is None
        await loop.run_in_executor(None, int)
        executor = loop._default_executor
        await asyncio.to_thread(int)
        assert loop._default_executor is executor
        return executor

    executor = stook.run(main())
    assert type(executor) is ThreadPoolExecutor
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(int)


def test_a_closed_loop_makes_none():
    loop = stook.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_in_executor(None, int)
    assert loop._default_executor is None


def test_the_queue_tells_of_each_job(monkeypatch):
    told = []

    class Handoff:
        def __getattr__(self, name):
            return lambda *_: told.append(name)

    jobs = _executor._Jobs(Handoff())
    jobs.put("first")
    jobs.put("second", False)
    assert jobs.get(block=True) == "first"
    assert jobs.get_nowait() == "second"
    assert told == ["offer", "offer", "look", "take", "take"]


def test_a_job_is_offered_before_a_thread_can_take_it():
    class Slow(queue.SimpleQueue):
        """A queue in which each item is taken before putting it returns."""

        def put(self, item, block=True, timeout=None):
            super().put(item, block, timeout)
            assert taken.acquire(timeout=20)

    class SlowJobs(_executor._Jobs, Slow):
        pass

    def take():
        for number in range(3):
            assert jobs.get() == number
            taken.release()

    taken = threading.Semaphore(0)
    handoff = stook._core._Handoff()
    jobs = SlowJobs(handoff)
    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    for number in range(3):
        jobs.put(number)
        assert handoff.offered == 0
    thread.join()


def test_a_job_that_cannot_be_put_is_not_offered():
    class Full(queue.SimpleQueue):
        def put(self, item, block=True, timeout=None):
            offered.append(handoff.offered)
            raise MemoryError

    class FullJobs(_executor._Jobs, Full):
        pass

    offered = []
    handoff = stook._core._Handoff()
    with pytest.raises(MemoryError):
        FullJobs(handoff).put("job")
    assert (offered, handoff.offered) == ([1], 0)
    with pytest.raises(AttributeError):
        handoff.offered = 1


def test_after_thousands_of_jobs_from_several_threads_nothing_is_offered():
    async def main():
        executor = _executor.new(asyncio.get_running_loop())
        jobs = executor._work_queue

        def submit():
            futures = [executor.submit(pow, number, 2) for number in range(2000)]
            assert sum(future.result() for future in futures) == sum(n**2 for n in range(2000))

        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert (jobs.qsize(), jobs._handoff.offered) == (0, 0)
        executor.shutdown()

    stook.run(main())


def test_an_empty_queue_is_told_as_ever():
    jobs = _executor._Jobs(stook._core._Handoff())
    for get in [
        jobs.get_nowait,
        lambda: jobs.get(block=False),
        lambda: jobs.get(timeout=0.001),
    ]:
        with pytest.raises(queue.Empty):
            get()
    with pytest.raises(ValueError, match="non-negative"):
        jobs.get(timeout=-1)
    jobs.put(None)
    assert (jobs.qsize(), jobs.empty(), jobs.get()) == (1, False, None)


def test_only_a_loop_of_stook_is_served():
    loop = asyncio.unix_events._UnixSelectorEventLoop()
    try:
        for other in [loop, 5, None]:
            with pytest.raises(TypeError, match="a loop of stook is expected"):
                stook._core._Handoff().serve(other)
    finally:
        loop.close()


@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "raise SystemExit(0)",
        "loop._default_executor = None",
        "loop.run_in_executor(None, time.sleep, 0.05)",
    ],
)
def test_a_program_ends_with_its_threads(end):
    program = f"""
import asyncio, time, stook
async def main():
    loop = asyncio.get_running_loop()
    for _ in range(20):
        await loop.run_in_executor(None, int)
    {end}
loop = stook.new_event_loop()
loop.run_until_complete(main())
"""
    # In debug mode a loop that is not closed is warned of.
    ended = run_python(["-c", program], environment={"PYTHONASYNCIODEBUG": ""})
    assert output_of(ended) == ""
