"""Cancellations that did not end the task that was asked: which are marked, and which are not."""

import asyncio
import contextlib
import gc
import inspect
import logging
import signal
import sys
import weakref

import pytest

import stook
from loops import LOOPS, run_on
from stook import _cancellation

pytestmark = pytest.mark.needs_stook

TIMEOUTS_KNOW_THEIR_OWN = "_cancelling" in inspect.getsource(asyncio.Timeout)
"""Before, a timeout raised no `TimeoutError` while another request stood."""
GROUPS_ASK_AGAIN = inspect.getsource(asyncio.TaskGroup).count("_parent_task.cancel()") > 1
"""A group that fails raises again what was asked of its task before."""


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


def here(offset=0):
    """Return the line of the caller, or one so many lines on."""
    return inspect.currentframe().f_back.f_lineno + offset


async def turns(count=3):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def cancelled(coroutine, times=1, **options):
    """Cancel a task as often, some turns apart, and return it when it is done."""
    task = asyncio.create_task(coroutine, **options)
    await turns()
    for _ in range(times):
        task.cancel()
        await turns()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
    return task


def swallowed(task):
    """Return what the record of a task, if it has one, says of swallowing."""
    record = stook.cancellation(task)
    if record is None:
        return None
    assert ("did not end the task" in record.explain()) == (record.swallowed is not None)
    return record.swallowed


LINES = {}


async def returns():
    try:
        LINES["returns"] = here(1)
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        return 1


async def goes_on():
    with contextlib.suppress(asyncio.CancelledError):
        LINES["goes_on"] = here(1)
        await asyncio.sleep(1000)
    await turns()


async def raises_later():
    with contextlib.suppress(asyncio.CancelledError):
        LINES["raises_later"] = here(1)
        await asyncio.sleep(1000)
    await turns()
    raise ValueError


async def calls():
    await asyncio.sleep(0)
    await goes_on()
    LINES["calls"] = LINES["goes_on"]


async def is_cleaned_up_after_and_swallows():
    async def inner():
        try:
            LINES["is_cleaned_up_after_and_swallows"] = here(1)
            await asyncio.sleep(1000)
        finally:
            await turns()

    with contextlib.suppress(asyncio.CancelledError):
        await inner()


async def waits_for_a_child_and_goes_on():
    child = asyncio.create_task(asyncio.sleep(1000))
    with contextlib.suppress(asyncio.CancelledError):
        LINES["waits_for_a_child_and_goes_on"] = here(1)
        await child


async def takes_one_of_two_back():
    for _ in range(2):
        with contextlib.suppress(asyncio.CancelledError):
            LINES.setdefault("takes_one_of_two_back", here(1))
            await asyncio.sleep(1000)
    asyncio.current_task().uncancel()


async def takes_back_what_the_timeout_asked():
    with contextlib.suppress(asyncio.CancelledError):
        LINES["takes_back_what_the_timeout_asked"] = here(1)
        await asyncio.sleep(1000)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(1000)


SWALLOW = {
    returns: 1,
    goes_on: 1,
    raises_later: 1,
    calls: 1,
    is_cleaned_up_after_and_swallows: 1,
    waits_for_a_child_and_goes_on: 1,
    takes_one_of_two_back: 2,
    **({takes_back_what_the_timeout_asked: 1} if TIMEOUTS_KNOW_THEIR_OWN else {}),
}
"""Coroutines that swallow, and how often they are cancelled."""


@pytest.mark.parametrize("body", SWALLOW, ids=lambda body: body.__name__)
def test_what_was_swallowed_is_marked_with_the_line(run, body):
    async def main():
        task = await cancelled(body(), SWALLOW[body])
        record = stook.cancellation(task)
        assert record.kind == "explicit"
        assert record.where.function == "cancelled"
        place = record.swallowed
        assert (place.file, place.line) == (__file__, LINES[body.__name__])
        last = f"  it was raised at {__file__}:{place.line}, in {place.function}, and did not end"
        assert record.explain().splitlines()[-1] == f"{last} the task"

    run(main)


async def ends_by_it():
    await asyncio.sleep(1000)


async def cleans_up():
    try:
        await asyncio.sleep(1000)
    finally:
        await turns()


async def cleans_up_where_it_is_caught():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await turns()
        raise


async def raises_another_one_later():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    await turns()
    raise asyncio.CancelledError


