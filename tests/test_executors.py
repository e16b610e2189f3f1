"""Work in threads: ``run_in_executor``, ``to_thread``, and the end of the default executor."""

import concurrent.futures
import contextvars
import threading

import pytest

number = contextvars.ContextVar("number", default=0)


async def test_result_and_error_come_back(engine, loop):
    def fail():
        raise LookupError("in a thread")

    assert await loop.run_in_executor(None, pow, 2, 10) == 1024
    with pytest.raises(LookupError, match="in a thread"):
        await loop.run_in_executor(None, fail)


async def test_it_runs_in_another_thread(engine, loop):
    assert await loop.run_in_executor(None, threading.get_ident) != threading.get_ident()
    assert (await loop.run_in_executor(None, threading.current_thread)).name.startswith("asyncio_")


async def test_given_executor_is_used(engine, loop):
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        thread = await loop.run_in_executor(executor, threading.current_thread)
        assert thread.name.startswith("mine_")


async def test_default_executor_can_be_set(engine, loop):
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="set"))
    thread = await loop.run_in_executor(None, threading.current_thread)
    assert thread.name.startswith("set_")


def test_default_executor_must_be_one_of_threads(loop):
    with pytest.raises(TypeError, match="must be ThreadPoolExecutor"):
        loop.set_default_executor(5)


async def test_to_thread_carries_the_context(engine, loop):
    number.set(6)
    assert await engine.to_thread(number.get) == 6
    assert await engine.to_thread(pow, 2, exp=3) == 8


async def test_many_at_once(engine, loop):
    jobs = [loop.run_in_executor(None, pow, index, 2) for index in range(200)]
    assert await engine.gather(*jobs) == [index**2 for index in range(200)]


async def test_loop_runs_meanwhile(engine, loop):
    gate = threading.Event()
    job = loop.run_in_executor(None, gate.wait, 20)
    turns = 0
    while turns < 100:
        await engine.sleep(0)
        turns += 1
    assert not job.done()
    gate.set()
    assert await job is True


async def test_cancelled_job_is_not_waited_for(engine, loop):
    gate = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        running = loop.run_in_executor(executor, gate.wait, 20)
        queued = loop.run_in_executor(executor, print, "never")
        queued.cancel()
        with pytest.raises(engine.CancelledError):
            await queued
        gate.set()
        assert await running is True


async def test_bad_functions_are_refused_in_debug_mode(engine, loop):
    async def body(): ...

    loop.set_debug(True)
    with pytest.raises(TypeError, match=r"coroutines cannot be used with run_in_executor\(\)"):
        loop.run_in_executor(None, body)
    with pytest.raises(TypeError, match="a callable object was expected by run_in_executor"):
        loop.run_in_executor(None, 5)


def test_default_executor_is_shut_down_once_and_then_refused(engine, loop):
    async def main():
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
            loop.run_in_executor(None, int)

    loop.run_until_complete(main())


def test_run_waits_for_the_threads(engine):
    done = []

    async def main():
        loop = engine.get_running_loop()
        gate = threading.Event()

        def work():
            gate.wait(20)
            done.append(True)

        loop.run_in_executor(None, work)
        loop.call_later(0.001, gate.set)
        await engine.sleep(0.002)

    engine.run(main())
    assert done == [True]


async def test_wrap_future_follows_in_both_directions(engine, loop):
    outside = concurrent.futures.Future()
    inside = engine.wrap_future(outside, loop=loop)
    assert isinstance(inside, engine.Future)
    assert engine.wrap_future(inside) is inside
    threading.Timer(0.001, outside.set_result, ["shared"]).start()
    assert await inside == "shared"
    outside = concurrent.futures.Future()
    inside = engine.wrap_future(outside, loop=loop)
    inside.cancel()
    await engine.sleep(0)
    assert outside.cancelled()
