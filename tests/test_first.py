"""The first of several, and all of them unless one fails."""

import asyncio
import gc
import types
import weakref

import pytest

import stook
from loops import LOOPS, run_on

pytestmark = pytest.mark.needs_stook


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


async def value(result, turns=0):
    """Return a result after some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return result


async def failing(error, turns=0):
    """Raise an error after some turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    raise error


class Sleeper:
    """A task that sleeps until it is cancelled, and then takes some turns to clean up."""

    def __init__(self, turns=2, ending=None):
        self.turns, self.ending = turns, ending
        self.record = None
        self.ended = False
        self.asked = 0
        self.task = asyncio.ensure_future(self._sleep())

    async def _sleep(self):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError as error:
            self.record = stook.cancellation(error)
            self.asked += 1
            left = self.turns
            while left:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    self.asked += 1
                left -= 1
            self.ended = True
            if self.ending is not None:
                raise self.ending from None
            raise


async def begun(*sleepers):
    """Let sleepers get to where they sleep."""
    await asyncio.sleep(0)
    return sleepers


# wait_any


def test_wait_any_gives_the_first_and_asks_the_others_to_cancel(run):
    async def main():
        slow = Sleeper()
        quick = asyncio.ensure_future(value("quick", 2))
        done, pending = await stook.wait_any({slow.task, quick})
        assert (done, pending) == ({quick}, {slow.task})
        assert not slow.ended
        await asyncio.wait([slow.task])
        assert slow.task.cancelled()
        assert (slow.record.kind, slow.record.where.function) == ("lost race", main.__qualname__)

    run(main)


def test_wait_any_cancels_all_when_who_waits_is_cancelled(run):
    async def main():
        sleepers = await begun(Sleeper(), Sleeper())
        waiting = asyncio.ensure_future(stook.wait_any([s.task for s in sleepers]))
        await asyncio.sleep(0)
        stook.cancel(waiting, reason="enough")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait([s.task for s in sleepers])
        assert [s.task.cancelled() for s in sleepers] == [True, True]
        assert {s.record.kind for s in sleepers} == {"parent cancelled"}
        assert {s.record.chain[-1].reason for s in sleepers} == {"enough"}

    run(main)


def test_wait_any_cancels_all_after_a_timeout(run):
    async def main():
        sleepers = await begun(Sleeper(), Sleeper())
        tasks = {s.task for s in sleepers}
        assert await stook.wait_any(tasks, timeout=0.001) == (set(), tasks)
        await asyncio.wait(tasks)
        assert {s.record.kind for s in sleepers} == {"timeout"}

    run(main)


def test_wait_any_refuses_what_wait_refuses(run):
    async def main():
        with pytest.raises(ValueError, match="Set of Tasks/Futures is empty"):
            await stook.wait_any(set())
        coroutine = value(1)
        with pytest.raises(
            TypeError, match="Passing coroutines is forbidden, use tasks explicitly"
        ):
            await stook.wait_any([coroutine])
        coroutine.close()
        task = asyncio.ensure_future(value(1))
        with pytest.raises(TypeError, match="expect a list of futures, not"):
            await stook.wait_any(task)
        assert await stook.wait_any([task, task]) == ({task}, set())
        assert await stook.wait_any([task]) == ({task}, set())

    run(main)


# race


def test_race_gives_the_first_result_when_the_losers_have_ended(run):
    async def main():
        losers = Sleeper(5), Sleeper(1)
        assert await stook.race(losers[0].task, value("won", 3), losers[1].task) == "won"
        assert [loser.ended for loser in losers] == [True, True]
        assert {loser.record.kind for loser in losers} == {"lost race"}
        assert losers[0].record.who.name == asyncio.current_task().get_name()
        assert losers[0].record.where.function == main.__qualname__

    run(main)


def test_race_raises_the_first_error(run):
    async def main():
        loser = Sleeper()
        with pytest.raises(KeyError, match="first"):
            await stook.race(loser.task, failing(KeyError("first"), 1))
        assert loser.ended

    run(main)


