"""Starts a server in a process of its own, and makes sure that it answers and ends well."""

import json
import os
import select
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from driver.engines import Engine
from driver.processes import WorkerFailed, command, environment, last_line
from serving.servers import BODY

PROGRAM = Path(__file__).resolve().parent.parent / "serve.py"

PATIENCE = 30.0
"""Seconds in which a server has to start, to answer and to end."""


@dataclass(slots=True)
class Served:
    """A server that runs, by the number of its process; `serves` names its packages.

    Once it has ended, `complaint` is the last line of what it wrote to its standard error.
    """

    process: int
    port: int
    serves: str
    complaint: str = ""

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}/"

    def processor_seconds(self) -> float:
        """What it has taken of processors, the system's work for it included."""
        stat = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii", errors="replace")
        # The name of the program, in parentheses, may have anything in it.
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(engine: Engine, server: str) -> Iterator[Served]:
    """A server on this implementation, which has answered once as it should.

    Raises:
        WorkerFailed: It did not start, gave another page or did not end well.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            command(engine, PROGRAM, engine.name, server),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            found = _started(process, errors)
            _check(found)
            yield found
            _end(process)
            found.complaint = _complaint(errors)
        finally:
            process.kill()


def _started(process: subprocess.Popen[str], errors: IO[str]) -> Served:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], PATIENCE)[0]:
        raise WorkerFailed(f"the server did not start in {PATIENCE:.0f} seconds")
    try:
        return Served(process.pid, **json.loads(process.stdout.readline()))
    except ValueError as error:
        raise WorkerFailed(_complaint(errors) or "the server said nothing") from error


def _check(found: Served) -> None:
    try:
        with urllib.request.urlopen(found.url, timeout=PATIENCE) as answer:
            status, body = answer.status, answer.read()
    except OSError as error:
        raise WorkerFailed(f"the server does not answer: {error}") from error
    if (status, body) != (200, BODY):
        raise WorkerFailed(f"the server answered {status} and {body!r}")


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed("the server did not end") from error
    if status:
        raise WorkerFailed(f"the server ended with status {status}")


def _complaint(errors: IO[str]) -> str:
    errors.seek(0)
    return last_line(errors.read())
