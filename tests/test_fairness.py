"""A task that is always ready must not keep anyone else from running."""

import os
import signal
import socket
import threading
import time

import pytest

from slowness import SLOWNESS

PATIENCE_SECONDS = 10.0 * SLOWNESS
COARSE = 6
"""`CLOCK_MONOTONIC_COARSE` of Linux, for which `time` has no name."""


class Busy:
    """A task that yields for ever, and counts."""

    def __init__(self, engine, loop):
        self.engine = engine
        self.turns = 0
        self.deadline = loop.time() + PATIENCE_SECONDS
        self.loop = loop

    async def until(self, condition):
        """Yield until ``condition()`` holds; fail when it takes far too long."""
        while not condition():
            self.turns += 1
            await self.engine.sleep(0)
            assert self.loop.time() < self.deadline, f"starved for {self.turns} turns"


@pytest.fixture
def busy(engine, loop):
    """Give a task that is always ready."""
    return Busy(engine, loop)


async def test_socket_is_not_starved(busy, loop):
    here, there = socket.socketpair()
    with here, there:
        heard = []
        here.setblocking(False)
        loop.add_reader(here, lambda: heard.append(here.recv(10)))
        there.send(b"hello")
        await busy.until(lambda: heard)
        loop.remove_reader(here)
        assert heard == [b"hello"]


async def test_socket_that_can_be_written_is_not_starved(busy, loop):
    here, there = socket.socketpair()
    with here, there:
        asked = []
        loop.add_writer(here, asked.append, True)
        await busy.until(lambda: asked)
        loop.remove_writer(here)


async def test_signal_is_not_starved(busy, loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, True)
    os.kill(os.getpid(), signal.SIGUSR1)
    await busy.until(lambda: seen)
    loop.remove_signal_handler(signal.SIGUSR1)


async def test_other_thread_is_not_starved(busy, loop):
    seen = []
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(seen.append, True))
    thread.start()
    await busy.until(lambda: seen)
    thread.join()


async def test_timer_is_not_starved(busy, loop):
    seen = []
    loop.call_later(0.002, seen.append, True)
    await busy.until(lambda: seen)


async def test_timer_that_is_due_runs_in_the_same_turn_as_ever(busy, engine, loop):
    order = []
    loop.call_at(loop.time() - 1, order.append, "timer")
    await engine.sleep(0)
    await engine.sleep(0)
    assert order == ["timer"]


def test_single_turn_hands_on_the_events_that_are_there(loop, turns):
    here, there = socket.socketpair()
    with here, there:
        heard = []
        here.setblocking(False)
        loop.add_reader(here, lambda: heard.append(here.recv(10)))
        for message in (b"one", b"two", b"three"):
            turns()
            there.send(message)
            turns()
            assert heard.pop() == message
        loop.remove_reader(here)


async def test_an_event_that_follows_another_is_seen_in_the_turn_in_which_it_is_there(engine, loop):
    here, there = socket.socketpair()
    with here, there:
        heard = []
        here.setblocking(False)
        loop.add_reader(here, lambda: heard.append(here.recv(10)))
        for _ in range(100):
            there.send(b"x")
            await engine.sleep(0)  # The next turn sees it, after what was ready before,
            await engine.sleep(0)  # and has run the reader by now.
            assert heard.pop() == b"x"
        loop.remove_reader(here)


async def test_an_event_of_a_long_turn_is_seen_in_the_next_turn(engine, loop):
    here, there = socket.socketpair()
    with here, there:
        heard = []
        here.setblocking(False)
        loop.add_reader(here, lambda: heard.append(here.recv(10)))
        for number in range(4):
            for _ in range(150 + number):  # Quick turns without an event.
                await engine.sleep(0)
            there.send(b"x")
            wait_for_a_tick()
            await engine.sleep(0)
            await engine.sleep(0)
            assert heard.pop() == b"x"
        loop.remove_reader(here)


def wait_for_a_tick():
    """Hold the loop until the clock by which it knows that time has passed goes on."""
    before = time.clock_gettime(COARSE)
    while time.clock_gettime(COARSE) == before:
        pass


async def test_executor_is_not_starved(busy, loop):
    job = loop.run_in_executor(None, pow, 2, 5)
    await busy.until(job.done)
    assert job.result() == 32


async def test_callbacks_that_reschedule_themselves_do_not_starve_a_socket(engine, loop):
    here, there = socket.socketpair()
    with here, there:
        heard = loop.create_future()
        here.setblocking(False)
        loop.add_reader(here, lambda: heard.done() or heard.set_result(here.recv(10)))
        running = True

        def again():
            if running:
                loop.call_soon(again)

        for _ in range(10):
            loop.call_soon(again)
        there.send(b"x")
        assert await engine.wait_for(heard, PATIENCE_SECONDS) == b"x"
        running = False
        loop.remove_reader(here)


async def test_two_sockets_and_a_busy_task_share(busy, engine, loop):
    pairs = [socket.socketpair() for _ in range(2)]
    counts = [0, 0]

    async def echo(index):
        here, there = pairs[index]
        here.setblocking(False)
        there.setblocking(False)
        for _ in range(20):
            await loop.sock_sendall(there, b"ping")
            assert await loop.sock_recv(here, 4) == b"ping"
            counts[index] += 1

    jobs = [loop.create_task(echo(index)) for index in range(2)]
    await busy.until(lambda: all(job.done() for job in jobs))
    await engine.gather(*jobs)
    assert counts == [20, 20]
    for pair in pairs:
        for end in pair:
            end.close()


async def test_flood_from_a_thread_does_not_starve_the_loop(engine, loop):
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            for _ in range(100):
                loop.call_soon_threadsafe(int)
            stop.wait(0.0005)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(50):
            await engine.sleep(0)
        await engine.sleep(0.002)
    finally:
        stop.set()
        thread.join()


def test_idle_loop_sleeps(engine):
    # A loop that spins instead of sleeping uses as much processor time as passes on the clock.
    shares = []

    async def main():
        loop = engine.get_running_loop()
        start_cpu, start = os.times(), loop.time()
        await engine.sleep(0.3)
        end_cpu, end = os.times(), loop.time()
        used = (end_cpu.user + end_cpu.system) - (start_cpu.user + start_cpu.system)
        shares.append(used / (end - start))

    engine.run(main())
    assert shares[0] < 0.5