def test_race_of_some_that_are_done_gives_the_first_in_order(run):
    async def main():
        done = [asyncio.ensure_future(value(number)) for number in range(20)]
        await asyncio.wait(done)
        assert await stook.race(*done) == 0
        late = Sleeper()
        assert await stook.race(late.task, *done[7:]) == 7
        assert late.task.cancelled()

    run(main)


def test_race_tells_a_cancelled_child_from_its_own_cancellation(run):
    async def main():
        child, loser = await begun(Sleeper(0), Sleeper())
        asyncio.get_running_loop().call_soon(child.task.cancel, "gone")
        with pytest.raises(stook.ChildCancelled) as caught:
            await stook.race(child.task, loser.task)
        assert caught.value.args == ("gone",)
        assert type(caught.value.__cause__) is asyncio.CancelledError
        record = stook.cancellation(caught.value)
        assert (record.kind, record.reason, record.is_mine()) == ("explicit", "gone", False)
        assert record.where == stook.cancellation(child.task).where
        assert loser.ended

    run(main)


def test_race_that_is_cancelled_waits_for_all_however_often_it_is_cancelled(run):
    async def main():
        sleepers = Sleeper(6), Sleeper(3)

        async def racing():
            await stook.race(*[s.task for s in sleepers])

        task = asyncio.ensure_future(racing())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel("first")
        await asyncio.sleep(0)
        task.cancel("second")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("first",)
        assert [s.ended for s in sleepers] == [True, True]
        assert [s.asked for s in sleepers] == [1, 1]
        assert {s.record.kind for s in sleepers} == {"parent cancelled"}
        assert task.cancelling() == 2

    run(main)


def test_losers_can_be_awaited_or_left(run):
    async def main():
        late = asyncio.ensure_future(value("late", 5))
        assert await stook.race(late, value("first", 1), losers="await") == "first"
        assert late.result() == "late"
        left = Sleeper()
        assert await stook.race(left.task, value("first", 1), losers="leave") == "first"
        assert not left.task.done() and left.asked == 0
        left.task.cancel()
        with pytest.raises(ValueError, match="losers must be 'cancel', 'await' or 'leave', not 3"):
            await stook.race(late, losers=3)

    run(main)


@types.coroutine
def counting(coroutine, waits):
    """Await a coroutine, and keep what it waits for, each time that it does."""
    while True:
        try:
            future = coroutine.send(None)
        except StopIteration as end:
            return end.value
        waits.append(future)
        yield future


def test_a_race_waits_once_for_losers_that_end_one_after_the_other(run):
    async def main():
        sleepers = await begun(*[Sleeper(turns) for turns in (2, 4, 6)])
        losers = [sleeper.task for sleeper in sleepers]
        waits = []
        assert await counting(stook.race(value("won"), *losers), waits) == "won"
        assert all(sleeper.ended for sleeper in sleepers)
        until_it_is_decided, until_all_have_ended = waits
        assert until_it_is_decided is not until_all_have_ended

    run(main)


