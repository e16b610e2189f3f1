"""Bugs of asyncio's own tracker in which a cancellation is lost, or taken for another one.

Each is a program that ends with a word for what has happened. stook's loop and tasks have to end as
those of the asyncio of the running version do, on which programs may rely; what that is, is written
down for the versions that were tried. Where the exception alone cannot tell, the record has to.
docs/cancellation-bugs.md is the same as a table.
"""

import asyncio
import inspect
import sys

import pytest

import engines as all_engines

TURNS = 60
VERSION = sys.version_info[:3]


class Failure(Exception):
    """What a task fails with."""


async def turns(count=3):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def ended(task):
    """Return how a task ends, ``"hangs"`` where it does not within many turns."""
    await turns(TURNS)
    if not task.done():
        while not task.done():
            task.cancel()
            for other in asyncio.all_tasks() - {asyncio.current_task()}:
                other.cancel()
            await turns()
        if not task.cancelled():
            task.exception()
        return "hangs"
    if task.cancelled():
        return "cancelled"
    if task.exception():
        return type(task.exception()).__name__
    return task.result()


async def end_and_cancel_in_one_turn(engine):
    """A task is cancelled in the turn in which the end of its ``wait_for`` comes."""
    future = asyncio.get_running_loop().create_future()

    async def body():
        await engine.wait_for(future, 1000)
        return "lost"

    task = asyncio.create_task(body())
    await turns()
    future.set_result(None)
    task.cancel()
    return await ended(task)


async def end_and_cancel_of_what_goes_on(engine):
    """The same, and the task waits for ever after it."""
    future = asyncio.get_running_loop().create_future()

    async def body():
        await engine.wait_for(future, 1000)
        await engine.sleep(1000)

    task = asyncio.create_task(body())
    await turns()
    future.set_result(None)
    task.cancel()
    return await ended(task)


async def failure_of_a_task_that_a_new_task_starts(engine):
    """A task of a group starts one that fails before it is the group's itself."""

    async def main():
        async with asyncio.TaskGroup() as group:

            async def fail():
                raise Failure

            async def start():
                group.create_task(fail())
                await engine.sleep(1000)

            group.create_task(start())

    return await ended(asyncio.create_task(main()))


async def failure_of_an_only_task(engine):
    """The one task of a group fails; the group's failure is handled."""

    async def main():
        async def fail():
            raise Failure

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
        except* Failure:
            pass
        await engine.sleep(0)
        return "handled"

    return await ended(asyncio.create_task(main()))


async def timeout_after_a_failed_group(engine):
    """A group fails while it waits, and a timeout expires while that is cleaned up."""

    async def fail():
        raise Failure

    async def main():
        async with engine.timeout(1000) as timeout:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail())
            except BaseExceptionGroup:
                loop = asyncio.get_running_loop()
                timeout.reschedule(loop.time() + 1000)
                loop.call_soon(timeout._on_timeout)
                await engine.sleep(1000)

    return await ended(asyncio.create_task(main()))


async def group_cancelled_by_a_new_task(engine):
    """A task cancels its whole group before it first waits."""

    async def main():
        async def child():
            group.cancel()
            await engine.sleep(1000)

        async with asyncio.TaskGroup() as group:
            group.create_task(child())
        return "left"

    return await ended(asyncio.create_task(main()))


async def two_groups_that_fail_at_once(engine):
    """A group and one inside it fail in the same turn; the inner failure is handled."""

    async def fail(error):
        await turns()
        raise error

    async def main():
        async with asyncio.TaskGroup() as outer:
            outer.create_task(fail(Failure()))
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(fail(LookupError()))
                    await engine.sleep(1000)
            except* LookupError:
                pass
            await engine.sleep(1000)

    return await ended(asyncio.create_task(main()))


async def body_that_raises_when_its_group_fails(engine):
    """A task of a group fails, and the block makes another error of its cancellation."""

    async def fail():
        raise Failure

    async def main():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                try:
                    await engine.sleep(1000)
                except asyncio.CancelledError:
                    raise LookupError from None
        except* (Failure, LookupError):
            pass
        return f"{asyncio.current_task().cancelling()} left"

    return await ended(asyncio.create_task(main()))


LAZY, EAGER = "lazy", "eager"
OLD, NEW, NEWER = (3, 11, 2), (3, 12, 1), (3, 13, 0)
BUGS = {
    "86296": (
        end_and_cancel_in_one_turn,
        {
            (OLD, LAZY): "lost",
            (NEW, LAZY): "cancelled",
            (NEW, EAGER): "cancelled",
            (NEWER, LAZY): "cancelled",
            (NEWER, EAGER): "cancelled",
        },
    ),
    "87555": (
        end_and_cancel_of_what_goes_on,
        {
            (OLD, LAZY): "hangs",
            (NEW, LAZY): "cancelled",
            (NEW, EAGER): "cancelled",
            (NEWER, LAZY): "cancelled",
            (NEWER, EAGER): "cancelled",
        },
    ),
    "128550": (
        failure_of_a_task_that_a_new_task_starts,
        {
            (OLD, LAZY): "ExceptionGroup",
            (NEW, LAZY): "ExceptionGroup",
            (NEW, EAGER): "hangs",
            (NEWER, LAZY): "ExceptionGroup",
            (NEWER, EAGER): "hangs",
        },
    ),
    "128588": (
        failure_of_an_only_task,
        {
            (OLD, LAZY): "handled",
            (NEW, LAZY): "handled",
            (NEW, EAGER): "cancelled",
            (NEWER, LAZY): "handled",
            (NEWER, EAGER): "handled",
        },
    ),
    "133747": (
        timeout_after_a_failed_group,
        {
            (OLD, LAZY): "cancelled",
            (NEW, LAZY): "cancelled",
            (NEW, EAGER): "TimeoutError",
            (NEWER, LAZY): "TimeoutError",
            (NEWER, EAGER): "TimeoutError",
        },
    ),
    "116720": (
        two_groups_that_fail_at_once,
        {
            (OLD, LAZY): "hangs",
            (NEW, LAZY): "hangs",
            (NEW, EAGER): "hangs",
            (NEWER, LAZY): "ExceptionGroup",
            (NEWER, EAGER): "ExceptionGroup",
        },
    ),
    "95289": (
        body_that_raises_when_its_group_fails,
        {(version, start): "0 left" for version in (OLD, NEW, NEWER) for start in (LAZY, EAGER)},
    ),
    "155418": (group_cancelled_by_a_new_task, {}),
}

