"""What the wait graph makes of numbers that it finds: seconds of sleeps, bounds of semaphores."""

import asyncio
import fractions
import weakref

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    return stook


async def settle(engine):
    """Give tasks some turns of the loop to get to where they wait."""
    for _ in range(5):
        await engine.sleep(0)


async def end_all(engine, *tasks):
    for task in tasks:
        task.cancel()
    await engine.wait(tasks)


async def test_since_when_a_sleep_is_does_not_depend_on_a_timeout_around_it(engine, loop, stook):
    async def waits():
        async with asyncio.timeout(60):
            await engine.sleep(3600)

    task = engine.create_task(waits())
    begun = loop.time()
    await settle(engine)
    wait = stook.wait_graph().info(task).wait
    assert wait.until == pytest.approx(begun + 60, abs=30)
    assert wait.since == pytest.approx(begun, abs=30)
    await end_all(engine, task)


async def test_the_result_of_a_sleep_is_not_taken_for_its_seconds(engine, loop, stook):
    task = engine.create_task(engine.sleep(fractions.Fraction(3600), True))
    await settle(engine)
    wait = stook.wait_graph().info(task).wait
    assert (wait.kind, wait.since) == ("sleep", None)
    await end_all(engine, task)


async def test_an_error_of_a_semaphores_bound_goes_at_once(engine, loop, stook):
    class Unequal:
        def __eq__(self, other):
            raise made()

        __hash__ = None

    class Unread(LookupError):
        pass

    def made():
        error = Unread("no number")
        raised.append(weakref.ref(error))
        return error

    async def enters():
        async with semaphore:
            await engine.sleep(3600)

    raised = []
    semaphore = asyncio.BoundedSemaphore(1)
    tasks = [engine.create_task(enters()) for _ in range(2)]
    await settle(engine)
    semaphore._bound_value = Unequal()
    graph = stook.wait_graph()
    assert [(edge.waiter, edge.on) for edge in graph.edges] == [tuple(tasks[::-1])]
    assert graph.stuck == ()
    assert [each() for each in raised] == [None]
    semaphore._bound_value = 1
    await end_all(engine, *tasks)
