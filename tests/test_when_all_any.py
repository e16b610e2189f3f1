"""``when_all`` and ``when_any``."""

import asyncio
import gc

import pytest

pytestmark = [pytest.mark.needs_stook, pytest.mark.anywhere]

try:
    import stook
except ImportError:
    stook = None


async def after(turns, result):
    """Return, or raise, after some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(result, BaseException):
        raise result
    return result


async def forever():
    """Sleep until cancelled."""
    await asyncio.sleep(3600)


async def end(*tasks):
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


BOTH = pytest.mark.parametrize("name", ["when_all", "when_any"])


# when_all.


async def test_results_come_in_the_order_given(engine, loop):
    task = stook.create_task(after(3, "task"))
    future = loop.create_future()
    loop.call_soon(future.set_result, "future")
    got = await stook.when_all(iter([task, after(0, "coroutine"), future, task]))
    assert got == ["task", "coroutine", "future", "task"]


async def test_all_of_nothing(engine, loop):
    assert await stook.when_all([]) == []
    assert await stook.when_all([], stook.CancellationSource().token) == []


async def test_the_first_failure_ends_the_wait_and_no_task(engine, loop):
    other = stook.create_task(forever())
    failing = [stook.create_task(after(turns, ValueError(turns))) for turns in (4, 1)]
    with pytest.raises(ValueError, match="^1$"):
        await stook.when_all([other, *failing])
    assert not other.done() and not failing[0].done()
    with pytest.raises(ValueError, match="^4$"):
        await failing[0]
    await end(other)


async def test_a_participant_that_is_cancelled_ends_the_wait(engine, loop):
    first, second = stook.create_task(forever()), stook.create_task(forever())
    loop.call_soon(stook.cancel, first, None)
    with pytest.raises(asyncio.CancelledError) as caught:
        await stook.when_all([first, second])
    record = stook.cancellation(caught.value)
    assert record is stook.cancellation(first)
    assert record.kind == "explicit" and not record.is_mine()
    assert not second.done() and asyncio.current_task().cancelling() == 0
    await end(second)


# when_any.


async def test_the_first_to_end(engine, loop):
    slow = stook.create_task(forever())
    assert await stook.when_any([slow, after(1, "quick")]) == (1, "quick")
    assert not slow.done()
    await end(slow)


async def test_of_those_that_have_ended_it_is_the_first_given(engine, loop):
    done = [stook.create_task(after(turns, turns)) for turns in (2, 0)]
    await asyncio.wait(done)
    assert await stook.when_any(done) == (0, 2)
    assert await stook.when_any([done[1], done[1]]) == (0, 0)


async def test_any_of_nothing(engine, loop):
    with pytest.raises(ValueError, match="at least one"):
        await stook.when_any([])


async def test_the_first_to_end_fails(engine, loop):
    slow = stook.create_task(forever())
    with pytest.raises(ValueError, match="quick"):
        await stook.when_any([slow, after(1, ValueError("quick"))])
    assert not slow.done()
    await end(slow)


async def test_the_first_to_end_was_cancelled(engine, loop):
    first, second = stook.create_task(forever()), stook.create_task(forever())
    loop.call_soon(first.cancel)
    with pytest.raises(asyncio.CancelledError) as caught:
        await stook.when_any([first, second])
    assert stook.cancellation(caught.value) is stook.cancellation(first)
    await end(second)


# Both.


@BOTH
async def test_the_token_ends_the_wait_and_leaves_the_tasks(engine, loop, name):
    source = stook.CancellationSource()
    tasks = [stook.create_task(forever()) for _ in range(2)]
    loop.call_soon(source.cancel, "over")
    with pytest.raises(asyncio.CancelledError) as caught:
        await getattr(stook, name)(tasks, source.token)
    record = stook.cancellation(caught.value)
    assert (record.kind, record.reason) == ("token", "over")
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)
    assert [task.done() for task in tasks] == [False] * 2
    assert source._state.size == 0
    await end(*tasks)


@BOTH
async def test_coroutines_become_tasks_of_the_token(engine, loop, name):
    source = stook.CancellationSource()
    ends = []

    async def body():
        try:
            await forever()
        finally:
            ends.append(1)

    loop.call_later(0.01, source.cancel)
    with pytest.raises(asyncio.CancelledError):
        await getattr(stook, name)([body(), body()], token=source.token)
    await asyncio.sleep(0)
    assert ends == [1, 1]


@BOTH
async def test_a_token_that_has_fired(engine, loop, name):
    source = stook.CancellationSource()
    source.cancel("before")
    future = loop.create_future()
    with pytest.raises(asyncio.CancelledError) as caught:
        await getattr(stook, name)([after(0, AssertionError()), future], source.token)
    assert stook.cancellation(caught.value).reason == "before"
    assert not future.done()


@BOTH
async def test_who_waits_is_cancelled(engine, loop, name):
    source = stook.CancellationSource()
    tasks = [stook.create_task(forever()) for _ in range(2)]
    waiting = stook.create_task(getattr(stook, name)(tasks, source.token))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled() and stook.cancellation(waiting).kind == "explicit"
    assert [task.done() for task in tasks] == [False] * 2
    assert source._state.size == 0
    assert all(not task._callbacks for task in tasks)
    await end(*tasks)


@BOTH
async def test_the_token_is_forgotten_afterwards(engine, loop, name):
    source = stook.CancellationSource()
    await getattr(stook, name)([after(0, 1), after(0, 2)], source.token)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source._state.size == 0


@BOTH
async def test_a_future_of_another_loop(engine, loop, name):
    other = engine.new_event_loop()
    coroutine = after(0, 1)
    with pytest.raises(ValueError, match="belongs to a different loop"):
        await getattr(stook, name)([coroutine, other.create_future()])
    coroutine.close()
    other.close()


@BOTH
@pytest.mark.parametrize("thing", [5, None, [5], "ab"], ids=repr)
async def test_what_cannot_be_awaited(engine, loop, name, thing):
    with pytest.raises(TypeError):
        await getattr(stook, name)(thing)


@BOTH
async def test_one_is_not_several(engine, loop, name):
    coroutine = after(0, 1)
    with pytest.raises(TypeError, match="an iterable of awaitables is expected, not coroutine"):
        await getattr(stook, name)(coroutine)
    coroutine.close()


@BOTH
async def test_what_is_no_token(engine, loop, name):
    with pytest.raises(TypeError, match="a CancellationToken is expected, not int"):
        await getattr(stook, name)([], 5)


async def test_a_failure_that_nobody_reads_is_told_as_ever(engine, loop, reports):
    async def run():
        failing = [stook.create_task(after(turns, ValueError(turns))) for turns in (3, 1)]
        with pytest.raises(ValueError, match="^1$"):
            await stook.when_all(failing)
        await asyncio.wait(failing)

    await run()
    gc.collect()
    assert [str(report["exception"]) for report in reports] == ["3"]
    reports.clear()


async def test_the_same_awaitable_twice(engine, loop):
    class Awaitable:
        def __await__(self):
            yield
            return "awaited"

    one = Awaitable()
    assert await stook.when_all([one, one]) == ["awaited"] * 2


async def test_many(engine, loop, many):
    got = await stook.when_all([after(index % 5, index) for index in range(many)])
    assert got == list(range(many))


@BOTH
async def test_nothing_is_begun_where_one_is_refused(engine, loop, name):
    steps = []

    async def begins():
        steps.append("begun")

    coroutine = begins()
    with pytest.raises(TypeError):
        await getattr(stook, name)([coroutine, 5])
    await asyncio.sleep(0)
    assert steps == [] and coroutine.cr_frame is None


@BOTH
async def test_what_was_begun_is_cancelled_where_a_later_one_fails(engine, loop, name):
    async def waits():
        begun.append(asyncio.current_task())
        await forever()

    class Fails:
        def __await__(self):
            raise AssertionError("not reached")

    def factory(loop, coroutine, **options):
        made.append(1)
        if len(made) == 2:
            coroutine.close()
            raise OSError("no more tasks")
        return stook.Task(coroutine, loop=loop, **options)

    begun, made = [], []
    before = loop.get_task_factory()
    loop.set_task_factory(factory)
    try:
        with pytest.raises(OSError, match="no more tasks"):
            await getattr(stook, name)([waits(), waits(), Fails()])
    finally:
        loop.set_task_factory(before)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert len(left) == 1
    await asyncio.wait(left)
    assert all(task.cancelled() for task in left) and begun == []