GROUPS_CAN_BE_CANCELLED = pytest.mark.skipif(
    not hasattr(asyncio.TaskGroup, "cancel"),
    reason="TaskGroup.cancel is of 3.15: https://github.com/python/cpython/issues/155418",
)
MARKS = {"155418": GROUPS_CAN_BE_CANCELLED}


@pytest.mark.parametrize(
    "issue", [pytest.param(issue, marks=MARKS.get(issue, ())) for issue in BUGS]
)
def test_program_ends_as_it_does_on_the_asyncio_of_this_version(issue, pytestconfig):
    program, known = BUGS[issue]
    for start in (LAZY, EAGER):
        here = [each for each in pytestconfig.stook_engines if each.eager is (start == EAGER)]
        if not here:
            continue
        words = {engine.name: engine.run(program(engine)) for engine in here}
        assert len(set(words.values())) == 1, words
        if (VERSION, start) in known:
            assert set(words.values()) == {known[VERSION, start]}, words


async def told_apart(engine, tell):
    """Return what ``tell`` says where a task's own wait is cancelled, and where another task is."""

    async def main(inner):
        try:
            await inner
        except asyncio.CancelledError as error:
            return tell(error)

    said = []
    for cancels_itself in (True, False):
        inner = asyncio.create_task(asyncio.sleep(1000))
        task = asyncio.create_task(main(inner))
        await turns()
        (task if cancels_itself else inner).cancel()
        said.append(await task)
    return said


def recorded(engines):
    """Return the engines on which cancellations have records."""
    return all_engines.recording_engines(engines)


def test_80126_own_cancellation_is_told_from_that_of_a_subtask(pytestconfig):
    for engine in pytestconfig.stook_engines:
        said = engine.run(told_apart(engine, lambda error: (type(error), error.args)))
        assert said[0] == said[1], "the exception alone tells"
    for engine in recorded(pytestconfig.stook_engines):
        import stook

        said = engine.run(told_apart(engine, lambda error: stook.cancellation(error).is_mine()))
        assert said == [True, False], engine


async def cancelled_while_it_cancels(engine, is_mine):
    """A task cancels another, waits for that, and is cancelled itself meanwhile; or is not."""

    async def stubborn():
        try:
            await engine.sleep(1000)
        except asyncio.CancelledError:
            await turns(6)
            raise

    async def cancel_and_wait(task):
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            if is_mine(error):
                raise
        return "went on"

    words = []
    for cancels_it in (True, False):
        inner = asyncio.create_task(stubborn())
        await turns()
        outer = asyncio.create_task(cancel_and_wait(inner))
        await turns()
        if cancels_it:
            outer.cancel()
        words.append(await ended(outer))
    return words


def test_103486_who_cancels_and_waits_knows_a_cancellation_of_its_own(pytestconfig):
    for engine in pytestconfig.stook_engines:
        # Without a record it can be taken for the other one's, always or never.
        words = engine.run(cancelled_while_it_cancels(engine, lambda _error: False))
        assert words == ["went on", "went on"], engine
        words = engine.run(cancelled_while_it_cancels(engine, lambda _error: True))
        assert words == ["cancelled", "cancelled"], engine
    for engine in recorded(pytestconfig.stook_engines):
        import stook

        tell = lambda error: stook.cancellation(error).is_mine()  # noqa: E731
        words = engine.run(cancelled_while_it_cancels(engine, tell))
        assert words == ["cancelled", "went on"], engine


async def message_and_lines(engine, tell):
    """Return the message of a cancellation, the lines of its traceback, and what ``tell`` says."""
    task = asyncio.create_task(asyncio.sleep(1000))
    await turns()
    task.cancel("the message")
    line = inspect.currentframe().f_lineno - 1
    try:
        await task
    except asyncio.CancelledError as error:
        lines, at = [], error.__traceback__
        while at:
            lines.append(at.tb_lineno if at.tb_frame.f_code.co_filename == __file__ else None)
            at = at.tb_next
        return error.args, line in lines, tell(error) == line


def test_75216_line_that_cancelled_is_told(pytestconfig):
    for engine in pytestconfig.stook_engines:
        told = engine.run(message_and_lines(engine, lambda _error: None))
        assert told == (("the message",), False, False), engine
    for engine in recorded(pytestconfig.stook_engines):
        import stook

        told = engine.run(
            message_and_lines(engine, lambda error: stook.cancellation(error).where.line)
        )
        assert told == (("the message",), False, True), engine
