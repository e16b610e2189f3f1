"""The pipes of a child process. Starting and ending it is not measured, nor is its time.

One operation is one message, into the child and back.
"""

import asyncio

from driver.row import Lap, Stopwatch, expect
from rows.peer import io_row


@io_row("io/subprocess_1k", "1 KiB through a child's pipes, into `cat` and out")
async def subprocess_1k() -> Lap:
    count, size = 1_000, 1024
    messages = [number.to_bytes(8) * (size // 8) for number in range(count)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
    assert child.stdin is not None and child.stdout is not None
    echoes = []
    with Stopwatch() as watch:
        for message in messages:
            child.stdin.write(message)
            await child.stdin.drain()
            echoes.append(await child.stdout.readexactly(size))
    child.stdin.close()
    expect(await child.wait(), 0)
    expect(echoes == messages, True)
    return watch.lap(count)