def test_losers_that_are_awaited_are_asked_when_who_waits_is_cancelled(run):
    async def main():
        loser = Sleeper(2)
        task = asyncio.ensure_future(stook.race(loser.task, value("won"), losers="await"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loser.ended

    run(main)


@pytest.mark.parametrize("function", [stook.race, stook.first_success])
def test_one_that_leaves_losers_leaves_all_when_who_waits_is_cancelled(run, function):
    async def main():
        sleepers = [Sleeper(), Sleeper()]
        before = asyncio.all_tasks()
        coroutine = value("goes on", 8)
        task = asyncio.ensure_future(
            function(*[sleeper.task for sleeper in sleepers], coroutine, losers="leave")
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        [started] = asyncio.all_tasks() - before - {task}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for sleeper in sleepers:
            assert not sleeper.task.done() and sleeper.asked == 0
            sleeper.task.cancel()
        assert await started == "goes on"
        await asyncio.wait([sleeper.task for sleeper in sleepers])

    run(main)


def test_a_losers_own_error_is_reported_and_not_lost(run):
    async def main():
        reported = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: reported.append(context))
        assert (
            await stook.race(Sleeper(1, OSError("on the way out")).task, value("won", 2)) == "won"
        )
        gc.collect()
        await asyncio.sleep(0)
        assert [str(context["exception"]) for context in reported] == ["on the way out"]
        assert "never retrieved" in reported[0]["message"]

    run(main)


def test_race_refuses_bad_input_and_loses_no_task(run):
    async def main():
        with pytest.raises(ValueError, match=r"race\(\) needs at least one awaitable"):
            await stook.race()
        with pytest.raises(TypeError, match="unexpected keyword argument 'loser'"):
            await stook.race(loser="cancel")
        before = asyncio.all_tasks()
        with pytest.raises(TypeError, match="awaitable is required"):
            await stook.race(value(1, 100), 3)
        await asyncio.sleep(0)
        assert {task for task in asyncio.all_tasks() if not task.done()} == before
        other = asyncio.new_event_loop()
        foreign = other.create_future()
        with pytest.raises(ValueError, match="The future belongs to a different loop"):
            await stook.race(foreign)
        other.close()

    run(main)


def test_the_same_twice_is_one(run):
    async def main():
        task = asyncio.ensure_future(value("one", 2))
        assert await stook.race(task, task) == "one"
        assert await stook.gather(task, task, on_error="cancel") == ["one", "one"]

    run(main)


@pytest.mark.parametrize("start", ["race", "first_success", "gather", "detect_cancel"])
def test_a_task_that_waits_for_its_own_end_is_told(run, start):
    async def main():
        function = getattr(stook, start)
        options = {"on_error": "cancel"} if start == "gather" else {}
        with pytest.raises(RuntimeError, match="cannot wait for its own end"):
            await function(asyncio.current_task(), **options)
        if start == "detect_cancel":
            return None
        seen = set(asyncio.all_tasks())
        with pytest.raises(RuntimeError, match="cannot wait for its own end"):
            await function(value(1, turns=99), asyncio.current_task(), **options)
        [made] = asyncio.all_tasks() - seen
        await asyncio.wait([made])
        return made.cancelled()

    assert run(main) in (None, True)


def test_a_coroutine_that_is_given_twice_is_begun_once(run):
    async def main():
        both = value(1)
        assert await stook.gather(both, both, on_error="cancel") == [1, 1]
        both = value(2)
        assert await stook.race(both, both) == 2
        both = failing(OSError("once"))
        with pytest.raises(ExceptionGroup) as caught:
            await stook.first_success(both, both)
        assert [str(error) for error in caught.value.exceptions] == ["once"]

    run(main)


def test_a_race_outside_a_loop_is_refused():
    with pytest.raises(RuntimeError, match="no running event loop"):
        stook.race(asyncio.sleep(0)).send(None)


test_a_race_outside_a_loop_is_refused = pytest.mark.filterwarnings("ignore::RuntimeWarning")(
    test_a_race_outside_a_loop_is_refused
)


# first_success


def test_first_success_passes_failures_by(run):
    async def main():
        loser = Sleeper()
        quick = failing(OSError("quick"))
        assert await stook.first_success(quick, value("good", 2), loser.task) == "good"
        assert loser.ended

    run(main)


def test_first_success_groups_the_errors_of_all(run):
    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            await stook.first_success(failing(OSError("one"), 2), failing(KeyError("two")))
        assert [repr(error) for error in caught.value.exceptions] == [
            "OSError('one')",
            "KeyError('two')",
        ]
        (child,) = await begun(Sleeper(0))
        asyncio.get_running_loop().call_soon(child.task.cancel)
        with pytest.raises(BaseExceptionGroup) as caught:
            await stook.first_success(child.task, failing(OSError("one")))
        assert [type(error) for error in caught.value.exceptions] == [stook.ChildCancelled, OSError]

    run(main)


# gather


def test_gather_that_cancels_raises_when_all_have_ended(run):
    async def main():
        other = Sleeper(4)
        bad = asyncio.ensure_future(failing(OSError("bad"), 2))
        bad.set_name("Bad")
        with pytest.raises(OSError, match="bad"):
            await stook.gather(other.task, bad, on_error="cancel")
        assert other.ended
        assert (other.record.kind, other.record.who.name) == ("sibling failed", "Bad")
        assert other.record.where.function == failing.__qualname__
        results = await stook.gather(value(1, 3), value(2), on_error="cancel")
        assert results == [1, 2]
        assert await stook.gather(on_error="cancel") == []

    run(main)


def test_gather_without_on_error_is_asyncios(run):
    async def main():
        assert await stook.gather(value(1), value(2), on_error=None) == [1, 2]
        assert await stook.gather(value(1), failing(KeyError(2)), return_exceptions=True) != []
        with pytest.raises(ValueError, match="on_error must be None or 'cancel', not 'stop'"):
            stook.gather(on_error="stop")
        with pytest.raises(ValueError, match="not both"):
            stook.gather(on_error="cancel", return_exceptions=True)
        with pytest.raises(TypeError, match="unexpected keyword argument 'timeout'"):
            stook.gather(on_error="cancel", timeout=3)

    run(main)


def test_failures_before_a_success_count_as_read(run, caplog):
    async def main():
        fails = [asyncio.ensure_future(failing(OSError(number))) for number in range(2)]
        assert await stook.first_success(*fails, value(3, turns=3)) == 3
        fails.clear()
        gc.collect()

    run(main)
    assert caplog.messages == []


def test_tasks_that_compare_equal_are_told_apart(run):
    class Alike(stook.Task):
        def __eq__(self, other):
            return isinstance(other, Alike)

        def __hash__(self):
            return 1

    async def main():
        loop = asyncio.get_running_loop()
        slow, quick = Alike(asyncio.sleep(1000), loop=loop), Alike(value(5), loop=loop)
        assert await stook.when_any([slow, quick]) == (1, 5)
        both = [Alike(asyncio.sleep(1000), loop=loop) for _ in range(2)]
        ended = await stook.cancel_and_wait(slow, *both)
        assert [each.state for each in ended] == ["cancelled"] * 3

    run(main)


# detect_cancel, cancel_and_wait


def test_detect_cancel_tells_the_child_from_the_caller(run):
    async def main():
        (child,) = await begun(Sleeper(0))

        async def parent():
            try:
                await stook.detect_cancel(child.task)
            except stook.ChildCancelled as error:
                assert stook.cancellation(error).kind == "explicit"
                return "child", stook.cancellation(error).is_mine()
            except asyncio.CancelledError as error:
                return "me", stook.cancellation(error).is_mine()

        task = asyncio.ensure_future(parent())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == ("me", True)
        assert not child.task.done() and child.asked == 0
        task = asyncio.ensure_future(parent())
        await asyncio.sleep(0)
        child.task.cancel()
        assert await task == ("child", False)
        assert await stook.detect_cancel(asyncio.ensure_future(value(3))) == 3
        with pytest.raises(KeyError):
            await stook.detect_cancel(asyncio.ensure_future(failing(KeyError(1))))
        coroutine = value(1)
        with pytest.raises(TypeError, match="a task or future is expected, not coroutine"):
            await stook.detect_cancel(coroutine)
        coroutine.close()

    run(main)


def test_cancel_and_wait_tells_what_became_of_each(run):
    async def main():
        done = asyncio.ensure_future(value("done"))
        await done
        sleepers = await begun(Sleeper(3), Sleeper(1, OSError("late")))
        tasks = done, *[s.task for s in sleepers]
        ended = await stook.cancel_and_wait(*tasks, reason="closing")
        assert [(e.task, e.state) for e in ended] == [
            (done, "returned"),
            (tasks[1], "cancelled"),
            (tasks[2], "raised"),
        ]
        assert (ended[0].value, str(ended[2].value)) == ("done", "late")
        assert [s.record.reason for s in sleepers] == ["closing", "closing"]
        assert await stook.cancel_and_wait() == []

    run(main)


def test_cancel_and_wait_goes_on_when_it_is_cancelled(run):
    async def main():
        (sleeper,) = await begun(Sleeper(5))
        task = asyncio.ensure_future(stook.cancel_and_wait(sleeper.task))
        await asyncio.sleep(0)
        task.cancel("me")
        await asyncio.sleep(0)
        task.cancel("me again")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("me",)
        assert sleeper.ended

    run(main)


def test_cancel_and_wait_asks_nobody_when_it_refuses(run):
    async def main():
        other = asyncio.new_event_loop()
        stranger, own = other.create_future(), asyncio.ensure_future(value(1))
        with pytest.raises(ValueError, match="different loop"):
            await stook.cancel_and_wait(own, stranger)
        with pytest.raises(TypeError):
            await stook.cancel_and_wait(own, timeout="soon")
        assert not stranger.cancelled()
        other.close()
        return await own

    assert run(main) == 1


def test_cancel_and_wait_asks_the_same_task_once(run):
    async def main():
        sleeper = Sleeper()
        await begun(sleeper)
        first, second = await stook.cancel_and_wait(sleeper.task, sleeper.task)
        assert first == second
        return sleeper.asked

    assert run(main) == 1


def test_cancel_and_wait_ends_in_time(run):
    async def main():
        stubborn = asyncio.ensure_future(refuses())
        await asyncio.sleep(0)
        [ended] = await stook.cancel_and_wait(stubborn, timeout=0.001)
        assert ended == (stubborn, "running", None)
        gate.set_result(None)
        assert await stubborn == "refused"
        with pytest.raises(RuntimeError, match="a task cannot wait for its own end"):
            await stook.cancel_and_wait(asyncio.current_task())
        with pytest.raises(TypeError, match="a task or future is expected, not int"):
            await stook.cancel_and_wait(3)

    gate = None

    async def refuses():
        nonlocal gate
        gate = asyncio.get_running_loop().create_future()
        while not gate.done():
            try:
                await asyncio.shield(gate)
            except asyncio.CancelledError:
                pass
        return "refused"

    run(main)


# What is common to all


def test_nothing_is_kept_alive(run):
    async def main():
        class Result:
            pass

        async def give():
            return Result()

        results = [
            weakref.ref(await stook.race(give(), Sleeper().task)),
            weakref.ref(await stook.first_success(give(), Sleeper().task)),
            weakref.ref((await stook.gather(give(), on_error="cancel"))[0]),
        ]
        done, _ = await stook.wait_any({asyncio.ensure_future(give()), Sleeper().task})
        results.append(weakref.ref(done.pop().result()))
        await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert [result() for result in results] == [None] * 4

    run(main)


@pytest.mark.parametrize("function", [stook.race, stook.wait_any])
def test_no_frame_of_python_runs_between_the_call_and_its_result(function):
    import sys

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(False)  # its checks are Python
        await asyncio.sleep(0)
        first, second = loop.create_future(), loop.create_future()
        loop.call_soon(first.set_result, 1)
        if function is stook.wait_any:
            coroutine = function({first, second})
        else:
            coroutine = function(first, second)
        frames = []

        def watch(frame, event, _argument):
            if event == "call":
                frames.append(frame.f_code.co_qualname)

        sys.setprofile(watch)
        try:
            await coroutine
        finally:
            sys.setprofile(None)
        return frames

    frames = run_on("stook", main)
    assert set(frames) == {main.__qualname__}


def test_what_the_functions_say_of_themselves():
    import inspect

    assert str(inspect.signature(stook.race)).startswith("(*aws: ")
    for function in (stook.race, stook.wait_any, stook.first_success, stook.detect_cancel):
        assert inspect.iscoroutinefunction(function)
        assert "Example:" in inspect.getdoc(function)
    coroutine = stook.race(asyncio.sleep(0))
    assert inspect.iscoroutine(coroutine) and coroutine.__qualname__ == "race"
    coroutine.close()


test_what_the_functions_say_of_themselves = pytest.mark.filterwarnings("ignore::RuntimeWarning")(
    test_what_the_functions_say_of_themselves
)
