"""A pytest plugin: as `on_loop`, with all that stook reports of hangs; a report fails the test.

What a suite does wrong itself would fail as well: a callback that holds the loop for long, a task
that goes on for long although it was cancelled.
"""

import on_loop
import pytest

import stook

LONG = 2.0
"""Seconds for which nothing may hold a loop, or go on after it was cancelled."""

_reports = []


def pytest_configure(config):
    """Run on stook's loops, and have all reports."""
    on_loop.pytest_configure(config)
    stook.on_deadlock(lambda graph: _reports.append(f"deadlock:\n{graph}"))
    stook.on_slow_callback(lambda slow: _reports.append(f"slow: {slow}"), after=LONG)
    stook.on_stuck_cancellation(lambda stuck: _reports.append(f"stuck: {stuck}"), after=LONG)


pytest_report_header = on_loop.pytest_report_header


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call():
    """Fail a test during which something was reported."""
    outcome = yield
    if _reports:
        said = "\n".join(_reports)
        _reports.clear()
        outcome.force_exception(AssertionError(f"stook reports {said}"))
