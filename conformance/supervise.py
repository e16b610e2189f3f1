"""Runs a test module in worker processes until every test of it has an outcome.

A worker that dies, or that shows no sign of life for too long, has told in its event log which test
was running: that one is recorded as crashed or hung, and another worker runs the rest.
"""

import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

from . import results, suite, watched

WORKER = Path(__file__).with_name("worker.py")
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
        for name, event in events.outcomes.items():
            result.tests[name] = results.TestResult(event["outcome"], event["detail"])
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
    job = {
        **dataclasses.asdict(settings),
        "module": module,
        "only": only,
        "events": str(directory / "events"),
    }
    (directory / "job").write_text(json.dumps(job), encoding="utf-8")
    (directory / "work").mkdir()
    worker = watched.run(
        [sys.executable, str(WORKER), str(directory / "job")],
        log=directory / "events",
        output=directory / "log",
        timeout=settings.test_timeout,
        cwd=directory / "work",
        env=_environment(settings),
    )
    if worker.events.plan is None and "WorkerRefused: " in worker.output:
        raise WorkerRefused(worker.output.rpartition("WorkerRefused: ")[2].strip())
    death = None
    if worker.hung:
        death = results.HUNG, f"nothing for {settings.test_timeout:g} seconds"
    elif worker.status or not worker.events.ended:
        death = results.CRASHED, _manner_of_death(worker)
    return worker.events, death, worker.output


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


def _manner_of_death(worker):
    if worker.signal_name is None:
        return f"the worker exited with status {worker.status} in the middle of its tests"
    return f"the worker was killed by {worker.signal_name}"
