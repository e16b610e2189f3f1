"""Runs wrk, which asks a server as fast as it answers, and reads what it found."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from driver.processes import WorkerFailed, last_line
from serving.process import Served

SCRIPT = Path(__file__).resolve().parent / "wrk.lua"

MISSING = "wrk is missing: apt-get install wrk"

PATIENCE = 60
"""Seconds more than it was asked for in which wrk has to end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run found: requests in a second, and by percentile how long they took, in ms.

    Attributes:
        processor: What one request took of the server's processor time, in µs.
    """

    rate: float
    p50: float
    p90: float
    p99: float
    processor: float


def is_installed() -> bool:
    """Whether it can be run."""
    return shutil.which("wrk") is not None


def measure(server: Served, connections: int, seconds: int) -> Sample:
    """Ask for the page over so many connections for so many seconds, from one thread.

    Raises:
        WorkerFailed: wrk failed or did not end, or not every answer was a good one.
    """
    load = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    before = server.processor_seconds()
    try:
        ended = subprocess.run(
            ["wrk", *load, "--script", str(SCRIPT), server.url],
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(f"wrk did not end in {seconds + PATIENCE} seconds") from error
    if ended.returncode != 0:
        raise WorkerFailed(f"wrk failed: {(ended.stderr or ended.stdout).strip()}")
    return read(ended.stdout, server.processor_seconds() - before)


def read(printed: str, processor_seconds: float) -> Sample:
    """What `wrk.lua` printed, among what wrk itself prints, and what the server took meanwhile.

    Raises:
        WorkerFailed: There were errors, no answers, or no such line.
    """
    line = next((line for line in printed.splitlines() if line.startswith("{")), None)
    if line is None:
        said = last_line(printed) or "nothing"
        raise WorkerFailed(f"wrk did not run {SCRIPT.name}; it said {said!r}")
    found = json.loads(line)
    if found["errors"]:
        raise WorkerFailed(f"{found['errors']} of {found['requests']} requests failed")
    if not found["requests"]:
        raise WorkerFailed("no request was answered")
    latencies = {name: found[name] / 1e3 for name in ("p50", "p90", "p99")}
    rate = found["requests"] / found["microseconds"] * 1e6
    return Sample(rate, **latencies, processor=processor_seconds / found["requests"] * 1e6)
