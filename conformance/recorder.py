"""Writes down what becomes of each test while a suite runs.

Every event is a line of JSON and is written at once, so that what was known before a crash is
still there after it. A test is first announced, then gets exactly one outcome: the worst of what
it and its subtests reported.
"""

import asyncio
import json
import os
import traceback
import unittest

from . import results

SEVERITY = (
    results.PASSED,
    results.SKIPPED,
    results.EXPECTED_FAILURE,
    results.UNEXPECTED_SUCCESS,
    results.FAILED,
    results.ERROR,
)


class EventLog:
    """Appends events to a file, one line each.

    A process forked by a test inherits the log but may not write to it.
    """

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._owner = os.getpid()

    def write(self, event, **fields):
        """Write one event."""
        if os.getpid() == self._owner:
            os.write(self._file, (json.dumps({"event": event, **fields}) + "\n").encode())


class Recorder(unittest.TestResult):
    """A ``unittest`` result that writes to an event log instead of counting.

    After a test that went wrong the event loop policy is again what it was when the recorder was
    made: a test that could not clean up must not fail those that follow.
    """

    def __init__(self, log, package):
        super().__init__()
        self._log = log
        self._policy = asyncio.events._event_loop_policy
        self._prefix = package + "."
        self._running = None
        self._outcome = results.PASSED
        self._details = []

    def short_id(self, test):
        """Return the id of ``test`` without the name of the package."""
        return test.id().removeprefix(self._prefix)

    def startTest(self, test):
        """Announce the test."""
        super().startTest(test)
        self._running = self.short_id(test)
        self._outcome, self._details = results.PASSED, []
        self._log.write("start", test=self._running)

    def stopTest(self, test):
        """Write the outcome of the test; a skipped one may never have been announced."""
        super().stopTest(test)
        if self._running is not None:
            self._finish(self._running)
            if self._outcome in (results.FAILED, results.ERROR):
                asyncio.set_event_loop_policy(self._policy)
        self._running = None

    def addError(self, test, err):
        """Note an exception, of a test or of a fixture around several."""
        self._note(test, results.ERROR, _format(err))

    def addFailure(self, test, err):
        """Note a failed assertion."""
        self._note(test, results.FAILED, _format(err))

    def addSkip(self, test, reason):
        """Note a skip, of a test or of all that a fixture is for."""
        self._note(test, results.SKIPPED, reason)

    def addExpectedFailure(self, test, err):
        """Note a failure that the test's author knew of."""
        self._note(test, results.EXPECTED_FAILURE, _format(err))

    def addUnexpectedSuccess(self, test):
        """Note that what the author knew to fail did not."""
        self._note(test, results.UNEXPECTED_SUCCESS, "")

    def addSubTest(self, test, subtest, err):
        """Note what a part of the test reported, if it went wrong."""
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            outcome = results.FAILED if failed else results.ERROR
            self._note(test, outcome, f"{subtest._subDescription()}\n{_format(err)}")

    def _note(self, test, outcome, detail):
        if self._running is None:
            # A fixture of a class or module: there is no test to announce or to stop.
            self._outcome, self._details = outcome, [detail]
            self._log.write("start", test=self.short_id(test))
            self._finish(self.short_id(test))
            return
        if SEVERITY.index(outcome) >= SEVERITY.index(self._outcome):
            self._outcome = outcome
        self._details.append(detail)

    def _finish(self, name):
        detail = "\n".join(self._details)
        self._log.write("outcome", test=name, outcome=self._outcome, detail=detail)


def _format(error):
    return "".join(traceback.format_exception(*error))
