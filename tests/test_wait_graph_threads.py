"""``stook.tasks`` and ``stook.wait_graph`` of a loop that another thread runs."""

import asyncio
import socket
import sys
import threading
import time

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    return stook


async def settle(engine, turns=5):
    """Give tasks some turns of the loop to get to where they wait."""
    for _ in range(turns):
        await engine.sleep(0)


async def test_of_a_loop_of_another_thread(engine, loop, stook):
    task = engine.create_task(engine.sleep(3600), name="sleeper")
    await settle(engine)
    told = await loop.run_in_executor(None, stook.tasks, loop)
    (info,) = [info for info in told if info.task is task]
    assert (info.state, info.wait.kind) == ("waiting", "sleep")
    with pytest.raises(RuntimeError, match="no event loop"):
        await loop.run_in_executor(None, stook.tasks)


def test_of_a_loop_that_is_busy_in_another_thread(engine, loop, stook):
    """Whatever is seen of tasks that start, wait and end meanwhile: an answer."""
    stop = threading.Event()

    async def short():
        lock = asyncio.Lock()
        async with lock:
            await engine.gather(engine.sleep(0), engine.sleep(0.0001))

    async def busy():
        while not stop.is_set():
            await engine.gather(*(short() for _ in range(20)))

    thread = threading.Thread(target=loop.run_until_complete, args=(busy(),))
    thread.start()
    try:
        graphs = [stook.wait_graph(loop) for _ in range(300)]
        assert all(str(graph) for graph in graphs)
    finally:
        stop.set()
        thread.join()


async def in_a_group(engine, future):
    async with engine.TaskGroup() as group:
        group.create_task(engine.wait([future]))


async def notified(engine, future):
    condition = asyncio.Condition()

    async def notify():
        await future
        async with condition:
            condition.notify()

    notifies = engine.create_task(notify())
    async with condition:
        await condition.wait()
    await notifies


async def one_of_two(engine, future):
    await engine.wait([future, future.get_loop().create_future()], return_when="FIRST_COMPLETED")


@pytest.mark.parametrize(
    ("waits", "look"),
    [(in_a_group, "_group"), (notified, "_condition"), (one_of_two, "_several")],
)
def test_of_a_task_that_ends_while_another_thread_looks_at_it(engine, loop, stook, waits, look):
    looked_at = []

    async def main():
        future = loop.create_future()
        task = engine.create_task(waits(engine, future), name="ends")
        await settle(engine)

        def end_first(frame, event, _argument):
            if event == "call" and frame.f_code.co_name == look:
                sys.setprofile(None)
                looked_at.append(True)
                loop.call_soon_threadsafe(future.set_result, None)
                while not task.done():
                    time.sleep(0)

        def ask():
            sys.setprofile(end_first)
            try:
                return stook.tasks(loop)
            finally:
                sys.setprofile(None)

        told = await loop.run_in_executor(None, ask)
        assert task.done()
        return {info.name: info.state for info in told}

    told = loop.run_until_complete(main())
    assert looked_at
    assert told["ends"] == "waiting"


def test_of_a_loop_that_watches_descriptors_in_another_thread(engine, loop, stook):
    stop = threading.Event()
    pairs = [socket.socketpair() for _ in range(40)]

    async def busy():
        while not stop.is_set():
            for one, _other in pairs:
                loop.add_reader(one, print)
            await engine.sleep(0)
            for one, _other in pairs:
                loop.remove_reader(one)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=loop.run_until_complete, args=(busy(),))
    thread.start()
    sys.setswitchinterval(1e-6)
    try:
        assert all(stook.tasks(loop) is not None for _ in range(2000))
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()
        for each in [end for pair in pairs for end in pair]:
            each.close()
