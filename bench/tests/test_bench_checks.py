"""A workload whose work is not done is no measurement: each is broken on purpose."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from driver.row import WorkNotDone
from growth.series import SERIES
from rows import ROWS, first, memory

pytestmark = pytest.mark.skipif(
    os.environ.get("STOOK_TESTS_INSTALLED") == "1",
    reason="what is broken here, and counted, is asyncio's own: stook stands in its place",
)


async def at_once(*_):
    return True


def at_once_where_it_is_seen(loop, callback, *arguments, context=None):
    """What the loop itself schedules has to wait: it would run inside of what schedules it."""
    if getattr(callback, "__name__", "") in ("append", "set_result"):
        return callback(*arguments)
    return CALL_SOON(loop, callback, *arguments, context=context)


def in_the_thread(loop, callback, *arguments, context=None):
    callback(*arguments)
    loop._write_to_self()


async def in_turn(*coroutines, **_):
    return [await coroutine for coroutine in coroutines]


class Ended:
    """Stands for a task: its coroutine has ended already, however often it gave way."""

    def __init__(self, coroutine):
        try:
            while True:
                coroutine.send(None)
        except StopIteration as end:
            self.returned = end.value

    def result(self):
        return self.returned


async def one_result(*awaitables, **_):
    for awaitable in awaitables[1:]:
        asyncio.ensure_future(awaitable).cancel()
    return [await awaitables[0]]


async def none_done(tasks, **_):
    return set(), tasks


def forever(_):
    return contextlib.nullcontext()


async def unlimited(awaitable, _):
    return await awaitable


async def inline(_loop, _executor, function, *arguments):
    return function(*arguments)


CALL_SOON = asyncio.SelectorEventLoop.call_soon

BROKEN = {
    "create_task() makes no task": (
        [(asyncio, "create_task", lambda coroutine: coroutine)],
        ["task/create_await"],
    ),
    "shield() is none": (
        [(asyncio, "shield", lambda awaitable: awaitable)],
        ["task/shield"],
    ),
    "call_soon() calls at once": (
        [(asyncio.SelectorEventLoop, "call_soon", at_once_where_it_is_seen)],
        ["task/future_wake_up"],
    ),
    "gather goes from one to the next": (
        [(asyncio, "gather", in_turn)],
        ["gather/trivial_10", "gather/trivial_1k", "gather/steps_1k", "gather/trivial"],
    ),
    "as_completed() waits for nobody": (
        [(asyncio, "as_completed", iter)],
        ["wait/as_completed_1k"],
    ),
    "a group has no tasks": (
        [(asyncio.TaskGroup, "create_task", lambda _, coroutine: Ended(coroutine))],
        ["group/tasks_1k", "group/tasks_1"],
    ),
    "a timer has no delay": (
        [
            (
                asyncio.SelectorEventLoop,
                "call_later",
                lambda loop, _, *call, **options: loop.call_soon(*call, **options),
            )
        ],
        ["loop/timers_100k"],
    ),
    "call_soon_threadsafe() calls in its thread": (
        [(asyncio.SelectorEventLoop, "call_soon_threadsafe", in_the_thread)],
        ["threads/call_soon_flood"],
    ),
    "sleep(0) does not give way": (
        [(asyncio, "sleep", at_once)],
        ["sleep/zero_1", "sleep/zero_1k", "gather/steps_1k"],
    ),
    "gather leaves results out": (
        [(asyncio, "gather", one_result)],
        ["gather/trivial_10", "gather/trivial_1k", "gather/steps_1k", "timeout/expired"],
    ),
    "wait does not wait": (
        [(asyncio, "wait", none_done)],
        ["wait/first_drain_1k", "wait/all_1k", "wait/first_drain", "cancel/chain"],
    ),
    "an event is not waited for": (
        [(asyncio.Event, "wait", at_once)],
        ["synchronisation/event", "event/waiters"],
    ),
    "a lock is anyone's": (
        [(asyncio.Lock, "__aenter__", at_once), (asyncio.Lock, "__aexit__", at_once)],
        ["synchronisation/lock", "lock/waiters"],
    ),
    "timeout() has no limit": (
        [(asyncio, "timeout", forever)],
        ["timeout/met"],
    ),
    "wait_for() has no limit": (
        [(asyncio, "wait_for", unlimited)],
        ["timeout/wait_for"],
    ),
    "the executor has no thread": (
        [(asyncio.SelectorEventLoop, "run_in_executor", inline)],
        ["threads/executor"],
    ),
    "a timer cannot be cancelled": (
        [(asyncio.TimerHandle, "cancel", lambda *_: None)],
        ["loop/timers_100k", "timers/cancelled"],
    ),
}


def workload_of(name):
    """The workload of a row, or of a series at its smallest."""
    return ROWS[name].workload() if name in ROWS else SERIES[name].workload(100)


def measured(workload):
    """Run a workload on asyncio's loop, without stook, as where a rival is measured."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop, debug=False) as runner:
        return runner.run(workload)


@pytest.fixture(autouse=True)
def no_stook(monkeypatch):
    monkeypatch.delitem(sys.modules, "stook", raising=False)


@pytest.mark.parametrize("name", sorted({name for _, names in BROKEN.values() for name in names}))
def test_a_workload_does_its_work(name):
    lap = measured(workload_of(name))
    assert lap.operations > 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param(changes, name, id=f"{name}: {words}")
        for words, (changes, names) in BROKEN.items()
        for name in names
    ],
)
def test_a_workload_without_its_work_is_refused(monkeypatch, changes, name):
    for change in changes:
        monkeypatch.setattr(*change)
    with pytest.raises(WorkNotDone):
        measured(workload_of(name))


@pytest.mark.parametrize("name", SERIES)
def test_a_series_does_its_work(name):
    lap = measured(SERIES[name].workload(100))
    assert lap.operations >= 100


COUNTED = [name for name in ROWS if name.startswith("memory/tracked_")]


@pytest.mark.parametrize("name", COUNTED)
def test_objects_are_counted_for_one_and_none_is_less_than_none(monkeypatch, name):
    monkeypatch.setattr(memory, "COUNT", 100)
    assert measured(ROWS[name].workload()) >= 2
    counts = iter([1_000, 999])
    monkeypatch.setattr(memory, "_tracked_objects", lambda: next(counts))
    assert str(measured(ROWS[name].workload())) == "0.0"


def test_losers_of_a_race_that_go_on_are_noticed(monkeypatch):
    async def forgetful(*coroutines):
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    monkeypatch.setattr(first, "_race_by_hand", forgetful)
    with pytest.raises(WorkNotDone, match="the workload gave 5001, not 1"):
        measured(ROWS["first/race_2"].workload())
