"""Loops and threads: waking a loop from outside, a loop per thread, a forked child."""

import asyncio
import os
import threading

import pytest


@pytest.fixture
def in_thread():
    """Run functions in threads of their own and raise what they raise at the end."""
    threads, errors = [], []

    def start(function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_idle_loop_is_woken_by_another_thread(loop, in_thread):
    idle = threading.Event()
    loop.call_soon(idle.set)

    def wake():
        idle.wait(10)
        loop.call_soon_threadsafe(loop.stop)

    in_thread(wake)
    loop.run_forever()


def test_callbacks_of_one_thread_keep_their_order(loop, in_thread):
    order = []

    def produce():
        for index in range(5000):
            loop.call_soon_threadsafe(order.append, index)
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(in_thread, produce)
    loop.run_forever()
    assert order == list(range(5000))


def test_callbacks_of_many_threads_all_arrive(loop, in_thread):
    counts = [0] * 4
    left = [4]

    def count(which):
        counts[which] += 1

    def finish():
        left[0] -= 1
        if not left[0]:
            loop.stop()

    def produce(which):
        for _ in range(2000):
            loop.call_soon_threadsafe(count, which)
        loop.call_soon_threadsafe(finish)

    for which in range(4):
        in_thread(produce, which)
    loop.run_forever()
    assert counts == [2000] * 4


def test_scheduled_before_the_run_from_a_thread(loop, in_thread):
    order = []
    in_thread(loop.call_soon_threadsafe, order.append, 1).join()
    loop.call_soon(order.append, 2)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert order == [1, 2]


def test_from_its_own_thread_the_order_with_call_soon_stays(loop, turns):
    order = []
    loop.call_soon(order.append, 1)
    loop.call_soon_threadsafe(order.append, 2)
    loop.call_soon(order.append, 3)
    loop.call_soon_threadsafe(order.append, 4)
    turns()
    assert order == [1, 2, 3, 4]


def test_handle_of_another_thread_can_be_cancelled(loop, in_thread, turns):
    handles = []
    in_thread(lambda: handles.append(loop.call_soon_threadsafe(handles.append, "never"))).join()
    handles[0].cancel()
    turns(2)
    assert len(handles) == 1


def test_closed_loop_refuses_a_thread(loop, in_thread):
    refused = []
    loop.close()

    def call():
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            loop.call_soon_threadsafe(print)
        refused.append(True)

    in_thread(call).join()
    assert refused == [True]


@pytest.mark.parametrize("name", ["call_soon", "call_later", "call_at"])
def test_debug_mode_refuses_other_threads_what_is_not_safe(loop, in_thread, name):
    text = "^Non-thread-safe operation invoked on an event loop other than the current one$"
    before = () if name == "call_soon" else (0,)

    def call():
        try:
            with pytest.raises(RuntimeError, match=text):
                getattr(loop, name)(*before, print)
        finally:
            loop.call_soon_threadsafe(loop.stop)

    loop.set_debug(True)
    loop.call_soon(in_thread, call)
    loop.run_forever()


def test_coroutine_is_run_from_another_thread(engine, loop, in_thread):
    async def work(value):
        await engine.sleep(0)
        if value is None:
            raise LookupError("across threads")
        return value

    results = []

    def ask():
        try:
            results.append(engine.run_coroutine_threadsafe(work(5), loop).result(10))
            with pytest.raises(LookupError, match="across threads"):
                engine.run_coroutine_threadsafe(work(None), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)

    in_thread(ask)
    loop.run_forever()
    assert results == [5]


def test_coroutine_run_from_another_thread_is_cancelled_from_there(engine, loop, in_thread):
    cancelled = []
    started = threading.Event()

    async def work():
        started.set()
        try:
            await loop.create_future()
        except engine.CancelledError:
            cancelled.append(True)
            raise
        finally:
            loop.call_soon(loop.stop)

    def ask():
        future = engine.run_coroutine_threadsafe(work(), loop)
        started.wait(10)
        future.cancel()

    in_thread(ask)
    loop.run_forever()
    assert cancelled == [True]


def test_a_loop_per_thread(engine, in_thread):
    results = {}

    async def main(name):
        loop = asyncio.get_running_loop()
        task = engine.current_task()
        total = 0
        for _ in range(300):
            await engine.sleep(0)
            total += sum(await engine.gather(*(double(i) for i in range(3))))
            assert asyncio.get_running_loop() is loop
            assert engine.current_task() is task
        results[name] = total

    async def double(number):
        await engine.sleep(0)
        return number * 2

    threads = [in_thread(engine.run, main(name)) for name in range(4)]
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), 1800)


def test_two_loops_talk(engine, in_thread):
    count = 500
    heard = []
    loops = {}
    ready = threading.Barrier(2)

    async def player(name, other):
        loop = loops[name] = asyncio.get_running_loop()
        inbox = engine.Queue()
        loops[name, "hear"] = inbox.put_nowait
        await loop.run_in_executor(None, ready.wait, 10)
        if name == "a":
            loops[other].call_soon_threadsafe(loops[other, "hear"], 0)
        while True:
            ball = await inbox.get()
            heard.append(ball)
            if ball < count:
                loops[other].call_soon_threadsafe(loops[other, "hear"], ball + 1)
            if ball >= count - 1:
                return

    threads = [in_thread(engine.run, player(*names)) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.join()
    assert heard == list(range(count + 1))


def test_loop_made_here_may_run_there(engine, in_thread):
    loop = engine.new_event_loop()

    async def main():
        await engine.sleep(0)
        return threading.get_ident()

    results = []
    in_thread(lambda: results.append(loop.run_until_complete(main()))).join()
    assert results[0] != threading.get_ident()
    assert loop.run_until_complete(main()) == threading.get_ident()
    loop.close()


def test_running_loop_is_a_matter_of_the_thread(engine, loop, in_thread):
    seen = []

    async def main():
        in_thread(lambda: seen.append(asyncio._get_running_loop())).join()
        in_thread(lambda: seen.append(engine._get_running_loop())).join()

    loop.run_until_complete(main())
    assert seen == [None, None]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
class TestFork:
    """A forked child has no running loop and may run a loop of its own."""

    def in_child(self, function):
        """Fork, run ``function`` in the child, and return the byte it gave."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            answer = b"!"
            try:
                answer = function()
            finally:
                os.write(writing, answer)
                os._exit(0)
        os.close(writing)
        try:
            answer = os.read(reading, 1)
        finally:
            os.close(reading)
        _, status = os.waitpid(child, 0)
        assert status == 0
        return answer

    def test_child_sees_no_running_loop(self, engine, loop):
        def look():
            loops = [asyncio._get_running_loop(), engine._get_running_loop()]
            return b"." if loops == [None, None] else b"x"

        async def main():
            return self.in_child(look)

        assert loop.run_until_complete(main()) == b"."

    def test_child_runs_its_own_loop(self, engine, loop):
        async def child_main():
            await engine.sleep(0.001)
            return sum(await engine.gather(*(engine.sleep(0, index) for index in range(5))))

        def run():
            other = engine.new_event_loop()
            total = other.run_until_complete(child_main())
            other.close()
            return b"." if total == 10 else b"x"

        async def main():
            answer = self.in_child(run)
            await engine.sleep(0)
            return answer

        assert loop.run_until_complete(main()) == b"."
