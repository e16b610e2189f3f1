"""Runs random programs, one line of JSON in for each, one out: ``worker.py [MODULE:MAKER]``.

Started by Python itself or by a launcher that has put an engine in asyncio's place. Nothing else is
written to standard output: what a program or an engine prints goes to standard error.
"""

import faulthandler
import gc
import json
import logging
import os
import sys
from pathlib import Path

FILE_NAME = "program.py"


def main(loop_spec=None):
    """Run programs until standard input ends."""
    names = _stage_names()
    names["Stage"].loop_spec = loop_spec
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    faulthandler.enable()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    gc.collect()
    gc.freeze()
    _collect_at_allocations_if_asked()
    for line in sys.stdin:
        json.dump(_perform(dict(names), json.loads(line)), answers)
        answers.write("\n")
        answers.flush()


def _perform(names, text):
    exec(compile(text, FILE_NAME, "exec"), names)
    return names["stage"].perform(names["program"])


def _collect_at_allocations_if_asked():
    """Let the collector run whenever stook makes an object, if stook is a build for that."""
    if os.environ.get("STOOK_TESTS_GC_STRESS") == "1" and "stook" in sys.modules:
        sys.modules["stook"]._core._collect_at_allocations(True)


def _stage_names():
    """Return the names that a program finds: those of the modules a script begins with."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from conformance.order import stage, things, tools

    return {**vars(things), **vars(tools), **vars(stage), "__name__": "program"}


if __name__ == "__main__":
    main(*sys.argv[1:])
