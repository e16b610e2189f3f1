"""A pytest plugin that writes down every test as it starts and as it ends.

The log is a file of JSON lines, each written at once: if the process dies, the log says in which
test. ``DOWNSTREAM_CHOICE`` names a file that says which tests are run: ``only``, patterns
of ids or null, and ``left_out``, patterns of ids.

Runs inside the environments of the suites, which have neither stook's tests nor this package: it
imports nothing but the standard library and pytest.
"""

import contextlib
import fnmatch
import gc
import json
import os
import pathlib
import signal

import pytest

PASSED, FAILED, SKIPPED, ERROR = "passed", "failed", "skipped", "error"
"""``ERROR`` is a failing fixture, before or after the test. A test that is expected to fail counts
as passed when it does, as in pytest's own exit status."""

FREEZE_EVERY = 100
"""After how many tests ``_keep_from_the_collector`` is called."""


class Recorder:
    """Writes the log of one run."""

    def __init__(self, file):
        self._file = file
        self._outcome = self._detail = None
        self._ended = 0

    def write(self, event, **more):
        """Append one event; it is on its way to the disk when this returns."""
        self._file.write(json.dumps({"event": event, **more}) + "\n")
        self._file.flush()

    def pytest_collection_finish(self, session):
        """Say which tests there are."""
        self.write("plan", tests=[item.nodeid for item in session.items])
        _keep_from_the_collector()

    def pytest_collectreport(self, report):
        """Say which file could not be read, or was skipped as a whole."""
        if not report.passed:
            outcome = SKIPPED if report.skipped else ERROR
            self.write(
                "outcome", test=report.nodeid, outcome=outcome, detail=_describe(report), seconds=0
            )

    def pytest_runtest_logstart(self, nodeid):
        """Say which test is about to run."""
        self._outcome, self._detail, self._seconds = PASSED, "", 0.0
        self.write("start", test=nodeid)

    def pytest_runtest_logreport(self, report):
        """Take in what one phase of the test has come to: the worst phase counts."""
        self._seconds += report.duration
        if report.passed or self._outcome in (FAILED, ERROR):
            return
        if report.failed:
            self._outcome = FAILED if report.when == "call" else ERROR
        elif not hasattr(report, "wasxfail"):
            self._outcome = SKIPPED
        self._detail = _describe(report)

    def pytest_runtest_logfinish(self, nodeid):
        """Say what became of the test."""
        self.write(
            "outcome",
            test=nodeid,
            outcome=self._outcome,
            detail=self._detail,
            seconds=round(self._seconds, 3),
        )
        self._ended += 1
        if self._ended % FREEZE_EVERY == 0:
            _keep_from_the_collector()

    def pytest_sessionfinish(self):
        """Say that nothing is left to run."""
        self.write("end")


def _keep_from_the_collector():
    """Make what is alive by now nothing that the collector looks at.

    Some suites collect garbage after each test, which takes a while with thousands of tests and
    reports in memory.
    """
    gc.collect()
    gc.freeze()


def _describe(report):
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    return str(report.longreprtext)[-6000:]


def pytest_configure(config):
    """Begin the log, and let Control-C be what it is in a terminal.

    A shell that starts a command in the background has it ignored, in what the command starts too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    path = pathlib.Path(os.environ["DOWNSTREAM_LOG"])
    file = stack.enter_context(path.open("a", encoding="utf-8"))
    config.pluginmanager.register(Recorder(file))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what is not to be run, and what has its outcome already."""
    path = pathlib.Path(os.environ["DOWNSTREAM_CHOICE"])
    choice = json.loads(path.read_text(encoding="utf-8"))
    only = None if choice["only"] is None else Patterns(choice["only"])
    left_out = Patterns(choice["left_out"])
    kept, dropped = [], []
    for item in items:
        name = item.nodeid
        chosen = (only is None or only.match(name)) and not left_out.match(name)
        (kept if chosen else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


class Patterns:
    """Patterns of test ids; most are the whole id of one test."""

    def __init__(self, patterns):
        self._ids = set(patterns)
        # Brackets, which ids have, are characters of their own here.
        self._wild = [each.replace("[", "[[]") for each in patterns if "*" in each]

    def match(self, name):
        """Return whether a pattern matches the whole of ``name``."""
        return name in self._ids or any(fnmatch.fnmatchcase(name, each) for each in self._wild)
