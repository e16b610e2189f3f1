"""Tasks and blocks that a token cancels."""

import asyncio
import gc
import inspect
import sys
import threading
import weakref

import pytest

pytestmark = [pytest.mark.needs_stook, pytest.mark.anywhere]

try:
    import stook
except ImportError:
    stook = None


async def forever():
    """Sleep until cancelled."""
    await asyncio.sleep(3600)


async def ended(*tasks):
    """Wait until all have ended; return whether each was cancelled."""
    await asyncio.wait(tasks)
    return [task.cancelled() for task in tasks]


# create_task.


async def test_a_task_is_cancelled_with_its_token(engine, loop):
    source = stook.CancellationSource()
    task = stook.create_task(forever(), name="named", token=source.token)
    await asyncio.sleep(0)
    source.cancel("over")
    assert task.cancelling() == 1
    assert await ended(task) == [True]
    record = stook.cancellation(task)
    assert (record.kind, record.reason) == ("token", "over")
    function = test_a_task_is_cancelled_with_its_token
    assert record.where.line == function.__code__.co_firstlineno + 4
    assert record.who.id == id(asyncio.current_task())
    assert task.get_name() == "named"


async def test_all_share_one_record(engine, loop):
    source = stook.CancellationSource()
    tasks = [stook.create_task(forever(), token=source.token) for _ in range(3)]
    await asyncio.sleep(0)
    source.cancel()
    assert all(await ended(*tasks))
    assert len({id(stook.cancellation(task)) for task in tasks}) == 1


async def test_the_task_finds_the_record_in_its_exception(engine, loop):
    source = stook.CancellationSource()
    seen = []

    async def body():
        try:
            await forever()
        except asyncio.CancelledError as error:
            record = stook.cancellation(error)
            seen.append((record.kind, record.reason, record.is_mine()))
            raise

    task = stook.create_task(body(), token=source.token)
    await asyncio.sleep(0)
    source.cancel({"any": "object"})
    await ended(task)
    assert seen == [("token", {"any": "object"}, True)]


async def test_a_token_that_has_fired_cancels_at_birth(engine, loop):
    source = stook.CancellationSource()
    source.cancel("early")
    begun = []

    async def body():
        begun.append(1)

    task = stook.create_task(body(), token=source.token)
    assert task.cancelling() == 1
    assert await ended(task) == [True]
    assert begun == []
    assert stook.cancellation(task).reason == "early"


async def test_nested_tasks_are_cancelled_at_once(engine, loop):
    source = stook.CancellationSource()
    tasks = []

    async def nest(depth):
        if depth:
            tasks.append(stook.create_task(nest(depth - 1), token=source.token))
        await forever()

    tasks.append(stook.create_task(nest(4), token=source.token))
    while len(tasks) < 5:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.cancel()
    assert [task.cancelling() for task in tasks] == [1] * 5
    turns = []
    loop.call_soon(turns.append, 1)
    assert await ended(*tasks) == [True] * 5


async def test_a_task_that_goes_on_is_asked_once(engine, loop):
    source = stook.CancellationSource()

    async def stubborn():
        try:
            await forever()
        except asyncio.CancelledError:
            return "went on"

    task = stook.create_task(stubborn(), token=source.token)
    await asyncio.sleep(0)
    source.cancel()
    source.cancel()
    assert await task == "went on"


async def test_without_a_token_it_is_the_usual_one(engine, loop):
    task = stook.create_task(asyncio.sleep(0, "slept"), token=None)
    assert isinstance(task, asyncio.Task)
    assert await task == "slept"
    with pytest.raises(TypeError, match="a coroutine was expected"):
        stook.create_task(5)
    names = list(inspect.signature(stook.create_task).parameters)
    assert names == ["coro", "name", "context", "token"]
    assert stook.create_task.__name__ == "create_task"


@pytest.mark.parametrize("thing", [5, "token"], ids=repr)
async def test_what_is_no_token(engine, loop, thing):
    coroutine = forever()
    with pytest.raises(TypeError, match="a CancellationToken is expected, not"):
        stook.create_task(coroutine, token=thing)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()


async def test_a_token_that_never_fires(engine, loop):
    token = stook.CancellationToken.none()
    assert await stook.create_task(asyncio.sleep(0, 1), token=token) == 1
    with stook.CancellationSource() as source:
        pass
    assert await stook.create_task(asyncio.sleep(0, 1), token=source.token) == 1