async def takes_it_back():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    asyncio.current_task().uncancel()
    await turns()


async def takes_it_back_later():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    await turns()
    asyncio.current_task().uncancel()
    await turns()


async def fails_in_cleaning_up():
    try:
        await asyncio.sleep(1000)
    finally:
        await turns()
        raise OSError


async def fails_at_once_without_context():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    raise OSError


async def says_it_in_other_words():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await turns()
        raise OSError from ValueError()


async def its_child_swallows():
    async def child():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)

    await asyncio.create_task(child())


async def its_group_fails_in_cleaning_up():
    async def child():
        try:
            await asyncio.sleep(1000)
        finally:
            raise OSError

    async with asyncio.TaskGroup() as group:
        group.create_task(child())


async def catches_its_group_and_takes_it_back():
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
    asyncio.current_task().uncancel()


async def ends_by_the_second():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)
    await asyncio.sleep(1000)


END_RIGHTLY = {
    ends_by_it: 1,
    cleans_up: 1,
    cleans_up_where_it_is_caught: 1,
    raises_another_one_later: 1,
    takes_it_back: 1,
    takes_it_back_later: 1,
    fails_in_cleaning_up: 1,
    fails_at_once_without_context: 1,
    says_it_in_other_words: 1,
    its_child_swallows: 1,
    its_group_fails_in_cleaning_up: 1,
    catches_its_group_and_takes_it_back: 1,
    ends_by_the_second: 2,
}
"""Coroutines that do not swallow, and how often they are cancelled."""


@pytest.mark.parametrize("body", END_RIGHTLY, ids=lambda body: body.__name__)
def test_a_cancellation_that_is_dealt_with_is_not_marked(run, body):
    async def main():
        task = await cancelled(body(), END_RIGHTLY[body])
        assert swallowed(task) is None

    run(main)


async def met_by_a_timeout():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.sleep(1000)
    await turns()


async def met_by_a_timeout_while_cleaning_up():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            try:
                await asyncio.sleep(1000)
            finally:
                await turns()
    await turns()


async def met_by_a_timeout_inside_a_timeout():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001), asyncio.timeout(1000):
            await asyncio.sleep(1000)
    await turns()


async def met_by_wait_for():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(1000), 0.001)
    await turns()


async def met_by_stooks_wait_for():
    with pytest.raises(TimeoutError):
        await stook.wait_for(asyncio.sleep(1000), 0.001)
    await turns()


async def met_by_a_group():
    async def fail():
        raise OSError

    with pytest.raises(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(1000)
    await turns()


async def met_by_a_group_while_it_waits():
    async def fail():
        await turns()
        raise OSError

    with pytest.raises(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            group.create_task(fail())
    await turns()


async def met_by_a_token():
    source = stook.CancellationSource()
    asyncio.get_running_loop().call_later(0.001, source.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with source.token:
            await asyncio.sleep(1000)
    await turns()


async def met_by_a_race():
    await stook.race(turns(), asyncio.sleep(1000))
    await turns()


async def met_by_a_child():
    child = asyncio.create_task(asyncio.sleep(1000))
    await turns()
    child.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await child
    await turns()


async def met_by_a_condition():
    condition = asyncio.Condition()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01), condition:
            await condition.wait()
    await turns()


MET = [
    met_by_a_timeout,
    met_by_a_timeout_while_cleaning_up,
    met_by_a_timeout_inside_a_timeout,
    met_by_wait_for,
    met_by_stooks_wait_for,
    met_by_a_group,
    met_by_a_group_while_it_waits,
    met_by_a_token,
    met_by_a_race,
    met_by_a_child,
    met_by_a_condition,
]


@pytest.mark.parametrize("body", MET, ids=lambda body: body.__name__)
def test_what_asks_its_own_task_and_takes_it_back_is_not_marked(run, caplog, body):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.create_task(body())
        await task
        assert swallowed(task) is None

    run(main)
    assert caplog.messages == []


@pytest.mark.parametrize(
    "body",
    [body for body in MET if TIMEOUTS_KNOW_THEIR_OWN or "timeout(" not in inspect.getsource(body)],
    ids=lambda body: body.__name__,
)
def test_a_request_from_outside_stands_beside_what_is_taken_back(run, body):
    async def main():
        async def swallow():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)
            await body()

        task = await cancelled(swallow())
        if "group" in body.__name__ and GROUPS_ASK_AGAIN:
            assert task.cancelled()
            return
        # What a timeout or a group asked for was raised later, and is no longer there.
        assert stook.cancellation(task).kind == "explicit"
        assert swallowed(task).function.endswith("swallow")

    run(main)


def test_the_child_that_swallows_is_marked_and_not_who_waits_for_it(run):
    async def main():
        children = []

        async def parent():
            children.append(asyncio.create_task(returns(), name="child"))
            await children[0]

        task = await cancelled(parent(), name="parent")
        [child] = children
        assert swallowed(task) is None
        assert swallowed(child).line == LINES["returns"]
        assert [step.kind for step in stook.cancellation(child).chain] == [
            "parent cancelled",
            "explicit",
        ]
        assert stook.cancellation(task) is None

    run(main)


def test_what_a_group_drops_because_a_task_of_it_failed_is_not_marked(run):
    async def main():
        async def child(end):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)
            await end.wait()

        async def fail():
            raise OSError

        async def body(end):
            with contextlib.suppress(BaseExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(child(end))
                    group.create_task(fail())

        end = asyncio.Event()
        task = asyncio.create_task(body(end))
        await turns(5)
        # The group waits for the child that has not ended.
        task.cancel()
        await turns()
        end.set()
        await asyncio.wait([task])
        assert swallowed(task) is None

    run(main)


def test_of_a_timeout_swallowed_inside_its_block_nothing_is_left(run):
    async def main():
        async def body():
            async with asyncio.timeout(0.001):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)
                await turns()

        task = asyncio.create_task(body())
        await task
        assert swallowed(task) is None

    run(main)


