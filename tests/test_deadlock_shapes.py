"""Whatever tasks wait for: where nothing can go on, that is told."""

import textwrap

import pytest

pytestmark = pytest.mark.needs_stook

HEAD = """
import asyncio, os, socket
import stook

async def never():
    await asyncio.Event().wait()
"""

LONG_CHAIN = """
async def awaits(task):
    await task
async def main():
    task = asyncio.create_task(never())
    for _ in range(1000):
        task = asyncio.create_task(awaits(task))
    await task
"""
STUCK_PROGRAMS = {
    "a chain that is too long to be shown": LONG_CHAIN,
    "a task that has run the loop again": """
        stook.allow_nesting()
        async def again():
            asyncio.get_running_loop().run_until_complete(never())
        async def main():
            await asyncio.gather(again(), again())
    """,
    "a job that nobody has": """
        from concurrent import futures
        async def main():
            await asyncio.wrap_future(futures.Future())
    """,
    "a connection that nobody watches": """
        async def main():
            ends = socket.socketpair()
            reader, writer = await asyncio.open_connection(sock=ends[0])
            await asyncio.sleep(0)
            writer.transport.pause_reading()
            await reader.read()
    """,
    "a server that waits for one": """
        async def main():
            reading = asyncio.Event()
            def connected(reader, writer):
                writer.transport.pause_reading()
                reading.set()
            server = await asyncio.start_server(connected, "127.0.0.1", 0)
            with socket.create_connection(server.sockets[0].getsockname()):
                await reading.wait()
                server.close()
                await server.wait_closed()
                await never()
    """,
    "tasks of a class whose methods raise": """
        class Task(asyncio.Task):
            def get_name(self):
                raise LookupError
            get_coro = cancelling = get_stack = __repr__ = get_name
        class Number(asyncio.Task):
            def get_name(self):
                return 5
        async def main():
            loop = asyncio.get_running_loop()
            tasks = [kind(never(), loop=loop) for kind in (Task, Number) for _ in range(2)]
            tasks[0].cancel()
            await asyncio.wait(tasks[1:])
    """,
    "a future of a class that can be asked for nothing": """
        class Future(asyncio.Future):
            def __getattr__(self, name):
                raise LookupError(name)
        async def main():
            await Future(loop=asyncio.get_running_loop())
    """,
}


@pytest.mark.parametrize("body", STUCK_PROGRAMS.values(), ids=STUCK_PROGRAMS)
def test_whatever_waits_where_nothing_can_go_on_is_reported(program, body):
    ended = program(
        HEAD
        + textwrap.dedent(body)
        + textwrap.dedent("""
            def told(graph):
                print("told", len(str(graph)) > 0)
                os._exit(0)
            stook.on_deadlock(told)
            stook.run(main())
        """),
        options=("-u",),
        way="stock",
    )
    assert (ended.stderr, ended.stdout) == ("", "told True\n")


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ("stook.on_deadlock('raise'); stook.run(main())", 1),
        ("stook.on_deadlock('exit'); stook.run(main())", 70),
        ("stook.install(); stook.on_deadlock('exit'); asyncio.run(main())", 70),
    ],
)
def test_a_run_of_a_long_chain_ends_as_it_was_asked_to(program, runs, status):
    ended = program(HEAD + textwrap.dedent(LONG_CHAIN) + runs, options=(), way="stock")
    assert ended.returncode == status
    assert "nothing can go on: every task waits" in ended.stderr
    assert "RecursionError" not in ended.stderr
    assert ended.stderr.count("Traceback") == (1 if status == 1 else 0)
