"""Many tasks that wait for each other are asked to cancel: the same comes of it, in less time.

What `cancelled_forests.py` prints on stock asyncio it prints on stook, and also when all tasks are
looked at after each request, so that no request is put off.
"""

import gc
import sys
import weakref

import pytest

from programs import output_of, run_python
from slowness import SLOWNESS

FORESTS = 200 if SLOWNESS == 1 else 80
CHAIN = 100_000 if SLOWNESS == 1 else 2_000
PROGRAM = "tests/cancelled_forests.py"
WAYS = {"launcher": (["-m", "stook"], []), "loop_factory": ([], ["--loop-factory"])}
# Tasks that begin while they are made there are from 3.12 on.
BEGINNINGS = {"later": [], "eager": ["--eager"]} if sys.version_info >= (3, 12) else {"later": []}


def play(before, after):
    """Return what is printed of the forests, without the warnings of those that never began."""
    size = ["--forests", str(FORESTS), "--seed", "13000"]
    arguments = ["-W", "ignore", *before, PROGRAM, *size, *after]
    process = run_python(arguments, environment={"PYTHONASYNCIODEBUG": ""})
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


@pytest.mark.needs_stook
@pytest.mark.time_limit(60.0 * SLOWNESS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("way", WAYS)
def test_random_forests_are_cancelled_as_by_stock_asyncio(way, beginning):
    before, after = WAYS[way]
    eager = BEGINNINGS[beginning]
    stock = play([], eager)
    assert play(before, [*after, *eager]) == stock
    for what in (
        "ask",
        "is told",
        "takes back",
        "got",
        "begin again",
        "behind its back",
        "handler: ['",
    ):
        assert any(what in line for line in stock), what


@pytest.mark.needs_stook
@pytest.mark.time_limit(60.0 * SLOWNESS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("way", WAYS)
def test_looking_in_between_changes_neither_counts_nor_records(way, beginning):
    before, after = WAYS[way]
    after = [*after, *BEGINNINGS[beginning], "--records"]
    put_off = play(before, after)
    assert put_off == play(before, [*after, "--look"])
    assert any("parent cancelled" in line for line in put_off)


async def link(awaited):
    """Wait for something."""
    await awaited


async def chain_of(engine, loop, length):
    """Return tasks that wait each for the one before it, the first for a future."""
    tasks = []
    awaited = loop.create_future()
    for _ in range(length):
        awaited = loop.create_task(link(awaited))
        tasks.append(awaited)
    for _ in range(2):
        await engine.sleep(0)
    return tasks


@pytest.mark.ours
@pytest.mark.parametrize("upwards", [True, False])
async def test_every_task_of_a_long_chain_counts_every_request(engine, loop, upwards):
    # In debug mode each task keeps where it was made: that many take their time.
    length = CHAIN // 20 if loop.get_debug() else CHAIN
    tasks = await chain_of(engine, loop, length)
    assert all(task.cancel() for task in (tasks if upwards else reversed(tasks)))
    assert [task.cancelling() for task in tasks] == list(range(length, 0, -1))
    assert [task._must_cancel for task in tasks] == [True] + [False] * (length - 1)
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.ours
async def test_the_last_task_keeps_the_message_of_the_last_request(engine, loop):
    tasks = await chain_of(engine, loop, 5)
    for message in ("first", "second", "third"):
        for task in tasks:
            task.cancel(message)
    assert [task.cancelling() for task in tasks] == [15, 12, 9, 6, 3]
    assert tasks[0]._cancel_message == "third"
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.ours
@pytest.mark.parametrize("upwards", [True, False])
async def test_each_request_to_a_long_chain_may_have_a_message_of_its_own(engine, loop, upwards):
    length = CHAIN // 20 if loop.get_debug() else CHAIN
    tasks = await chain_of(engine, loop, length)
    asked = tasks if upwards else tasks[::-1]
    for number, task in enumerate(asked):
        task.cancel(f"for the end, {number}")
    assert [task.cancelling() for task in tasks] == list(range(length, 0, -1))
    assert tasks[0]._cancel_message == f"for the end, {length - 1}"
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.ours
async def test_the_error_of_a_request_that_was_put_off_has_its_message(engine, loop):
    tasks = await chain_of(engine, loop, 3)
    for _ in range(2):
        tasks[2].cancel("why")
    assert tasks[0]._make_cancelled_error().args == ("why",)
    await engine.wait(tasks)


@pytest.mark.parametrize("error", [None, ValueError])
async def test_a_task_that_was_asked_while_it_ended_counts_no_later_request(engine, loop, error):
    future = loop.create_future()

    async def below():
        try:
            await future
        finally:
            for _ in range(2):
                above.cancel()
            if error:
                raise error

    inner = loop.create_task(below())
    # Called before the task that awaits it is told.
    inner.add_done_callback(lambda _task: [above.cancel() for _ in range(2)])
    above = loop.create_task(link(inner))
    for _ in range(2):
        await engine.sleep(0)
    inner.cancel()
    await engine.wait([above])
    assert (inner.cancelling(), above.cancelling()) == (3, 4)
    assert above.cancelled()


class Reason:
    """What may be referred to weakly."""


@pytest.mark.ours
async def test_asking_again_and_again_does_not_use_up_memory(engine, loop):
    stook = pytest.importorskip("stook")
    _, task = await chain_of(engine, loop, 2)
    alive = weakref.WeakSet()
    for _ in range(20_000):
        reason = Reason()
        alive.add(reason)
        stook.cancel(task, reason=reason)
        assert len(alive) < 5_000
    assert task.cancelling() == 20_000
    await engine.wait([task])


@pytest.mark.ours
async def test_what_was_put_off_keeps_no_task_of_a_closed_loop_alive(engine, loop):
    other = engine.new_event_loop()
    future = other.create_future()
    tasks = [other.create_task(link(future))]
    tasks.append(other.create_task(link(tasks[0])))
    other.call_soon(other.stop)
    other.call_soon(other.call_soon, other.stop)
    del future
    watched = [weakref.ref(task) for task in tasks]
    for _ in range(3):
        for task in tasks:
            task.cancel()
    for task in tasks:
        task._log_destroy_pending = False
        task.get_coro().close()
    other.close()
    del task, tasks
    gc.collect()
    assert [ref() for ref in watched] == [None, None]


END_OF_A_RUN = """
import asyncio, sys
import stook

async def link(awaited):
    await awaited

async def forever():
    await asyncio.sleep(3600)

async def chain(length):
    last = asyncio.create_task(forever())
    for _ in range(length):
        last = asyncio.create_task(link(last))
    return last

async def gathers(length):
    last = asyncio.create_task(forever())
    for _ in range(min(length, 1_000)):
        last = asyncio.create_task(link(asyncio.gather(last)))
    return last

async def circle(length):
    stook.refuse_deadlocks(False)
    closed = asyncio.Future()
    tasks = [asyncio.create_task(later(closed))]
    for _ in range(length):
        tasks.append(asyncio.create_task(link(tasks[-1])))
    closed.set_result(tasks[-1])
    return tasks

async def later(future):
    await (await future)

async def main(make, length):
    global kept
    kept = await make(length)
    for _ in range(3):
        await asyncio.sleep(0)

make, length = {"chain": chain, "gathers": gathers, "circle": circle}[sys.argv[1]], int(sys.argv[2])
run = {"asyncio": asyncio.run, "stook": stook.run}[sys.argv[3]]
run(main(make, length), **({"grace": 60} if sys.argv[4:] else {}))
kept = kept if isinstance(kept, list) else [kept]
print(all(task.cancelled() for task in kept))
"""


@pytest.mark.needs_stook
@pytest.mark.time_limit(50.0 * SLOWNESS)
@pytest.mark.parametrize("what", ["chain", "gathers", "circle"])
@pytest.mark.parametrize("run", ["asyncio", "stook", "stook grace"])
def test_the_end_of_a_run_ends_for_long_chains_and_circles(tmp_path, what, run):
    program = tmp_path / "program.py"
    program.write_text(END_OF_A_RUN)
    arguments = [
        "-m",
        "stook",
        "--on-deadlock=report",
        str(program),
        what,
        str(CHAIN),
        *run.split(),
    ]
    process = run_python(arguments, environment={"PYTHONASYNCIODEBUG": ""})
    assert output_of(process) == "True\n"
