"""Runs a suite in pytest processes until every test of it has an outcome.

A process that dies, or that shows no sign of life for too long, has told in its log which test was
running: that one is recorded as crashed or hung, and another process runs the rest.
"""

import dataclasses
import json
import pathlib
import tempfile

from conformance import watched

from . import ways

CRASHED, HUNG, NOT_RUN = "crashed", "hung", "not run"
MOST_DEATHS = 20


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
        events, death, output = _run_once(suite, way, left)
        outcomes.update(events.outcomes)
        if events.plan is None:
            raise CannotRun(f"{way}: {death or 'nothing was collected'}\n{output}")
        left = [name for name in events.plan if name not in outcomes]
        if events.ended and not left:
            return outcomes
        if events.running is not None:
            outcome, text = death or (CRASHED, "pytest ended in the middle of it")
            outcomes[events.running] = {"outcome": outcome, "detail": f"{text}\n{output}"}
            left.remove(events.running)
        if not left:
            return outcomes
    for name in left:
        reason = f"the processes ended {MOST_DEATHS} times before it"
        outcomes[name] = {"outcome": NOT_RUN, "detail": reason}
    return outcomes


def _run_once(suite, way, only):
    """Run one process; return its events, its death or ``None``, and the end of its output."""
    with tempfile.TemporaryDirectory(prefix="downstream-") as name:
        directory = pathlib.Path(name)
        choice = {"only": only, "left_out": suite.left_out}
        (directory / "choice").write_text(json.dumps(choice), encoding="utf-8")
        environment = ways.environment(way, suite.stook)
        environment["DOWNSTREAM_LOG"] = str(directory / "log")
        environment["DOWNSTREAM_CHOICE"] = str(directory / "choice")
        process = watched.run(
            [*ways.command(suite.python, way), *_arguments(suite, way)],
            log=directory / "log",
            output=directory / "output",
            timeout=suite.test_timeout,
            cwd=suite.directory,
            env=environment,
        )
    death = None
    if process.hung:
        death = HUNG, f"nothing for {suite.test_timeout:g} seconds"
    elif process.signal_name is not None:
        death = CRASHED, f"the process was killed by {process.signal_name}"
    return process.events, death, process.output


def _arguments(suite, way):
    plugins = ["recorder", ways.plugin(way)]
    chosen = [word for plugin in plugins if plugin for word in ("-p", plugin)]
    return [*chosen, "-p", "no:cacheprovider", "--tb=short", "-q", *suite.arguments]
