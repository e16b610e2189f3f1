"""Child processes and pipes over our loop."""

import asyncio
import os
import signal
import sys

import pytest

COUNT = "import sys\nfor line in sys.stdin: print(len(line.strip()), flush=True)"


async def test_output_and_exit_status(engine, loop):
    process = await engine.create_subprocess_exec(
        sys.executable, "-c", "print('out'); raise SystemExit(3)", stdout=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert (out, err, process.returncode) == (b"out\n", None, 3)


async def test_talking_to_a_child(engine, loop):
    process = await engine.create_subprocess_exec(
        sys.executable, "-c", COUNT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answers = []
    for line in (b"one\n", b"three\n"):
        process.stdin.write(line)
        await process.stdin.drain()
        answers.append(await process.stdout.readline())
    process.stdin.close()
    assert await process.wait() == 0
    assert answers == [b"3\n", b"5\n"]
    await process.stdout.read()


async def test_shell(engine, loop):
    process = await engine.create_subprocess_shell(
        "printf %s shell; printf %s err >&2",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert await process.communicate() == (b"shell", b"err")


async def test_signals_end_a_child(engine, loop):
    process = await engine.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)"
    )
    process.terminate()
    assert await process.wait() == -signal.SIGTERM


async def test_cancelled_waiting_leaves_the_child_alone(engine, loop):
    process = await engine.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    waiting = loop.create_task(process.wait())
    await engine.sleep(0.001)
    waiting.cancel()
    with pytest.raises(engine.CancelledError):
        await waiting
    assert process.returncode is None
    await process.communicate(b"\n")
    assert process.returncode == 0


async def test_several_children_at_once(engine, loop):
    async def child(index):
        process = await engine.create_subprocess_exec(
            sys.executable, "-c", f"raise SystemExit({index})"
        )
        return await process.wait()

    assert await engine.gather(*(child(index) for index in range(4))) == [0, 1, 2, 3]


async def test_program_that_does_not_exist(engine, loop, tmp_path):
    with pytest.raises(FileNotFoundError):
        await engine.create_subprocess_exec(str(tmp_path / "nothing"))


async def test_reading_a_pipe(engine, loop):
    reading, writing = os.pipe()
    reader = engine.StreamReader(loop=loop)
    with os.fdopen(reading, "rb") as source:
        transport, _ = await loop.connect_read_pipe(
            lambda: engine.StreamReaderProtocol(reader, loop=loop), source
        )
        os.write(writing, b"through the pipe")
        os.close(writing)
        assert await reader.read() == b"through the pipe"
        transport.close()
        await engine.sleep(0)


async def test_writing_a_pipe(engine, loop):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sink:
        transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sink)
        transport.write(b"into the pipe")
        await engine.sleep(0)
        assert os.read(reading, 100) == b"into the pipe"
        transport.close()
        await engine.sleep(0)
    os.close(reading)
