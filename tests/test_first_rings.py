"""Tasks that wait for each other's end: none of them waits for ever."""

import asyncio
import functools
import types

import pytest

import stook
from loops import LOOPS, run_on

pytestmark = pytest.mark.needs_stook

TURNS = 60
"""More than any of these programs takes."""


@pytest.fixture(params=[*LOOPS, "asyncio's tasks"])
def run(request):
    """Run a coroutine function on each kind of loop, and on asyncio's with asyncio's tasks."""
    if request.param in LOOPS:
        return lambda main: run_on(request.param, main)

    def run_stock(main):
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(main())

    return run_stock


async def turns(count):
    """Let so many turns go by."""
    for _ in range(count):
        await asyncio.sleep(0)


async def all_ended(*tasks):
    """Let some turns go by, and tell whether these have ended by themselves; end them anyway."""
    await turns(TURNS)
    have_ended = [task.done() for task in tasks]
    for task in tasks:
        task.cancel()
    return have_ended == [True] * len(tasks)


async def cleaning(event):
    """Sleep; when cancelled, take some turns to clean up."""
    try:
        await asyncio.Event().wait()
    finally:
        await turns(3)
        event.set()


WAITS = {
    "race": lambda task: stook.race(task),
    "race, awaiting": lambda task: stook.race(task, losers="await"),
    "first_success": lambda task: stook.first_success(task),
    "gather": lambda task: stook.gather(task, on_error="cancel"),
    "cancel_and_wait": lambda task: stook.cancel_and_wait(task),
    "await": lambda task: task,
    "asyncio.gather": lambda task: asyncio.gather(task),
    "asyncio.wait_for": lambda task: asyncio.wait_for(task, 3600),
    "stook.gather": lambda task: stook.gather(task),
    "stook.wait_for": lambda task: stook.wait_for(task, 3600),
}
OWN = list(WAITS)[:5]


def ring(waits):
    """Make tasks each of which waits for the next one, and the last for the first."""
    tasks = []

    async def waiting(index):
        await turns(1)
        await waits[index](tasks[(index + 1) % len(tasks)])

    tasks += [asyncio.ensure_future(waiting(index)) for index in range(len(waits))]
    return tasks


@pytest.mark.parametrize("second", WAITS)
@pytest.mark.parametrize("first", OWN)
@pytest.mark.parametrize("cancelled", [0, 1])
def test_two_that_wait_for_each_other_end_when_one_is_cancelled(run, first, second, cancelled):
    async def main():
        tasks = ring([WAITS[first], WAITS[second]])
        await turns(4)
        tasks[cancelled].cancel()
        return await all_ended(*tasks)

    assert run(main)


@pytest.mark.parametrize("between", WAITS)
def test_a_longer_ring_ends_when_one_is_cancelled(run, between):
    async def main():
        tasks = ring([stook.race, WAITS[between], stook.first_success, WAITS[between]])
        await turns(4)
        tasks[0].cancel()
        return await all_ended(*tasks)

    assert run(main)


def test_a_ring_through_a_group_ends(run):
    async def main():
        async def grouped():
            async with asyncio.TaskGroup() as group:
                group.create_task(racing(tasks[0]))

        async def racing(task):
            await turns(1)
            await stook.race(task)

        tasks = []

        async def first():
            await turns(1)
            await stook.race(tasks[1])

        tasks += [asyncio.ensure_future(first()), asyncio.ensure_future(grouped())]
        await turns(4)
        tasks[0].cancel()
        return await all_ended(*tasks)

    assert run(main)


def test_a_loser_that_begins_to_wait_late_is_let_go_at_the_next_request(run):
    async def main():
        async def late():
            try:
                await asyncio.Event().wait()
            finally:
                await racer

        async def racing():
            await stook.race(loser)

        loser = asyncio.ensure_future(late())
        racer = asyncio.ensure_future(racing())
        await turns(2)
        racer.cancel("first")
        await turns(5)
        assert not racer.done()
        racer.cancel("second")
        assert await all_ended(racer, loser)
        assert racer.cancelled() and loser.cancelled()

    run(main)


OTHERWISE = {
    "wait": lambda task: asyncio.wait([task]),
    "shield": asyncio.shield,
    "detect_cancel": stook.detect_cancel,
    "race, leaving": lambda task: stook.race(task, losers="leave"),
}


@pytest.mark.parametrize("way", OTHERWISE)
def test_losers_that_wait_otherwise_are_still_waited_for(run, way):
    """Who only looks at the racer, and ends when it is cancelled, is no part of a ring."""

    async def main():
        ended = []

        async def watching():
            try:
                await OTHERWISE[way](racer)
            finally:
                await turns(3)
                ended.append(way)

        async def racing():
            await turns(1)
            await stook.race(watcher)

        racer = asyncio.ensure_future(racing())
        watcher = asyncio.ensure_future(watching())
        await turns(4)
        racer.cancel()
        await asyncio.wait([racer])
        assert racer.cancelled()
        return list(ended)

    assert run(main) == [way]