async def test_tasks_that_end_are_forgotten(engine, loop, many):
    source = stook.CancellationSource()
    tasks = [stook.create_task(asyncio.sleep(0), token=source.token) for _ in range(many)]
    assert source._state.size == many
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert source._state.size == 0
    gone = weakref.ref(tasks.pop())
    tasks.clear()
    gc.collect()
    assert gone() is None


async def test_a_task_keeps_a_linked_source_until_it_ends(engine, loop):
    parent = stook.CancellationSource()
    task = stook.create_task(forever(), token=stook.CancellationSource(parent.token).token)
    gc.collect()
    await asyncio.sleep(0)
    parent.cancel("from afar")
    assert await ended(task) == [True]
    assert stook.cancellation(task).reason == "from afar"
    assert parent._state.size == 0


async def test_the_token_keeps_a_task_that_nobody_else_does(engine, loop):
    source = stook.CancellationSource()
    ends = []

    async def deadlocked():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ends.append(1)

    stook.create_task(deadlocked(), token=source.token)
    await asyncio.sleep(0)
    gc.collect()
    assert ends == []
    source.cancel()
    await asyncio.sleep(0)
    assert ends == [1]


async def test_tokens_of_a_task_that_is_cancelled_by_hand(engine, loop):
    source = stook.CancellationSource()
    task = stook.create_task(forever(), token=source.token)
    await asyncio.sleep(0)
    task.cancel()
    await ended(task)
    assert source._state.size == 0
    assert stook.cancellation(task).kind == "explicit"


async def test_many_tasks_are_asked_once_each_and_in_order(engine, loop, many, monkeypatch):
    from stook import _firing

    asked = []
    cancel_with = _firing._core._cancel_with

    class Counting:
        def __getattr__(self, name):
            return getattr(stook._core, name)

        def _cancel_with(self, task, record):
            asked.append(task)
            return cancel_with(task, record)

    monkeypatch.setattr(_firing, "_core", Counting())

    async def calls_for_each(number):
        """Return how many functions in Python are called for each of so many tasks."""
        asked.clear()
        source = stook.CancellationSource()
        tasks = [stook.create_task(forever(), token=source.token) for _ in range(number)]
        await asyncio.sleep(0)
        calls = 0

        def count(_frame, event, _argument):
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        source.cancel()
        sys.setprofile(None)
        assert asked == tasks
        assert all(await ended(*tasks))
        return calls / number

    few = await calls_for_each(100)
    assert await calls_for_each(many) < 1.2 * few


# Eager tasks.

eager = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of 3.12 on")


def make_eager(engine, loop):
    """Have the tasks of the loop start at once."""
    if engine.name == "uvloop" and sys.version_info >= (3, 13):
        # https://github.com/MagicStack/uvloop: it gives ``eager_start`` to the factory, which takes
        # no such argument; on asyncio's tasks alone as well.
        pytest.skip("uvloop 0.23 does not work with asyncio's eager factory of this version")
    loop.set_task_factory(stook.eager_task_factory)


@eager
async def test_an_eager_task_that_ends_at_once_is_not_kept(engine, loop):
    make_eager(engine, loop)
    source = stook.CancellationSource()

    async def at_once():
        return 1

    task = stook.create_task(at_once(), token=source.token)
    assert task.done() and source._state.size == 0
    waiting = stook.create_task(forever(), token=source.token)
    source.cancel()
    assert await ended(waiting) == [True]


@eager
async def test_an_eager_task_that_cancels_its_token(engine, loop):
    make_eager(engine, loop)
    source = stook.CancellationSource()

    async def body():
        source.cancel("from inside")
        await forever()

    task = stook.create_task(body(), token=source.token)
    assert await ended(task) == [True]
    assert stook.cancellation(task).reason == "from inside"


@eager
async def test_an_eager_task_of_a_token_that_has_fired_ends_where_it_waits(engine, loop):
    make_eager(engine, loop)
    source = stook.CancellationSource()
    source.cancel()
    begun = []

    async def body():
        begun.append(1)
        await forever()

    assert await ended(stook.create_task(body(), token=source.token)) == [True]
    assert begun == [1]


@eager
async def test_when_all_of_eager_tasks_that_cancel_the_token(engine, loop):
    make_eager(engine, loop)
    source = stook.CancellationSource()

    async def body():
        source.cancel("from inside")

    with pytest.raises(asyncio.CancelledError) as caught:
        await stook.when_all([body(), forever()], source.token)
    assert stook.cancellation(caught.value).reason == "from inside"


# Threads and loops.


