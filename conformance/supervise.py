"""Runs a test module in worker processes until every test of it has an outcome.

A worker that dies, or that shows no sign of life for too long, has told in its event log which test
was running: that one is recorded as crashed or hung, and another worker runs the rest.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import results, suite

WORKER = Path(__file__).with_name("worker.py")
POLL_SECONDS = 0.05
ABORT_SECONDS = 5.0
LOG_TAIL_CHARACTERS = 6000
MOST_DEATHS = 40


class WorkerRefused(Exception):
    """A worker ended before it had any test, for a reason it gives in one line."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the tests are run.

    Attributes:
        engine: A key of ``engines.ENGINES``.
        mode: One of ``engines.MODES``.
        debug: Whether asyncio's debug mode is on from the environment.
        poison: Whether asyncio's own engine is made unusable.
        test_timeout: Seconds without any event after which a test counts as hung.
        package: The package of the test modules.
    """

    engine: str
    mode: str
    debug: bool = False
    poison: bool = False
    test_timeout: float = 120.0
    package: str = suite.PACKAGE


@dataclasses.dataclass
class Events:
    """What the event log of one worker says."""

    plan: list[str] | None = None
    tests: dict[str, results.TestResult] = dataclasses.field(default_factory=dict)
    running: str | None = None
    ended: bool = False

    @classmethod
    def read(cls, path):
        """Read a log, of which the last line may be cut off."""
        events = cls()
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                events._take(json.loads(line))
        return events

    def _take(self, event):
        match event["event"]:
            case "plan":
                self.plan = event["tests"]
            case "start":
                self.running = event["test"]
            case "outcome":
                self.tests[event["test"]] = results.TestResult(event["outcome"], event["detail"])
                self.running = None
            case "end":
                self.ended = True


def run_module(settings, module, only=None):
    """Run ``module`` and return its ``ModuleResult``.

    Args:
        settings: How to run it.
        module: The module's name in the package.
        only: Ids of the tests to run; all of them when ``None``.

    Raises:
        WorkerRefused: The engine is not there, or the worker is broken.
    """
    result = results.ModuleResult(module)
    left = only
    for _death in range(MOST_DEATHS):
        with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
            events, death, log = _run_worker(settings, module, left, Path(directory))
        if events.plan is None:
            _record_death(result, f"{module} (import)", death, log)
            return result
        result.tests.update(events.tests)
        left = [name for name in left or events.plan if name not in result.tests]
        if death is not None:
            _record_death(result, events.running or f"{module} (between tests)", death, log)
        if events.ended:
            # Left are the tests of a class or module whose fixture failed or skipped them.
            _record_not_run(result, left, "a fixture of its class or module did not pass")
            return result
        left = [name for name in left if name != events.running]
        if not left:
            return result
    _record_not_run(result, left, f"the workers died {MOST_DEATHS} times")
    return result


def _record_death(result, name, death, log):
    outcome, text = death
    result.tests[name] = results.TestResult(outcome, f"{text}\n{log}")


def _record_not_run(result, names, reason):
    for name in names:
        result.tests[name] = results.TestResult(results.NOT_RUN, reason)


def _run_worker(settings, module, only, directory):
    """Run one worker; return its events, its death or ``None``, and the end of its log."""
    event_path, log_path, job_path = (directory / name for name in ("events", "log", "job"))
    event_path.touch()
    job = {
        **dataclasses.asdict(settings),
        "module": module,
        "only": only,
        "events": str(event_path),
    }
    job_path.write_text(json.dumps(job), encoding="utf-8")
    work = directory / "work"
    work.mkdir()
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), str(job_path)],
            cwd=work,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        hung = _wait(process, event_path, settings.test_timeout)
    events = Events.read(event_path)
    log_text = log_path.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]
    if events.plan is None and "WorkerRefused: " in log_text:
        raise WorkerRefused(log_text.rpartition("WorkerRefused: ")[2].strip())
    if hung:
        return events, (results.HUNG, f"nothing for {settings.test_timeout:g} seconds"), log_text
    if process.returncode or not events.ended:
        return events, (results.CRASHED, _manner_of_death(process.returncode)), log_text
    return events, None, log_text


def _environment(settings):
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    if paths := environment.get("PYTHONPATH"):
        # A worker has a working directory of its own.
        absolute = [os.path.abspath(path) for path in paths.split(os.pathsep) if path]
        environment["PYTHONPATH"] = os.pathsep.join(absolute)
    environment.pop("PYTHONASYNCIODEBUG", None)
    if settings.debug:
        environment["PYTHONASYNCIODEBUG"] = "1"
    return environment


def _wait(process, event_path, timeout):
    """Wait for the worker; return whether it had to be killed because nothing happened."""
    size, since = 0, time.monotonic()
    try:
        while True:
            try:
                process.wait(POLL_SECONDS)
                return False
            except subprocess.TimeoutExpired:
                pass
            if (new_size := event_path.stat().st_size) != size:
                size, since = new_size, time.monotonic()
            elif time.monotonic() - since > timeout:
                return True
    finally:
        _end(process)


def _end(process):
    """End a worker and what its tests started; one that hangs first dumps its stacks."""
    if process.poll() is None:
        process.send_signal(signal.SIGABRT)
        try:
            process.wait(ABORT_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _manner_of_death(status):
    if status >= 0:
        return f"the worker exited with status {status} in the middle of its tests"
    return f"the worker was killed by {signal.Signals(-status).name}"