def test_a_request_taken_back_before_it_is_raised_does_not_count_later(run):
    async def main():
        async def swallowing_child():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

        async def body():
            task = asyncio.current_task()
            task.cancel()
            task.uncancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            await turns()
            await asyncio.create_task(swallowing_child())

        task = await cancelled(body())
        assert task.cancelling() == 1
        assert swallowed(task) is None

    run(main)


def test_tasks_asked_by_one_statement_are_marked_each_for_itself(run):
    async def main():
        tasks = [asyncio.create_task(body()) for body in (returns, ends_by_it, returns)]
        await turns()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert [swallowed(task) is not None for task in tasks] == [True, False, True]

    run(main)


def test_more_requests_than_are_kept_are_survived(run):
    async def main():
        async def body():
            for _ in range(20):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)

        task = await cancelled(body(), 20)
        assert task.cancelling() == 20
        assert swallowed(task).function.endswith("body")

    run(main)


def test_several_requests_before_the_first_is_raised_are_each_taken_back(run):
    async def main():
        async def body(back):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)
            await turns()
            for _ in range(back):
                asyncio.current_task().uncancel()

        for back in range(4):
            task = asyncio.create_task(body(back))
            await turns()
            for _ in range(3):
                task.cancel()
            await task
            assert (swallowed(task) is None) == (back == 3)

    run(main)


def test_a_task_that_swallows_keeps_no_frame_alive(run):
    async def main():
        class Local:
            pass

        kept = []

        async def body():
            local = Local()
            kept.append(weakref.ref(local))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

        task = await cancelled(body())
        assert swallowed(task) is not None
        gc.collect()
        assert kept[0]() is None

    run(main)


def test_in_debug_mode_the_log_says_it_once_with_who_asked_why_and_the_line(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        asyncio.current_task().set_name("who")
        task = asyncio.create_task(goes_on(), name="went on")
        await turns()
        stook.cancel(task, reason="enough")
        await task

    run(main)
    [said] = caplog.records
    assert (said.name, said.levelno) == ("asyncio", logging.WARNING)
    message = said.getMessage()
    assert message.startswith("<Task finished name='went on' coro=<goes_on() done")
    assert "has swallowed a cancellation: cancel() was called by who at " in message
    assert "('enough')" in message
    assert message.endswith(
        f"it was raised at {__file__}:{LINES['goes_on']}, in goes_on, and did not end the task"
    )


def test_in_debug_mode_each_request_is_told_of(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)

        async def body():
            for _ in range(2):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)

        await cancelled(body(), 2)

    run(main)
    assert len(caplog.messages) == 2


async def wait_for_it(task, body):
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(body, 0.001)


async def stooks_wait_for_it(task, body):
    with contextlib.suppress(TimeoutError):
        await stook.wait_for(body, 0.001)