def test_tasks_of_a_loop_in_another_thread(engine, loop):
    source = stook.CancellationSource()
    begun = threading.Event()
    threads = []

    async def body():
        begun.set()
        try:
            await forever()
        finally:
            threads.append(threading.current_thread())

    async def main():
        tasks = [stook.create_task(body(), token=source.token) for _ in range(10)]
        return await ended(*tasks)

    canceller = threading.Thread(target=lambda: begun.wait() and source.cancel("thread"))
    canceller.start()
    assert loop.run_until_complete(main()) == [True] * 10
    canceller.join()
    assert set(threads) == {threading.current_thread()}


def test_one_source_for_several_loops(engine, loop):
    source = stook.CancellationSource()
    outcomes = []
    begun = threading.Barrier(4)

    async def main():
        task = stook.create_task(forever(), token=source.token)
        await asyncio.sleep(0)
        begun.wait()
        outcomes.extend(await ended(task))

    def run():
        other = engine.new_event_loop()
        other.run_until_complete(main())
        other.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    begun.wait()
    source.cancel()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 3


def test_tasks_of_a_loop_that_does_not_run(engine, loop):
    source = stook.CancellationSource()

    async def main():
        return stook.create_task(forever(), token=source.token)

    task = loop.run_until_complete(main())
    source.cancel("between two runs")
    assert loop.run_until_complete(ended(task)) == [True]
    assert stook.cancellation(task).reason == "between two runs"


def test_a_token_of_a_loop_that_is_closed(engine, loop):
    source = stook.CancellationSource()
    done = stook.CancellationSource()

    async def main():
        task = stook.create_task(forever(), token=source.token)
        await asyncio.sleep(0)
        return task

    other = engine.new_event_loop()
    task = other.run_until_complete(main())
    other.close()
    assert source.cancel() is True
    assert not task.done()
    task._log_destroy_pending = False
    task.get_coro().close()
    assert done.cancel() is True


# async with.


async def test_a_block_is_cancelled(engine, loop):
    source = stook.CancellationSource()
    task = asyncio.current_task()
    loop.call_soon(source.cancel, "over")
    with pytest.raises(asyncio.CancelledError) as caught:
        async with source.token as token:
            assert token is source.token
            await forever()
    record = stook.cancellation(caught.value)
    assert (record.kind, record.reason) == ("token", "over")
    assert task.cancelling() == 0
    await asyncio.sleep(0)
    assert source._state.size == 0


async def test_a_block_that_ends_first(engine, loop):
    source = stook.CancellationSource()
    async with source.token:
        await asyncio.sleep(0)
    assert source._state.size == 0
    source.cancel()
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_a_block_that_fails(engine, loop):
    source = stook.CancellationSource()
    with pytest.raises(ValueError, match="of the block"):
        async with source.token:
            raise ValueError("of the block")
    assert source._state.size == 0


async def test_a_block_of_a_token_that_has_fired_does_not_begin(engine, loop):
    source = stook.CancellationSource()
    source.cancel("before")
    with pytest.raises(asyncio.CancelledError) as caught:
        async with source.token:
            raise AssertionError
    assert stook.cancellation(caught.value).reason == "before"
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_block_that_cancels_itself_and_ends(engine, loop):
    source = stook.CancellationSource()
    with pytest.raises(asyncio.CancelledError) as caught:
        async with source.token:
            source.cancel("myself")
    assert stook.cancellation(caught.value).reason == "myself"
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_block_that_cancels_itself_and_fails(engine, loop):
    source = stook.CancellationSource()
    with pytest.raises(ValueError, match="of the block"):
        async with source.token:
            source.cancel()
            raise ValueError("of the block")
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_block_that_keeps_the_cancellation_to_itself(engine, loop):
    source = stook.CancellationSource()
    loop.call_soon(source.cancel)
    async with source.token:
        try:
            await forever()
        except asyncio.CancelledError:
            pass
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_block_that_fails_when_cancelled(engine, loop):
    source = stook.CancellationSource()
    loop.call_soon(source.cancel)
    with pytest.raises(ValueError, match="of the clean-up"):
        async with source.token:
            try:
                await forever()
            finally:
                raise ValueError("of the clean-up")
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_later_cancel_is_another_one(engine, loop):
    source = stook.CancellationSource()
    seen = []

    async def body():
        try:
            async with source.token:
                await forever()
        except asyncio.CancelledError as error:
            seen.append((stook.cancellation(error).kind, asyncio.current_task().cancelling()))
        try:
            await forever()
        except asyncio.CancelledError as error:
            seen.append((stook.cancellation(error).kind, asyncio.current_task().cancelling()))
            raise

    task = stook.create_task(body())
    await asyncio.sleep(0)
    source.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    assert await ended(task) == [True]
    assert seen == [("token", 0), ("explicit", 1)]


