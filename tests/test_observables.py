"""All that asyncio's public names tell about themselves is the same on stook.

``observed.py`` runs on the stock interpreter and under ``stook``. What differs must be in the table
below, with the reason; an entry of the table that nothing differs by is an error too.
"""

import asyncio
import json
import pathlib
import re
import sys

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

OBSERVED = pathlib.Path(__file__).with_name("observed.py")

LOOPS = "SelectorEventLoop|EventLoop"
SCHEDULING = (
    r"\.(call_at|call_later|call_soon|call_soon_threadsafe|create_future|create_task|time"
    r"|run_until_complete)"
)
FUNCTIONS = (
    "_enter_task|_get_running_loop|_leave_task|_register_task|_set_running_loop"
    "|_unregister_task|all_tasks|current_task|get_event_loop|get_running_loop"
)

DIFFERENCES = {
    "the loop is a class of its own, between whose bases one is native": [
        (LOOPS, "name|qualified name|module|bases|derived from|attributes|subscripted"),
        (LOOPS, r"(\.(nesting_allowed|keep_tasks) .*)"),
        (
            LOOPS,
            r"\.(close|default_exception_handler|run_forever|run_in_executor|stop) "
            "(module|qualified name)",
        ),
        (LOOPS, r"\.slow_callback_duration is data"),
        (LOOPS, SCHEDULING + " (module|qualified name|signature)"),
        (LOOPS, SCHEDULING + " (pickled|subscripted|weakly referenced)"),
    ],
    "what is native has documentation of its own": [
        (LOOPS + "|Future|Task", "(raw )?documentation"),
        (LOOPS + "|Future|Task", r"\..* (raw )?documentation"),
        (FUNCTIONS, "(raw )?documentation"),
    ],
    "what is native comes from another module": [
        ("Future|Task|" + FUNCTIONS, "module"),
        (r"iter\(future\)|future\.__await__\(\)", "instance pickled by protocol [01]"),
        ("Handle|TimerHandle", "instance (of type|of a derived class)"),
        ("gather", "instance (of type|of class|of a derived class)"),
    ],
    "a native function is no Python function": [
        ("all_tasks|current_task", "subscripted"),
    ],
    "native handles are copied, derived from and given a class by nobody": [
        ("Handle|TimerHandle", "instance ((deeply )?copied|pickled by protocol .)"),
        ("Handle|TimerHandle", "instance given a class.*"),
    ],
    "what has not run yet is not tracked by the collector": [
        ("Handle|TimerHandle|ensure_future", "instance collected"),
    ],
    "a gathered future is native": [
        ("gather", "instance (given a class.*|pickled by protocol [01])"),
    ],
    "a native coroutine is what its own __await__ returns, and so is iterable": [
        (".*", "coroutine iterated"),
    ],
}  # fmt: skip
if sys.version_info >= (3, 13):
    DIFFERENCES["the iterator of as_completed is native: not copied, nor derived from"] = [
        ("as_completed", "instance ((deeply )?copied|pickled by protocol .|given a class.*)"),
        ("as_completed", "instance (of a derived class|awaited|length|less than.*|subscripted)"),
    ]


def _run(front):
    return json.loads(output_of(run_python([*front, str(OBSERVED)], environment=QUIET)))


QUIET = {"PYTHONASYNCIODEBUG": "", "PYTHONWARNINGS": ""}


@pytest.fixture(scope="module")
def observed():
    """Give what each name tells on the stock interpreter and on ours."""
    return _run([]), _run(["-m", "stook"])


def _reasons(name, aspect):
    return {
        (reason, entry)
        for reason, entries in DIFFERENCES.items()
        for entry in entries
        if re.fullmatch(entry[0], name) and re.fullmatch(entry[1], aspect)
    }


def _different(observed, name):
    """Return the aspects in which a name differs, and what each side says."""
    stock, ours = (answers.get(name, {}) for answers in observed)
    return {
        aspect: (stock.get(aspect, "nothing"), ours.get(aspect, "nothing"))
        for aspect in sorted(stock.keys() | ours.keys())
        if stock.get(aspect, "nothing") != ours.get(aspect, "nothing")
    }


def test_all_names_are_observed(observed):
    stock, ours = observed
    assert len(asyncio.__all__) > 90
    assert set(asyncio.__all__) <= stock.keys() == ours.keys()
    assert min(map(len, stock.values())) >= 1
    assert sum(map(len, stock.values())) > 10_000


@pytest.mark.parametrize("name", sorted(asyncio.__all__))
def test_a_name_tells_the_same(observed, name):
    unexpected = {
        aspect: both
        for aspect, both in _different(observed, name).items()
        if not _reasons(name, aspect)
    }
    assert unexpected == {}


def test_what_is_made_tells_the_same(observed):
    unexpected = {
        f"{name}: {aspect}": both
        for name in observed[0].keys() - set(asyncio.__all__)
        for aspect, both in _different(observed, name).items()
        if not _reasons(name, aspect)
    }
    assert unexpected == {}


def test_every_difference_of_the_table_is_one(observed):
    listed = {(reason, entry) for reason, entries in DIFFERENCES.items() for entry in entries}
    for name in observed[0]:
        for aspect in _different(observed, name):
            listed -= _reasons(name, aspect)
    assert listed == set()