@pytest.mark.parametrize("losers", ["await", "leave"])
def test_an_awaited_loser_for_which_another_may_decide_is_waited_for(run, losers):
    """It waits for the racer, or for another: so it ends, though the racer has not."""

    async def main():
        ended = []

        async def another():
            await turns(9)
            return "another"

        async def watching():
            try:
                ended.append(await stook.race(racer, another(), losers=losers))
            finally:
                ended.append("watcher")

        async def quick():
            return "won"

        async def racing():
            await turns(1)
            return await stook.race(watcher, quick(), losers="await")

        racer = asyncio.ensure_future(racing())
        watcher = asyncio.ensure_future(watching())
        await asyncio.wait([racer])
        assert racer.result() == "won"
        return list(ended)

    assert run(main) == ["another", "watcher"]


def test_an_awaited_loser_for_which_another_has_decided_is_waited_for(run):
    """It has not gone on yet when the racer looks who waits for its end."""

    async def main():
        ended = []
        first, another = (asyncio.get_running_loop().create_future() for _ in range(2))

        async def watching():
            ended.append(await stook.race(racer, another, losers="leave"))
            await turns(9)
            ended.append("watcher")

        async def racing():
            await turns(1)
            return await stook.race(watcher, first, losers="await")

        racer = asyncio.ensure_future(racing())
        watcher = asyncio.ensure_future(watching())
        await turns(4)
        first.set_result("won")
        another.set_result("another")
        await asyncio.wait([racer])
        assert racer.result() == "won"
        return list(ended)

    assert run(main) == ["another", "watcher"]


def test_only_the_one_that_waits_back_is_let_go(run):
    async def main():
        event = asyncio.Event()
        cleaner = asyncio.ensure_future(cleaning(event))

        async def racing():
            await turns(1)
            await stook.race(back, cleaner)

        async def waiting_back():
            await turns(1)
            await stook.race(racer)

        racer = asyncio.ensure_future(racing())
        back = asyncio.ensure_future(waiting_back())
        await turns(4)
        racer.cancel()
        await asyncio.wait([racer])
        assert event.is_set() and cleaner.cancelled()
        return await all_ended(back)

    assert run(main)


def test_awaited_losers_that_wait_for_the_racer_are_let_go(run):
    async def main():
        async def quick():
            return "won"

        async def awaiting():
            return await racer

        async def racing():
            await turns(1)
            return await stook.race(back, quick(), losers="await")

        racer = asyncio.ensure_future(racing())
        back = asyncio.ensure_future(awaiting())
        await turns(TURNS)
        assert racer.done() and racer.result() == "won"
        assert await back == "won"

    run(main)


def test_cancel_and_wait_tells_that_one_that_waits_back_is_running(run):
    async def main():
        async def first():
            await turns(1)
            return await stook.race(second)

        async def ending():
            await turns(2)
            [ended] = await stook.cancel_and_wait(racer)
            return ended.state

        racer = asyncio.ensure_future(first())
        second = asyncio.ensure_future(ending())
        await turns(TURNS)
        assert second.done() and racer.done()
        return second.result() if not second.cancelled() else "cancelled"

    assert run(main) in ("running", "cancelled")


def test_callbacks_of_any_kind_on_the_racer_are_no_hindrance(run):
    async def main():
        class Odd:
            def __call__(self, *_arguments):
                called.append(self)

        class Waiter:
            def _done_callback(self, _task):
                called.append(self)

        called = []
        odd, waiter = Odd(), Waiter()
        functions = [odd, types.MethodType(odd, 5), functools.partial(odd), waiter._done_callback]
        event = asyncio.Event()
        cleaner = asyncio.ensure_future(cleaning(event))
        racer = asyncio.ensure_future(stook.race(cleaner))
        for function in functions:
            racer.add_done_callback(function)
        other = asyncio.ensure_future(asyncio.Event().wait())
        racer.add_done_callback(other.cancel)
        await turns(2)
        racer.cancel()
        await asyncio.wait([racer, other])
        assert event.is_set() and other.cancelled()
        assert called == [odd, odd, odd, waiter]

    run(main)


def test_one_whose_end_cancels_a_loser_is_waited_for(run):
    """A callback that is some other method of a task is no wait of that task."""

    async def main():
        event = asyncio.Event()
        cleaner = asyncio.ensure_future(cleaning(event))
        racer = asyncio.ensure_future(stook.race(cleaner))
        racer.add_done_callback(cleaner.cancel)
        await turns(2)
        racer.cancel()
        await asyncio.wait([racer])
        return event.is_set()

    assert run(main)
