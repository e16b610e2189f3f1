"""Random programs run the native methods, not asyncio's own, for which ours may stand aside."""

import json
import sys
from pathlib import Path

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

ROOT = Path(__file__).resolve().parent.parent

COUNT = """
import collections, gc, json, logging, sys
from conformance.order import stage, things, tools
from conformance.order.generate import generate
from conformance.order.render import program_text

calls = collections.Counter()

def note(frame, event, _):
    code = frame.f_code
    if event == "call" and "/asyncio/" in code.co_filename:
        calls[code.co_qualname] += 1

logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
gc.collect()
gc.freeze()
for seed in range(90):
    names = {**vars(things), **vars(tools), **vars(stage)}
    exec(program_text(generate(seed)), names)
    sys.setprofile(note)
    names["stage"].perform(names["program"])
    sys.setprofile(None)
print(json.dumps(calls))
"""

NATIVE = [
    "Barrier.wait",
    "Condition.notify",
    "Condition.wait",
    "Event.set",
    "Event.wait",
    "Lock.acquire",
    "Lock.release",
    "Queue.get",
    "Queue.get_nowait",
    "Queue.put",
    "Queue.put_nowait",
    "Semaphore.acquire",
    "Semaphore.release",
    "TaskGroup.__aenter__",
    "TaskGroup.__aexit__",
    "TaskGroup._abort",
    "TaskGroup._on_task_done",
    "TaskGroup.create_task",
    "Timeout.__aenter__",
    "Timeout.__aexit__",
    "Timeout.reschedule",
    "as_completed",
    "shield",
    "wait_for",
]


def calls_of_asyncio(*front):
    """Return how often the programs call each function that asyncio has in Python."""
    environment = {"PYTHONASYNCIODEBUG": "", "PYTHONHASHSEED": "0"}
    done = run_python([*front, "-c", COUNT], environment=environment, cwd=ROOT)
    return json.loads(output_of(done).splitlines()[-1])


def test_most_calls_are_native():
    stock, ours = calls_of_asyncio(), calls_of_asyncio("-m", "stook")
    known = {name for _, name, _, is_known in _reviewed() if is_known}
    native = [name for name in NATIVE if name.partition(".")[0] in known]
    assert len(native) > len(NATIVE) // 2, sys.version
    assert not [name for name in native if stock.get(name, 0) < 3]
    assert not [(name, ours[name]) for name in native if ours.get(name, 0) > 0.7 * stock[name]]


def _reviewed():
    import stook

    return stook._core._reviewed()
