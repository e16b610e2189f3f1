"""What other threads and signals write to a loop is read as asyncio reads it."""

import asyncio
import contextlib
import textwrap

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

PROGRAMS = {
    "signals and threads": """
        import asyncio, os, signal, threading
        async def main():
            loop = asyncio.get_running_loop()
            got = []
            for number in (signal.SIGUSR1, signal.SIGUSR2):
                loop.add_signal_handler(number, got.append, number.name)
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
                count = len(got)
                os.kill(os.getpid(), number)
                while len(got) == count:
                    await asyncio.sleep(0)
            calls = lambda: [loop.call_soon_threadsafe(got.append, n) for n in range(3)]
            thread = threading.Thread(target=calls)
            thread.start()
            while 2 not in got:
                await asyncio.sleep(0)
            thread.join()
            print(got, loop._read_from_self(), loop._write_to_self(), loop._write_to_self())
            print(loop._ssock.recv(10))
            return loop
        loop = asyncio.run(main())
        print(loop._csock, loop._write_to_self())
        try:
            loop._read_from_self()
        except AttributeError as error:
            print(error)
    """,
    "more than fits": """
        import asyncio
        async def main():
            loop = asyncio.get_running_loop()
            seen = []
            loop._process_self_data = seen.append
            for _ in range(3):
                loop._csock.send(b"\\0" * 5000 + b"\\1")
            await asyncio.sleep(0.01)
            print(sum(map(len, seen)), b"".join(seen).count(b"\\1"), loop._read_from_self())
            while True:
                try:
                    loop._csock.send(bytes(100000))
                except BlockingIOError:
                    break
            print(loop._write_to_self())
        asyncio.run(main())
    """,
    "methods and sockets of a program's own": """
        import asyncio, contextlib, threading
        from unittest import mock
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            plain = type(loop)
        class Loop(plain):
            def _process_self_data(self, data):
                print("data", set(data))
                super()._process_self_data(data)
        class Writing(Loop):
            def _write_to_self(self):
                print("writes")
                super()._write_to_self()
        async def main():
            loop = asyncio.get_running_loop()
            later = threading.Timer(0.05, loop.call_soon_threadsafe, (print, "called"))
            later.start()
            await asyncio.sleep(0.2)
            later.join()
            kept, loop._csock = loop._csock, mock.Mock()
            loop._write_to_self()
            print(loop._csock.mock_calls)
            loop._csock, kept = kept, loop._csock
            kept, loop._ssock = loop._ssock, mock.Mock()
            loop._ssock.recv.side_effect = [b"\\0", InterruptedError, b"", b"x"]
            loop._read_from_self()
            print(loop._ssock.mock_calls)
            loop._ssock = kept
        for kind in (Loop, Writing):
            with asyncio.Runner(loop_factory=kind) as runner:
                runner.run(main())
    """,
    "other classes, and methods that were replaced": """
        import asyncio, contextlib
        from asyncio import selector_events
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            plain = type(loop)
        class Left(plain):
            pass
        class Right(asyncio.SelectorEventLoop):
            def _write_to_self(self):
                print("told to write")
            def _read_from_self(self):
                print("told to read")
        class Loop(Left, Right):
            pass
        def replaced(loop):
            print("replaced", loop._csock is None)
        async def main():
            loop = asyncio.get_running_loop()
            loop._write_to_self()
            loop._read_from_self()
        for kind in (Loop, plain):
            with asyncio.Runner(loop_factory=kind) as runner:
                runner.run(main())
            selector_events.BaseSelectorEventLoop._write_to_self = replaced
            selector_events.BaseSelectorEventLoop._read_from_self = replaced
    """,
    "closed": """
        import asyncio, logging, socket
        class Shown(logging.Handler):
            def emit(self, record):
                if record.exc_info:
                    print(record.msg, record.exc_info[1])
        logging.getLogger("asyncio").setLevel(logging.DEBUG)
        logging.getLogger("asyncio").addHandler(Shown())
        async def main():
            loop = asyncio.get_running_loop()
            kept, loop._csock = loop._csock, socket.socket()
            loop._csock.close()
            print(loop._write_to_self())
            loop._debug = True
            print(loop._write_to_self())
            loop._debug, loop._csock = False, kept
        asyncio.run(main())
    """,
}


def test_a_loop_without_a_selector_has_nothing_to_write_to():
    from stook.events import Scheduling

    class Loop(Scheduling, asyncio.BaseEventLoop):
        pass

    with contextlib.closing(Loop()) as loop:
        with pytest.raises(NotImplementedError):
            loop._write_to_self()
        with pytest.raises(AttributeError):
            loop._read_from_self()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_is_written_and_read(name, tmp_path):
    outcome = Workplace(tmp_path).same(textwrap.dedent(PROGRAMS[name]))
    assert outcome.status == 0
    assert outcome.output
