"""Runs a suite in pytest processes until every test of it has an outcome.

A process that dies, or that shows no sign of life for too long, has told in its log which test was
running: that one is recorded as crashed or hung, and another process runs the rest.
"""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from . import ways

CRASHED, HUNG, NOT_RUN = "crashed", "hung", "not run"
MOST_DEATHS = 20
POLL_SECONDS = 0.2
OUTPUT_CHARACTERS = 6000


class CannotRun(Exception):
    """pytest ended before it had any test."""


@dataclasses.dataclass(frozen=True)
class Suite:
    """A suite that is ready to run.

    Attributes:
        python: The interpreter of its environment.
        directory: Where it is run.
        arguments: What pytest is given.
        left_out: Patterns of the ids of tests that are not run.
        stook: The directory in which stook's package is found.
        test_timeout: Seconds without any event after which a test counts as hung.
    """

    python: pathlib.Path
    directory: pathlib.Path
    arguments: tuple
    left_out: tuple
    stook: pathlib.Path
    test_timeout: float = 180.0


@dataclasses.dataclass
class _Log:
    """What the log of one process says."""

    plan: list | None = None
    outcomes: dict = dataclasses.field(default_factory=dict)
    running: str | None = None
    ended: bool = False

    @classmethod
    def read(cls, path):
        """Read a log, of which the last line may be cut off."""
        log = cls()
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                log._take(json.loads(line))
        return log

    def _take(self, event):
        match event.pop("event"):
            case "plan":
                self.plan = event["tests"]
            case "start":
                self.running = event["test"]
            case "outcome":
                self.outcomes[event.pop("test")] = event
                self.running = None
            case "end":
                self.ended = True


def run(suite, way, only=None):
    """Run a suite and return its outcomes: a dict by test id of dicts with ``outcome``, ``detail``.

    Args:
        suite: What to run.
        way: ``ways.STOCK`` or a key of ``ways.WAYS``.
        only: Ids of the tests to run; all of them when ``None``.

    Raises:
        CannotRun: pytest did not come to have tests.
    """
    outcomes = {}
    left = only
    for _death in range(MOST_DEATHS):
        log, death, output = _run_once(suite, way, left)
        outcomes.update(log.outcomes)
        if log.plan is None:
            raise CannotRun(f"{way}: {death or 'nothing was collected'}\n{output}")
        left = [name for name in log.plan if name not in outcomes]
        if log.ended and not left:
            return outcomes
        if log.running is not None:
            outcome, text = death or (CRASHED, "pytest ended in the middle of it")
            outcomes[log.running] = {"outcome": outcome, "detail": f"{text}\n{output}"}
            left.remove(log.running)
        if not left:
            return outcomes
    for name in left:
        reason = f"the processes ended {MOST_DEATHS} times before it"
        outcomes[name] = {"outcome": NOT_RUN, "detail": reason}
    return outcomes


def _run_once(suite, way, only):
    """Run one process; return its log, its death or ``None``, and the end of its output."""
    with tempfile.TemporaryDirectory(prefix="downstream-") as name:
        directory = pathlib.Path(name)
        log, output = directory / "log", directory / "output"
        log.touch()
        environment = ways.environment(way, suite.stook)
        environment["DOWNSTREAM_LOG"] = str(log)
        choice = {"only": only, "left_out": suite.left_out}
        (directory / "choice").write_text(json.dumps(choice), encoding="utf-8")
        environment["DOWNSTREAM_CHOICE"] = str(directory / "choice")
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [*ways.command(suite.python, way), *_arguments(suite, way)],
                cwd=suite.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
            hung = _wait(process, log, suite.test_timeout)
        text = output.read_text(encoding="utf-8", errors="replace")[-OUTPUT_CHARACTERS:]
        death = None
        if hung:
            death = HUNG, f"nothing for {suite.test_timeout:g} seconds"
        elif process.returncode < 0:
            name = signal.Signals(-process.returncode).name
            death = CRASHED, f"the process was killed by {name}"
        return _Log.read(log), death, text


def _arguments(suite, way):
    plugins = ["recorder", ways.plugin(way)]
    chosen = [word for plugin in plugins if plugin for word in ("-p", plugin)]
    return [*chosen, "-p", "no:cacheprovider", "--tb=short", "-q", *suite.arguments]


def _wait(process, log, timeout):
    """Wait for the process; return whether it had to be ended because nothing happened."""
    size, since = 0, time.monotonic()
    try:
        while True:
            try:
                process.wait(POLL_SECONDS)
                return False
            except subprocess.TimeoutExpired:
                pass
            if (new_size := log.stat().st_size) != size:
                size, since = new_size, time.monotonic()
            elif time.monotonic() - since > timeout:
                return True
    finally:
        _end(process)


def _end(process):
    """End a process and what its tests started; pytest's fault handler shows its stacks first."""
    if process.poll() is None:
        process.send_signal(signal.SIGABRT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
