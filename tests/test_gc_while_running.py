"""What is made while a loop runs is no garbage until it has run; from then on it may be."""

import asyncio
import gc
import warnings
import weakref

import pytest

from slowness import GC_STRESS


class Marker:
    """Something to refer to weakly from inside a cycle."""


def in_a_cycle(thing):
    """A callback that refers to ``thing`` and can be referred to weakly."""
    marker = Marker()
    marker.thing = thing
    return marker


def assert_collected(references):
    """Collect and check that nothing referred to is left."""
    gc.collect()
    assert sum(reference() is not None for reference in references) == 0


def run_once(loop, function):
    """Run ``function(loop)`` and nothing that it schedules."""

    def last():
        function(loop)
        loop.stop()

    loop.call_soon(last)
    loop.run_forever()


async def idle(*_):
    """Never get so far as to end."""
    await asyncio.sleep(3600)


def schedule_all(loop, references):
    """Have all that can be scheduled refer to itself by way of what it was given."""

    def note(schedule):
        marker = Marker()
        marker.scheduled = schedule(marker)
        marker.loop = loop
        references.append(weakref.ref(marker))

    for _ in range(3):
        note(lambda marker: loop.call_soon(print, marker))
        note(lambda marker: loop.call_soon_threadsafe(print, marker))
        note(lambda marker: loop.call_later(3600, print, marker))
        note(lambda marker: loop.call_later(0, print, marker))
        note(lambda marker: loop.create_task(idle(marker)))


def scheduled_in_a_run(engine, references):
    """A loop that has stopped before it could do what is scheduled on it."""
    loop = engine.new_event_loop()
    run_once(loop, lambda loop: schedule_all(loop, references))
    for task in engine.all_tasks(loop):
        task._log_destroy_pending = False
    references.append(weakref.ref(loop))
    return loop


def test_what_a_run_left_goes_with_an_abandoned_loop(engine):
    references = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduled_in_a_run(engine, references)
        assert_collected(references)


def test_what_a_run_left_goes_when_the_loop_is_closed(engine):
    references = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduled_in_a_run(engine, references).close()
        assert_collected(references)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_an_interrupted_run_left_goes_with_the_loop(engine, error):
    references = []

    def interrupt(loop):
        schedule_all(loop, references)
        raise error

    def run():
        loop = engine.new_event_loop()
        loop.call_soon(interrupt, loop)
        with pytest.raises(error):
            loop.run_forever()
        for task in engine.all_tasks(loop):
            task._log_destroy_pending = False

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run()
        assert_collected(references)


def test_what_has_run_or_was_cancelled_is_collected_while_the_loop_runs(engine, loop):
    references = []

    async def main():
        def note(schedule):
            marker = Marker()
            marker.scheduled = schedule(marker)
            references.append(weakref.ref(marker))
            return marker

        async def end(marker): ...

        async def end_later(marker):
            await asyncio.sleep(0)

        gc.disable()  # So that each of them is there when it ends.
        try:
            for _ in range(3):
                note(lambda marker: loop.call_soon(in_a_cycle, marker))
                note(lambda marker: loop.call_later(0, in_a_cycle, marker))
                note(lambda marker: loop.create_task(end(marker)))
                note(lambda marker: loop.create_task(end_later(marker)))
                note(lambda marker: loop.call_soon(in_a_cycle, marker)).scheduled.cancel()
                note(lambda marker: loop.call_later(3600, in_a_cycle, marker)).scheduled.cancel()
                cancelled = note(lambda marker: loop.create_task(idle(marker)))
                cancelled.scheduled.cancel()
            del cancelled
            for _ in range(5):
                await asyncio.sleep(0.001)
        finally:
            gc.enable()
        assert_collected(references)

    loop.run_until_complete(main())
    assert len(references) == 21


def test_a_waiting_task_that_nothing_can_wake_is_collected_while_the_loop_runs(engine, loop):
    references = []
    loop.set_exception_handler(lambda loop, context: None)

    async def wait(marker):
        await loop.create_future()

    async def main():
        for _ in range(3):
            marker = Marker()
            marker.task = loop.create_task(wait(marker))
            references.append(weakref.ref(marker))
        del marker
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert_collected(references)

    loop.run_until_complete(main())


def test_loops_of_timers_keep_no_list_of_those_that_are_gone(engine, loop):
    """Timers that come and go while others stay; cancelled ones and fired ones."""
    fired = 0

    def fire():
        nonlocal fired
        fired += 1

    async def main():
        kept = [loop.call_later(3600, fire) for _ in range(50)]
        for _ in range(100):
            for timer in [loop.call_later(3600, fire) for _ in range(100)]:
                timer.cancel()
            loop.call_later(0, fire)
            await asyncio.sleep(0.0002)
        for timer in kept:
            timer.cancel()

    loop.run_until_complete(main())
    assert fired == 100


@pytest.mark.native
@pytest.mark.lazy
@pytest.mark.skipif(GC_STRESS, reason="what is tracked is the same; the collections are not")
def test_the_collector_sees_only_what_has_run(engine, loop):
    loop.set_debug(False)  # In debug mode they know where they were made, and are tracked.
    tracked = []

    async def ends():
        tracked.append(gc.is_tracked(task))

    async def main():
        nonlocal task
        task = loop.create_task(ends())
        handle = loop.call_soon(lambda: tracked.append(gc.is_tracked(handle)))
        timer = loop.call_later(0, lambda: tracked.append(gc.is_tracked(timer)))
        tracked.append([gc.is_tracked(one) for one in (task, handle, timer)])
        while not (task.done() and len(tracked) == 4):
            await asyncio.sleep(0)
        tracked.append([gc.is_tracked(one) for one in (task, handle, timer)])

    task = None
    loop.run_until_complete(main())
    assert tracked == [[False] * 3, False, False, False, [True] * 3]
    task = loop.create_task(ends())
    timer = loop.call_later(0, print)
    assert gc.is_tracked(task)
    assert gc.is_tracked(timer)
    timer.cancel()
    loop.run_until_complete(task)


@pytest.mark.native
@pytest.mark.skipif(GC_STRESS, reason="what is tracked is the same; the collections are not")
def test_a_sleep_that_is_over_is_looked_at_only_when_it_gets_a_name(engine, loop):
    loop.set_debug(False)  # In debug mode it knows where it was made.

    async def main():
        task = loop.create_task(engine.sleep(0.001))
        await task
        return task.get_coro()

    coroutine = loop.run_until_complete(main())
    assert not gc.is_tracked(coroutine)
    name = type("Name", (str,), {})("again")
    name.back = coroutine
    coroutine.__name__ = name
    reference = weakref.ref(coroutine)
    del coroutine, name
    assert_collected([reference])
