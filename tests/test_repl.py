"""``stook -m asyncio`` is asyncio's prompt with top-level ``await``, on stook's event loop."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from side_by_side import FRONTS, Workplace, environment_of

pytestmark = pytest.mark.needs_stook

STATEMENTS = b"""\
await asyncio.sleep(0, "slept")
async def double(number): return 2 * number

await asyncio.gather(double(1), double(2))
event = asyncio.Event()
asyncio.get_running_loop().call_soon(event.set) and None
await event.wait()
await double()
raise SystemExit(3)
"""

TYPES = b"""\
print(type(asyncio.get_running_loop()), type(asyncio.current_task()))
async def types(): return type(asyncio.current_task()), asyncio.Task

await types()
"""


@pytest.mark.parametrize("front", FRONTS)
def test_statements_are_read_from_a_pipe(tmp_path, front):
    workplace = Workplace(tmp_path)
    stock = workplace.run(["-m", "asyncio"], stdin=STATEMENTS)
    ours = workplace.run([*FRONTS[front], "-m", "asyncio"], stdin=STATEMENTS)
    assert (ours.status, ours.output) == (stock.status, stock.output)
    assert ours.errors.splitlines()[-1] == stock.errors.splitlines()[-1]
    assert "[2, 4]" in ours.output and "TypeError" in ours.errors


def test_the_loop_and_the_tasks_are_stooks(tmp_path):
    outcome = Workplace(tmp_path).run(["-m", "stook", "-m", "asyncio"], stdin=TYPES)
    assert "<class 'stook.events.EventLoop'> <class 'NoneType'>" in outcome.output
    task = "<class '" + _name_of_task() + "'>"
    assert f"({task}, {task})" in outcome.output


@pytest.mark.parametrize("front", [[], ["-m", "stook"]], ids=["python", "stook"])
def test_a_terminal_can_interrupt_what_it_waits_for(tmp_path, front):
    """Both are tried, so that what the terminal shows is known to be the stock prompt's."""
    terminal, other_end = pty.openpty()
    unread = b""

    def read_until(text):
        nonlocal unread
        while text not in unread:
            unread += os.read(terminal, 1000)
        unread = unread.partition(text)[2]

    def enter(line):
        os.write(terminal, line + b"\r")
        read_until(b"\r\n")

    process = subprocess.Popen(
        [sys.executable, *front, "-m", "asyncio"],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        cwd=tmp_path,
        start_new_session=True,
        env=environment_of({"PYTHON_BASIC_REPL": "1", "TERM": "dumb", "PYTHON_HISTORY": "none"}),
    )
    try:
        os.close(other_end)
        read_until(b"import asyncio")
        read_until(b">>> ")
        enter(b"print(await asyncio.sleep(0, 6 * 7))")
        read_until(b"42")
        read_until(b">>> ")
        enter(b"loop = asyncio.get_running_loop()")
        enter(b"loop.call_soon(print, 'waiting') and await asyncio.Event().wait()")
        read_until(b"waiting\r\n")
        process.send_signal(signal.SIGINT)
        read_until(b"KeyboardInterrupt")
        read_until(b">>> ")
        enter(b"print(await asyncio.sleep(0, 'still here'))")
        read_until(b"still here\r\n")
        read_until(b">>> ")
        os.write(terminal, b"\x04")
        read_until(b"exiting asyncio REPL")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _name_of_task():
    import stook

    return f"{stook.Task.__module__}.{stook.Task.__qualname__}"