async def test_somebody_else_cancels_the_task_in_the_same_turn(engine, loop):
    source = stook.CancellationSource()
    numbers = []

    async def body():
        try:
            async with source.token:
                await forever()
        finally:
            numbers.append(asyncio.current_task().cancelling())

    task = stook.create_task(body())
    await asyncio.sleep(0)
    source.cancel()
    task.cancel()
    assert await ended(task) == [True]
    assert numbers == [1]


async def test_nested_blocks_of_one_token(engine, loop):
    source = stook.CancellationSource()
    numbers = []
    task = asyncio.current_task()
    loop.call_soon(source.cancel)
    with pytest.raises(asyncio.CancelledError):
        async with source.token:
            try:
                async with source.token:
                    try:
                        await forever()
                    finally:
                        numbers.append(task.cancelling())
            finally:
                numbers.append(task.cancelling())
    numbers.append(task.cancelling())
    assert numbers == [2, 1, 0]
    await asyncio.sleep(0)


async def test_blocks_of_two_tokens(engine, loop):
    inner, outer = stook.CancellationSource(), stook.CancellationSource()
    loop.call_soon(inner.cancel)
    async with outer.token:
        with pytest.raises(asyncio.CancelledError):
            async with inner.token:
                await forever()
        await asyncio.sleep(0)
        loop.call_soon(outer.cancel)
        with pytest.raises(asyncio.CancelledError):
            await forever()
    assert asyncio.current_task().cancelling() == 0


async def test_several_tasks_in_blocks_of_one_token(engine, loop):
    source = stook.CancellationSource()

    async def body():
        async with source.token:
            await forever()

    tasks = [stook.create_task(body()) for _ in range(3)]
    await asyncio.sleep(0)
    source.cancel()
    assert await ended(*tasks) == [True] * 3


async def test_a_block_inside_a_timeout(engine, loop):
    source = stook.CancellationSource()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            async with source.token:
                await forever()
    loop.call_later(0.01, source.cancel)
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(3600):
            async with source.token:
                await forever()
    assert asyncio.current_task().cancelling() == 0


async def test_a_block_that_another_thread_cancels(engine, loop):
    source = stook.CancellationSource()
    with pytest.raises(asyncio.CancelledError):
        async with source.token:
            threading.Thread(target=source.cancel).start()
            await forever()
    # A request that comes too late is for nobody.
    late = stook.CancellationSource()
    async with late.token:
        thread = threading.Thread(target=late.cancel)
        thread.start()
        thread.join()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


def test_a_block_needs_a_task(engine, loop):
    entering = stook.CancellationSource().token.__aenter__()
    with pytest.raises(RuntimeError, match="no running event loop"):
        entering.send(None)
    errors = []

    def enter():
        entering = stook.CancellationSource().token.__aenter__()
        try:
            entering.send(None)
        except RuntimeError as error:
            errors.append(str(error))
        loop.stop()

    loop.call_soon(enter)
    loop.run_forever()
    assert errors == ["`async with token` has to be run by a task"]


async def test_leaving_what_was_not_entered(engine, loop):
    with pytest.raises(RuntimeError, match="has not entered"):
        await stook.CancellationSource().token.__aexit__(None, None, None)


# Tasks that are not stook's, and the end of a run.


def test_tasks_of_asyncio_s_own():
    source = stook.CancellationSource()

    async def main():
        task = stook.create_task(forever(), token=source.token)
        asyncio.get_running_loop().call_later(0.01, source.cancel, "over")
        with pytest.raises(asyncio.CancelledError):
            async with source.token:
                await stook.when_any([task], stook.CancellationToken.none())
        assert asyncio.current_task().cancelling() == 0
        assert await ended(task) == [True]
        return source.token.reason

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(main()) == "over"


def test_cancelling_while_a_run_ends(engine, loop):
    source = stook.CancellationSource()
    ends = []

    async def body(name):
        try:
            await forever()
        except asyncio.CancelledError:
            ends.append((name, source.cancel("the run ends"), asyncio.current_task().cancelling()))
            raise

    async def main():
        for name in "ab":
            stook.create_task(body(name), token=source.token)
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=engine.new_event_loop) as runner:
        runner.run(main())
    # The first one is asked by its own token as well, and so is the second, before it has run.
    assert sorted(first for _, first, _ in ends) == [False, True]
    assert sorted(number for _, _, number in ends) == [2, 2]
    assert source._state.size == 0