async def wait_for_a_task(task, body):
    await asyncio.wait_for(task, 0.001)


async def stooks_wait_for_a_task(task, body):
    await stook.wait_for(task, 0.001)


async def race_it(task, body):
    await stook.race(task, turns())


async def race_who_waits_for_it(task, body):
    async def waits():
        await task

    await stook.race(waits(), turns())


async def cancel_it_and_wait(task, body):
    [ended] = await stook.cancel_and_wait(task)
    assert ended.state == "returned"


async def cancel_it_and_wait_while_somebody_else_does(task, body):
    other = asyncio.create_task(stook.cancel_and_wait(task))
    await asyncio.sleep(0)
    await stook.cancel_and_wait(task)
    await other


TAKE_WHAT_COMES = [
    wait_for_it,
    stooks_wait_for_it,
    wait_for_a_task,
    stooks_wait_for_a_task,
    race_it,
    race_who_waits_for_it,
    cancel_it_and_wait,
    cancel_it_and_wait_while_somebody_else_does,
]


@pytest.mark.parametrize("ask", TAKE_WHAT_COMES, ids=lambda ask: ask.__name__)
def test_in_debug_mode_who_waits_and_takes_the_outcome_is_not_warned(run, caplog, ask):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        body = goes_on()
        if "wait_for_it" in ask.__name__ and "race" not in ask.__name__:
            await ask(None, body)
            return
        task = asyncio.create_task(body)
        await turns()
        await ask(task, None)
        assert swallowed(task) is not None

    run(main)
    assert caplog.messages == []


def test_in_debug_mode_a_timeout_in_vain_is_warned_of(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.create_task(returns())
        async with asyncio.timeout(1000) as timeout:
            await turns()
            timeout.reschedule(asyncio.get_running_loop().time())
            assert await task == 1

    run(main)
    assert len(caplog.messages) == 1


def test_in_debug_mode_others_that_ask_beside_who_waits_are_warned(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)

        async def stubborn():
            for _ in range(2):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)

        task = asyncio.create_task(stubborn())
        await turns()
        stook.cancel(task, reason="somebody else")
        await turns()
        await stook.cancel_and_wait(task, reason="waits")

    run(main)
    [message] = caplog.messages
    assert "('somebody else')" in message and "('waits')" not in message


def test_in_debug_mode_a_task_that_was_not_waited_for_long_enough_is_warned_of(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)
        end = asyncio.Event()

        async def stubborn():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)
            await end.wait()

        task = asyncio.create_task(stubborn())
        await turns()
        [ended] = await stook.cancel_and_wait(task, timeout=0.001)
        assert ended.state == "running"
        assert caplog.messages == []
        end.set()
        await task

    run(main)
    assert len(caplog.messages) == 1


def test_out_of_debug_mode_nothing_is_logged(run, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(False)
        await cancelled(goes_on())

    run(main)
    assert caplog.messages == []


def test_a_program_that_ends_in_its_own_way_is_not_warned_of(run, caplog):
    async def background():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)

    kept = []

    async def main():
        asyncio.get_running_loop().set_debug(True)
        kept.append(asyncio.create_task(background()))
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            kept.append(asyncio.current_task())

    run(main)
    assert [stook.cancellation(task).kind for task in kept] == ["shutdown", "interrupt"]
    assert all(swallowed(task) is not None for task in kept)
    assert caplog.messages == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no task starts eagerly")
def test_an_eager_task_is_marked_too():
    async def main():
        asyncio.get_running_loop().set_task_factory(stook.eager_task_factory)
        task = await cancelled(returns())
        assert swallowed(task).line == LINES["returns"]

    run_on("stook", main)


def test_who_watches_is_told_out_of_debug_mode_too_and_not_of_what_is_expected(run, caplog):
    told = []

    def watch(task, record):
        told.append((task.get_name(), record.swallowed))

    async def main():
        asyncio.get_running_loop().set_debug(False)
        task = await cancelled(returns(), name="worker")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(returns(), 0.001)
        return swallowed(task)

    _cancellation.swallowed_watchers.append(watch)
    stook._core._set_swallowed_watched(True)
    try:
        assert [("worker", run(main))] == told
    finally:
        stook._core._set_swallowed_watched(False)
        _cancellation.swallowed_watchers.remove(watch)
    assert not caplog.records
