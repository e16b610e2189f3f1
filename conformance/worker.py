"""Runs one test module on one engine, in a process of its own.

Started as ``python worker.py JOB`` by ``supervise``; ``JOB`` is a file with the fields of
``supervise.Job``. The engine is put in asyncio's place before the test modules are imported,
because they take ``_asyncio``'s names when they are.
"""

import ctypes
import faulthandler
import json
import resource
import signal
import sys
import unittest
import warnings
from pathlib import Path

MEMORY_LIMIT_BYTES = 4 << 30
"""A test that makes an engine allocate without end shall fail, not take the machine with it."""

_PR_SET_PDEATHSIG = 1


def main(job_path):
    """Run the tests the job asks for; what happens goes to its event log."""
    from conformance import engines, poison, recorder

    del sys.path[0]
    faulthandler.enable()
    # Where this runs in the background interrupts are ignored, and tests would wait for them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whoever ends the run, and however, ends its workers too.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    log = recorder.EventLog(job["events"])
    try:
        our_loop = engines.put_in_place(job["engine"], job["mode"])
    except engines.EngineMissing as error:
        sys.exit(f"WorkerRefused: {error}")
    if job["poison"]:
        poison.apply(only_for=our_loop)
    warnings.simplefilter("default")
    tests = collect(job["package"], job["module"])
    result = recorder.Recorder(log, job["package"])
    log.write("plan", tests=[result.short_id(test) for test in tests])
    if job["only"] is not None:
        wanted = set(job["only"])
        tests = [test for test in tests if result.short_id(test) in wanted]
    to_run = unittest.TestSuite(tests)
    del tests  # a test that has run must not be kept alive: some look at what the collector finds
    to_run.run(result)
    log.write("end")


def collect(package, module):
    """Return the tests of a module as a flat list, in ``unittest``'s order."""
    suite = unittest.defaultTestLoader.loadTestsFromName(f"{package}.{module}")
    return list(_flatten(suite))


def _flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flatten(item)
        else:
            yield item


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main(sys.argv[1])
