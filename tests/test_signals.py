"""Signals reach the loop as callbacks, and Ctrl-C ends a run."""

import asyncio
import contextlib
import os
import signal
import threading

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="POSIX signals")


def test_handler_gets_its_arguments(loop):
    seen = []

    def handler(*arguments):
        seen.append(arguments)
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handler, 1, "two")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    assert seen == [(1, "two")]
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_signal_wakes_an_idle_loop(loop):
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    loop.run_forever()
    timer.join()
    loop.remove_signal_handler(signal.SIGUSR1)


def test_later_handler_replaces_the_earlier(loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "first")
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "second")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    loop.remove_signal_handler(signal.SIGUSR1)
    assert seen == ["second"]


def test_removing_restores_the_default_disposition(loop):
    before = signal.getsignal(signal.SIGUSR2)
    loop.add_signal_handler(signal.SIGUSR2, print)
    assert signal.getsignal(signal.SIGUSR2) != before
    loop.remove_signal_handler(signal.SIGUSR2)
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


def test_closing_removes_handlers(engine):
    loop = engine.new_event_loop()
    loop.add_signal_handler(signal.SIGUSR2, print)
    loop.close()
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


def test_bad_input_is_refused(loop):
    async def body(): ...

    with pytest.raises(TypeError, match="coroutines cannot be used with add_signal_handler"):
        loop.add_signal_handler(signal.SIGUSR1, body)
    with pytest.raises(TypeError, match="sig must be an int"):
        loop.add_signal_handler("SIGUSR1", print)
    with pytest.raises(ValueError, match="invalid signal number"):
        loop.add_signal_handler(5000, print)
    with pytest.raises(RuntimeError, match="sig .* cannot be caught"):
        loop.add_signal_handler(signal.SIGKILL, print)


def test_only_the_main_thread_may_add(engine):
    errors = []

    def add():
        with contextlib.closing(engine.new_event_loop()) as loop:
            try:
                loop.add_signal_handler(signal.SIGUSR1, print)
            except (ValueError, RuntimeError) as error:
                errors.append(type(error))

    thread = threading.Thread(target=add)
    thread.start()
    thread.join()
    assert errors == [RuntimeError]


def test_error_in_a_handler_is_reported(loop, reports):
    def fail():
        loop.stop()
        raise LookupError("in a signal handler")

    loop.add_signal_handler(signal.SIGUSR1, fail)
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    loop.remove_signal_handler(signal.SIGUSR1)
    assert isinstance(reports[0]["exception"], LookupError)


class TestInterrupt:
    """SIGINT under a runner cancels the main task; a second one stops at once."""

    def test_interrupt_cancels_the_main_task(self, engine):
        cleaned = []

        async def main():
            engine.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            try:
                await engine.sleep(30)
            except engine.CancelledError:
                cleaned.append("cleaned")
                raise

        with pytest.raises(KeyboardInterrupt):
            engine.run(main())
        assert cleaned == ["cleaned"]

    def test_interrupt_of_a_busy_task(self, engine):
        async def main():
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                await engine.sleep(0)

        with pytest.raises(KeyboardInterrupt):
            engine.run(main())

    def test_interrupt_that_is_swallowed_lets_main_end(self, engine):
        async def main():
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await engine.sleep(30)
            except engine.CancelledError:
                return "ended well"

        assert engine.run(main()) == "ended well"

    def test_second_interrupt_stops_at_once(self, engine):
        async def main():
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await engine.sleep(30)
            except engine.CancelledError:
                os.kill(os.getpid(), signal.SIGINT)
                await engine.sleep(30)

        with pytest.raises(KeyboardInterrupt):
            engine.run(main())

    def test_handler_of_the_program_is_left_alone(self, engine):
        seen = []
        previous = signal.signal(signal.SIGINT, lambda *_: seen.append("mine"))
        try:

            async def main():
                os.kill(os.getpid(), signal.SIGINT)
                await engine.sleep(0)

            engine.run(main())
        finally:
            signal.signal(signal.SIGINT, previous)
        assert seen == ["mine"]

    def test_interrupt_of_a_loop_without_a_runner(self, loop):
        loop.call_soon(signal.raise_signal, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        assert not loop.is_running()
        assert asyncio._get_running_loop() is None

    def test_interrupt_of_a_waiting_loop_without_a_runner(self, loop):
        timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
        loop.call_soon(timer.start)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        timer.join()
