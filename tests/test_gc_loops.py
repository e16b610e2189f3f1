"""A loop that is let go of takes along what is scheduled on it."""

import gc
import weakref

import pytest


class Marker:
    """Something to refer to weakly from inside a cycle."""


def assert_collected(references):
    """Collect and check that nothing referred to is left."""
    gc.collect()
    assert sum(reference() is not None for reference in references) == 0


def abandoned(engine, schedule):
    """Return references to a loop nobody holds and to something scheduled on it."""
    loop = engine.new_event_loop()
    marker = Marker()
    marker.loop = loop
    schedule(loop, marker)
    return [weakref.ref(loop), weakref.ref(marker)]


@pytest.mark.parametrize(
    "schedule",
    [
        lambda loop, marker: loop.call_soon(print, marker),
        lambda loop, marker: loop.call_soon_threadsafe(print, marker),
        lambda loop, marker: loop.call_later(3600, print, marker),
        lambda loop, marker: loop.call_at(1, print, marker),
        lambda loop, marker: loop.set_exception_handler(lambda *_: marker),
    ],
    ids=["call_soon", "call_soon_threadsafe", "call_later", "call_at", "exception_handler"],
)
def test_schedule_of_an_abandoned_loop_is_collected(engine, schedule):
    with pytest.warns(ResourceWarning, match="unclosed"):
        references = abandoned(engine, schedule)
        gc.collect()
    assert_collected(references)


def test_wakings_of_an_abandoned_loop_are_collected(engine):
    def schedule(loop, marker):
        future = loop.create_future()

        async def body():
            await future
            return marker

        task = engine.Task(body(), loop=loop)
        task._log_destroy_pending = False
        loop.call_soon(loop.stop)
        loop.run_forever()
        future.set_result(None)

    with pytest.warns(ResourceWarning, match="unclosed"):
        references = abandoned(engine, schedule)
        gc.collect()
    assert_collected(references)


def test_first_steps_of_an_abandoned_loop_are_collected(engine):
    async def body(marker): ...

    def schedule(loop, marker):
        coroutine = body(marker)
        engine.Task(coroutine, loop=loop)._log_destroy_pending = False

    with pytest.warns((ResourceWarning, RuntimeWarning)) as caught:
        references = abandoned(engine, schedule)
        gc.collect()
    assert any("unclosed event loop" in str(warning.message) for warning in caught)
    assert_collected(references)


def test_closed_loop_lets_go_at_once(engine):
    marker = Marker()
    reference = weakref.ref(marker)
    loop = engine.new_event_loop()
    loop.call_soon(print, marker)
    loop.call_later(3600, print, marker)
    del marker
    loop.close()
    assert reference() is None
