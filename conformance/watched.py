"""Runs tests in a process of their own that writes an event log, and ends it if it falls silent.

The log is a file of JSON lines: ``plan`` with the ids of the tests, then ``start`` and ``outcome``
of each, and ``end`` when nothing is left. If the process dies, the log says in which test. The
suites of other packages (``downstream``) are run by this as well.
"""

import dataclasses
import json
import os
import signal
import subprocess
import time

POLL_SECONDS = 0.05
ABORT_SECONDS = 5.0
OUTPUT_CHARACTERS = 6000


@dataclasses.dataclass
class Events:
    """What the event log of one process says.

    Attributes:
        plan: Ids of the tests, ``None`` if it did not come to have any.
        outcomes: By test id the event that tells its outcome.
        running: The test that ran when the log ended.
        ended: Whether the process came to the end of its tests.
    """

    plan: list[str] | None = None
    outcomes: dict[str, dict] = dataclasses.field(default_factory=dict)
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
                self.outcomes[event.pop("test")] = event
                self.running = None
            case "end":
                self.ended = True


@dataclasses.dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        events: What its log says.
        status: Its exit status; less than 0 where a signal killed it.
        hung: Whether it had to be ended because nothing happened.
        output: The end of what it wrote.
    """

    events: Events
    status: int
    hung: bool
    output: str

    @property
    def signal_name(self):
        """The name of the signal that killed it, or ``None``."""
        return signal.Signals(-self.status).name if self.status < 0 else None


def run(command, *, log, output, timeout, cwd, env):
    """Run a process to its end, and leave nothing of it behind; return how it ended.

    Args:
        command: What to run.
        log: Where it writes its event log.
        output: A file for what it writes otherwise.
        timeout: Seconds without any event after which it counts as hung.
        cwd: Where to run it.
        env: Its environment.
    """
    log.touch()
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        hung = _wait(process, log, timeout)
    text = output.read_text(encoding="utf-8", errors="replace")
    return Ended(Events.read(log), process.returncode, hung, text[-OUTPUT_CHARACTERS:])


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
    """End a process and what its tests started; one that hangs first shows its stacks."""
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
