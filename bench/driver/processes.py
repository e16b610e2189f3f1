"""Starts the measured processes and reads what they print."""

import json
import os
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


def ask(
    engine: Engine, *arguments: str, worker: Path = WORKER, leading: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run a worker under the engine's launcher and return its answer.

    The name of the engine comes after the ``leading`` arguments.

    Raises:
        WorkerFailed: It ended with an error, took too long or answered nothing.
    """
    launcher = [part for module in engine.launcher for part in ("-m", module)]
    command = [sys.executable, *launcher, str(worker), *leading, engine.name, *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in SLOWING}
    try:
        ended = subprocess.run(
            command,
            env=environment,
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
        raise WorkerFailed(_last_line(ended.stderr) or f"exit status {ended.returncode}")
    try:
        answer: dict[str, Any] = json.loads(_last_line(ended.stdout))
    except ValueError as error:
        raise WorkerFailed("the process ended well and said nothing") from error
    return answer


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
