"""Requests to cancel that go through gathers: deep ones, circles, and children that raise.

Those that come to tasks which others have gone through just before are put off, as in
`test_cancelled_forests.py`: what is done to a gather in between must not show it.
"""

import asyncio
import random

import pytest

from slowness import SLOWNESS

DEEP = 20_000 if SLOWNESS == 1 else 2_000


async def link(engine, awaited):
    """Wait for something in a gather."""
    await engine.gather(awaited)


async def chain_of(engine, loop, length):
    """Return tasks that each gather the one before it, the first a future."""
    awaited = loop.create_future()
    tasks = []
    for _ in range(length):
        awaited = loop.create_task(link(engine, awaited))
        tasks.append(awaited)
    for _ in range(2):
        await engine.sleep(0)
    return tasks


@pytest.mark.native
async def test_a_request_goes_through_any_number_of_gathers(engine, loop):
    length = DEEP // 20 if loop.get_debug() else DEEP
    tasks = await chain_of(engine, loop, length)
    assert tasks[-1].cancel("why")
    assert [task.cancelling() for task in tasks] == [1] * length
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.native
@pytest.mark.parametrize("order", ["upwards", "downwards", "shuffled"])
async def test_all_tasks_of_a_long_chain_of_gathers_may_be_asked(engine, loop, order):
    length = DEEP // 20 if loop.get_debug() else DEEP
    tasks = await chain_of(engine, loop, length)
    asked = tasks[::-1] if order == "downwards" else tasks[:]
    if order == "shuffled":
        random.Random(1).shuffle(asked)
    for number, task in enumerate(asked):
        assert task.cancel(f"for the end, {number}")
    assert [task.cancelling() for task in tasks] == list(range(length, 0, -1))
    assert [task._must_cancel for task in tasks] == [True] + [False] * (length - 1)
    assert tasks[0]._cancel_message == f"for the end, {length - 1}"
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.native
async def test_all_tasks_of_a_deep_tree_of_gathers_may_be_asked(engine, loop):
    async def wait(future):
        await future

    length = (DEEP // 20 if loop.get_debug() else DEEP) // 2
    trunk, others, awaited = [], [], loop.create_future()
    for _ in range(length):
        beside = [loop.create_task(wait(loop.create_future())) for _ in range(2)]
        inner = engine.gather(beside[0], loop.create_future())
        awaited = loop.create_task(link(engine, engine.gather(beside[1], awaited, inner)))
        others += beside
        trunk.append(awaited)
    for _ in range(2):
        await engine.sleep(0)
    asked = [*trunk, *others]
    random.Random(2).shuffle(asked)
    assert all(task.cancel() for task in asked)
    counts = list(range(length, 0, -1))
    assert [task.cancelling() for task in trunk] == counts
    # Each by itself once more than what it is beside.
    assert [task.cancelling() for task in others[::2]] == [count + 1 for count in counts]
    assert [task.cancelling() for task in others[1::2]] == [count + 1 for count in counts]
    await engine.wait(asked)
    assert all(task.cancelled() for task in asked)


@pytest.mark.native
async def test_gathers_directly_inside_each_other_are_cancelled_by_a_loop(engine, loop):
    length = DEEP // 20 if loop.get_debug() else 10 * DEEP
    future = gathered = loop.create_future()
    for _ in range(length):
        gathered = engine.gather(gathered)
    assert gathered.cancel()
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await gathered


async def test_each_task_of_a_chain_of_gathers_counts_each_request(engine, loop):
    tasks = await chain_of(engine, loop, 30)
    assert all(task.cancel() for task in tasks)
    assert [task.cancelling() for task in tasks] == list(range(30, 0, -1))
    # The future took the first request; the first task keeps those after it.
    assert [task._must_cancel for task in tasks] == [True] + [False] * 29
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_is_gathered_twice_is_asked_twice(engine, loop):
    waiting = loop.create_task(engine.sleep(3600))
    inner = engine.gather(waiting)

    async def outer():
        await engine.gather(waiting, inner, waiting)

    task = loop.create_task(outer())
    for _ in range(2):
        await engine.sleep(0)
    assert task.cancel()
    assert waiting.cancelling() == 3
    await engine.wait([task])
    assert task.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await inner


async def test_a_task_whose_gathered_children_are_done_keeps_the_request(engine, loop):
    future = loop.create_future()
    task = loop.create_task(link(engine, future))
    for _ in range(2):
        await engine.sleep(0)
    future.set_result(None)
    assert task.cancel("late")
    assert task._must_cancel
    await engine.wait([task])
    assert task.cancelled()


async def test_a_gather_that_is_gathered_twice_is_asked_twice(engine, loop):
    future, waiting = loop.create_future(), loop.create_task(engine.sleep(3600))
    inner = engine.gather(future, waiting)
    outer = engine.gather(inner, engine.gather(inner), inner)
    await engine.sleep(0)
    assert outer.cancel()
    assert waiting.cancelling() == 3
    for gathered in (outer, inner):
        with pytest.raises(asyncio.CancelledError):
            await gathered


async def test_a_gather_inside_itself_raises(engine, loop):
    future = loop.create_future()
    gathered, other = engine.gather(future), engine.gather(future)
    children = gathered._children
    gathered._children = [other]
    other._children = [gathered]
    with pytest.raises(RecursionError):
        gathered.cancel()
    gathered._children = other._children = children
    assert gathered.cancel()
    assert future.cancelled()
    for one in (gathered, other):
        with pytest.raises(asyncio.CancelledError):
            await one


class Reluctant(asyncio.Future):
    """A future whose ``cancel`` raises the first time."""

    was_asked = False

    def cancel(self, msg=None):
        """Raise, and the next time do as asked."""
        if not self.was_asked:
            self.was_asked = True
            raise ValueError("not now")
        return super().cancel(msg=msg)


async def test_a_child_that_raises_leaves_those_above_able_to_ask_again(engine, loop):
    reluctant = Reluctant(loop=loop)
    below = loop.create_task(link(engine, reluctant))
    above = loop.create_task(link(engine, below))
    for _ in range(2):
        await engine.sleep(0)
    with pytest.raises(ValueError, match="not now"):
        above.cancel()
    assert above.cancel()
    assert not below._must_cancel
    assert reluctant.cancelled()
    await engine.wait([above])
    assert (below.cancelled(), above.cancelled()) == (True, True)
    assert (below.cancelling(), above.cancelling()) == (2, 2)


class Asked:
    """A task that awaits a gather, and a task that this gathers, beside a future.

    Attributes:
        above: The task that awaits.
        gathered: What it awaits.
        below: A task that is gathered.
        future: What is gathered before it.
    """

    def __init__(self, engine, loop):
        async def wait():
            await self.gathered

        self.future = loop.create_future()
        self.below = loop.create_task(link(engine, loop.create_future()))
        self.gathered = engine.gather(self.future, self.below)
        self.above = loop.create_task(wait())

    async def begin(self, engine):
        for _ in range(2):
            await engine.sleep(0)
        return self

    def counts(self):
        """Look at both tasks: at the one below first, which has to bring nothing to an end."""
        return self.below.cancelling(), self.above.cancelling(), self.above._must_cancel

    async def end(self, engine):
        self.above.cancel()
        self.below.cancel()
        await engine.wait([self.above, self.below])
        assert self.above.done()
        assert self.below.cancelled()
        if self.gathered.done() and not self.gathered.cancelled():
            self.gathered.exception()


async def test_requests_that_come_again_are_counted_by_those_below(engine, loop):
    asked = await Asked(engine, loop).begin(engine)
    for _ in range(3):
        assert asked.above.cancel()
    assert asked.counts() == (3, 3, False)
    await asked.end(engine)


async def test_a_gather_that_is_done_passes_nothing_on(engine, loop):
    asked = await Asked(engine, loop).begin(engine)
    seen = []

    def ask_again(_future):
        # The gather has been told, the task that it cancels and the one that awaits it were not.
        assert asked.gathered.done()
        seen.append(asked.above.cancel())
        seen.append(asked.counts())

    asked.future.add_done_callback(ask_again)
    assert asked.above.cancel()
    await engine.sleep(0)
    assert seen == [True, (1, 2, True)]
    await asked.end(engine)


@pytest.mark.parametrize("way", ["set_result", "set_exception", "cancel"])
async def test_a_gather_that_a_program_ends_passes_nothing_on(engine, loop, way):
    asked = await Asked(engine, loop).begin(engine)
    asked.above.cancel()
    if way == "cancel":
        # Of the class that the gather's is derived from.
        base = next(base for base in type(asked.gathered).__mro__ if base.__name__ == "Future")
        assert base.cancel(asked.gathered)
    else:
        getattr(asked.gathered, way)(ValueError("ended"))
    asked.above.cancel()
    assert asked.counts() == (1, 2, True)
    await asked.end(engine)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_children_that_are_asked_are_those_of_the_time(engine, loop, when):
    asked = await Asked(engine, loop).begin(engine)
    if when == "before":
        children = asked.gathered._children
        asked.above.cancel()
    else:
        asked.above.cancel()
        children = asked.gathered._children
    asked.above.cancel()
    children.clear()
    asked.above.cancel()
    assert asked.counts() == (2, 3, True)
    await asked.end(engine)


async def test_other_children_are_asked_from_then_on(engine, loop):
    asked = await Asked(engine, loop).begin(engine)
    for _ in range(2):
        asked.above.cancel()
    other = loop.create_task(link(engine, loop.create_future()))
    for _ in range(2):
        asked.gathered._children = [other]
        for _ in range(2):
            asked.above.cancel()
    assert other.cancelling() == 4
    assert asked.counts() == (2, 6, False)
    await asked.end(engine)
    await engine.wait([other])


async def test_a_request_is_taken_back_by_hand_after_those_before(engine, loop):
    asked = await Asked(engine, loop).begin(engine)
    for _ in range(2):
        asked.above.cancel()
    asked.gathered._cancel_requested = False
    assert asked.counts() == (2, 2, False)
    assert asked.gathered._cancel_requested is False
    for _ in range(2):
        asked.above.cancel()
    asked.gathered._cancel_requested = False
    asked.above.cancel()
    assert asked.gathered._cancel_requested is True
    assert asked.counts() == (5, 5, False)
    await asked.end(engine)


@pytest.mark.parametrize("already", range(998, 1004))
@pytest.mark.parametrize("place", [0, 1])
async def test_what_was_put_off_too_often_is_counted_by_all(engine, loop, place, already):
    # So many requests are put off at the most that the others are counted while children are asked.
    children = [loop.create_task(link(engine, loop.create_future())) for _ in range(2)]
    above = loop.create_task(link(engine, engine.gather(*children)))
    for _ in range(2):
        await engine.sleep(0)
    for _ in range(already):
        children[place].cancel()
    for _ in range(3):
        above.cancel()
    assert children[1 - place].cancelling() == 3
    assert children[place].cancelling() == already + 3
    await engine.wait([above])
    assert above.cancelled()


@pytest.mark.native
async def test_a_gather_tells_of_the_request_that_came_last(engine, loop):
    stook = pytest.importorskip("stook")
    asked = await Asked(engine, loop).begin(engine)
    for reason in ("first", "second"):
        stook.cancel(asked.above, reason=reason)
    assert stook.cancellation(asked.gathered).chain[-1].reason == "second"
    for _ in range(2):
        stook.cancel(asked.above, reason="third")
    stook.cancel(asked.gathered, reason="fourth")
    assert asked.counts() == (5, 4, False)
    assert stook.cancellation(asked.gathered).chain[-1].reason == "fourth"
    await asked.end(engine)


@pytest.mark.native
@pytest.mark.parametrize("looks", [False, True])
async def test_requests_that_come_by_two_ways_come_in_the_order_of_the_children(
    engine, loop, looks
):
    stook = pytest.importorskip("stook")
    caught = []

    async def shared():
        try:
            await loop.create_future()
        except engine.CancelledError as error:
            caught.append(stook.cancellation(error))
            raise

    async def way():
        await below

    below = loop.create_task(shared())
    ways = [loop.create_task(way(), name=f"way {number}") for number in range(3)]
    above = loop.create_task(link(engine, engine.gather(*ways)))
    for _ in range(2):
        await engine.sleep(0)
    for reason in range(3):
        stook.cancel(above, reason=reason)
        if looks:
            assert below.cancelling() == 3 * (reason + 1)
    assert below.cancelling() == 9
    await engine.wait([above])
    [record] = caught
    told = [(met.chain[-1].reason, met.who.name) for met in (record, *record.others)]
    came = [(reason, f"way {number}") for reason in range(3) for number in range(3)]
    # The first ones and the last are kept.
    assert told == [*came[:-2], came[-1]]
