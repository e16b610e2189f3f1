"""Requests to cancel that go through gathers: deep ones, circles, and children that raise."""

import asyncio

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
async def test_gathers_directly_inside_each_other_are_cancelled_by_a_loop(engine, loop):
    length = DEEP // 20 if loop.get_debug() else DEEP
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
