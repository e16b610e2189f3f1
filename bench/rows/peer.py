"""Runs the client of a row on input and output, in a process of its own (`client.py`).

The loop that is measured is the server. Its client is no loop, lest two be measured, and no thread
of the same process, lest it take the interpreter's lock from the loop. What is counted is the
server's processor time: what it waits for the client is no cost of the loop. The client has four
connections, so that a turn of the loop may have several of them to serve.
"""

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from driver.row import Clock, Lap, Stopwatch, WorkNotDone, expect, row

CLIENT = Path(__file__).resolve().parent / "client.py"

CONNECTIONS = 4
"""How many messages are on their way at a time."""

io_row = partial(row, clock=Clock.PROCESSOR, counts=False)
"""A row on input and output: no task control, and by the time of the measured process alone."""


async def round_trips(kind: str, address: object, size: int, count: int) -> Lap:
    """Time so many messages of so many bytes, there and back.

    Args:
        kind: How to connect, of `client.KINDS`.
        address: The server's, as sockets have it.
        size: The bytes of one message.
        count: How many messages all connections together send.

    Raises:
        WorkNotDone: The client did not get back what it sent.
    """
    rounds, rest = divmod(count, CONNECTIONS)
    expect(rest, 0)
    numbers = map(str, (size, CONNECTIONS, rounds))
    client = subprocess.Popen(
        [sys.executable, "-I", "-S", str(CLIENT), kind, json.dumps(address), *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        await _hear(client, "ready\n")
        with Stopwatch() as watch:
            _tell(client, "go\n")
            await _hear(client, f"{count}\n")
        loop = asyncio.get_running_loop()
        _, complaint = await loop.run_in_executor(None, client.communicate)
        expect((client.returncode, complaint), (0, ""))
    finally:
        client.kill()
        client.communicate()
    return watch.lap(count)


def _tell(client: subprocess.Popen[str], words: str) -> None:
    assert client.stdin is not None
    client.stdin.write(words)
    client.stdin.flush()


async def _hear(client: subprocess.Popen[str], words: str) -> None:
    assert client.stdout is not None
    loop = asyncio.get_running_loop()
    heard = await loop.run_in_executor(None, client.stdout.readline)
    if heard != words:
        client.kill()
        complaint = client.communicate()[1].strip().splitlines()
        reason = complaint[-1] if complaint else "no error"
        raise WorkNotDone(f"the client said {heard!r}, not {words!r}: {reason}")
