"""Starts the measured processes and reads what they print."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from driver.engines import Engine

WORKER = Path(__file__).resolve().parent.parent / "worker.py"

SLOWING = (
    "PYTHONASYNCIODEBUG",
    "PYTHONDEVMODE",
    "PYTHONMALLOC",
    "PYTHONPROFILEIMPORTTIME",
    "PYTHONTRACEMALLOC",
    "PYTHONWARNINGS",
)
"""Settings of the caller's shell that no measured process inherits."""

LONGEST = 180.0
"""Seconds after which a process is given up."""


class WorkerFailed(Exception):
    """A measured process ended without a result; the text says how."""


def command(engine: Engine, program: Path, *arguments: str) -> list[str]:
    """What runs a program of this folder under the engine's launcher."""
    launcher = [part for module in engine.launcher for part in ("-m", module)]
    return [sys.executable, *launcher, str(program), *arguments]


def environment() -> dict[str, str]:
    """The caller's variables without those that slow a program."""
    return {name: value for name, value in os.environ.items() if name not in SLOWING}


def ask(
    engine: Engine, *arguments: str, worker: Path = WORKER, leading: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run a worker under the engine's launcher and return its answer.

    The name of the engine comes after the ``leading`` arguments.

    Raises:
        WorkerFailed: It ended with an error, took too long or answered nothing.
    """
    try:
        ended = subprocess.run(
            command(engine, worker, *leading, engine.name, *arguments),
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"no result after {LONGEST:.0f} seconds") from error
    if ended.returncode != 0:
        raise WorkerFailed(_end(ended.returncode, last_line(ended.stderr)))
    try:
        answer: dict[str, Any] = json.loads(last_line(ended.stdout))
    except ValueError as error:
        raise WorkerFailed("the process ended well and said nothing") from error
    return answer


def _end(status: int, said: str) -> str:
    """How a process ended: an error is said by Python, a signal by nobody."""
    if status > 0:
        return said or f"exit status {status}"
    return f"ended by {signal.Signals(-status).name}" + (f" after: {said}" if said else "")


def last_line(text: str) -> str:
    """The last line with anything in it; of a traceback, the error."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
