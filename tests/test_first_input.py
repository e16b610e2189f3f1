"""What the first-ofs and their like refuse: before anything is touched, and in clear words."""

import asyncio
import math

import pytest

import stook
from loops import LOOPS, run_on

pytestmark = pytest.mark.needs_stook

OTHER_LOOP = "The future belongs to a different loop than the one specified as the loop argument"


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


async def for_ever():
    """Wait until cancelled."""
    await asyncio.Event().wait()


class Watched(asyncio.Future):
    """A future that counts the callbacks that were added, and who asked it to cancel."""

    def __init__(self):
        super().__init__(loop=asyncio.get_running_loop())
        self.touched = 0

    def add_done_callback(self, function, *, context=None):
        """Count."""
        self.touched += 1
        super().add_done_callback(function, context=context)

    def cancel(self, msg=None):
        """Count."""
        self.touched += 1
        return super().cancel(msg)


def half_way(*given):
    """Return an iterator that gives these and raises. Up to 3.11 generators pass for coroutines."""

    def give(index):
        if index == len(given):
            raise KeyError("half way")
        return given[index]

    return map(give, range(len(given) + 1))


WAYS = {
    "wait_any": stook.wait_any,
    "race": lambda tasks: stook.race(*tasks),
    "first_success": lambda tasks: stook.first_success(*tasks),
    "gather": lambda tasks: stook.gather(*tasks, on_error="cancel"),
    "cancel_and_wait": lambda tasks: stook.cancel_and_wait(*tasks),
    "when_all": stook.when_all,
    "when_any": stook.when_any,
    "detect_cancel": lambda tasks: stook.detect_cancel(list(tasks)[-1]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [None, 5, "text", 2.5, object])
def test_what_is_no_future_is_refused_before_anything_is_touched(run, way, bad):
    async def main():
        watched = Watched()
        with pytest.raises(TypeError, match="expected|required"):
            await WAYS[way]([watched, bad])
        assert watched.touched == 0 and not watched.done()

    run(main)


@pytest.mark.parametrize("way", WAYS)
def test_a_future_of_another_loop_is_refused_before_anything_is_touched(run, way):
    async def main():
        other = asyncio.new_event_loop()
        foreign, own = other.create_future(), Watched()
        with pytest.raises(ValueError, match="(?i)the future belongs to a different loop than"):
            await WAYS[way]([own, foreign])
        assert own.touched == 0 and not foreign.done()
        if way == "wait_any":
            with pytest.raises(ValueError, match=OTHER_LOOP):
                await stook.wait_any([foreign])
        other.close()

    run(main)


@pytest.mark.parametrize("way", ["wait_any", "when_all", "when_any"])
@pytest.mark.parametrize("bad", [None, 0, 5, 2.5, False])
def test_what_is_no_iterable_is_refused(run, way, bad):
    async def main():
        with pytest.raises(TypeError, match="not iterable"):
            await WAYS[way](bad)

    run(main)


@pytest.mark.parametrize("nothing", [[], (), set(), iter(())])
def test_wait_any_of_nothing_is_refused(run, nothing):
    async def main():
        with pytest.raises(ValueError, match="Set of Tasks/Futures is empty"):
            await stook.wait_any(nothing)
        with pytest.raises(ValueError, match="at least one"):
            await stook.when_any(nothing)
        assert await stook.when_all(nothing) == []

    run(main)


@pytest.mark.parametrize("way", ["when_all", "when_any"])
def test_coroutines_of_a_generator_that_raises_are_closed(run, way):
    async def main():
        made = [for_ever(), for_ever()]

        before = asyncio.all_tasks()
        with pytest.raises(KeyError, match="half way"):
            await WAYS[way](half_way(*made))
        assert asyncio.all_tasks() == before
        for coroutine in made:
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                coroutine.send(None)

    run(main)


@pytest.mark.parametrize("way", ["race", "first_success", "gather", "when_all", "when_any"])
def test_coroutines_beside_what_is_refused_are_ended(run, way):
    async def main():
        before, behind = for_ever(), for_ever()
        tasks = asyncio.all_tasks()
        with pytest.raises(TypeError, match="awaitable is required"):
            await WAYS[way]([before, 3, behind])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == tasks
        for coroutine in (before, behind):
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                coroutine.send(None)

    run(main)


def test_wait_any_of_a_generator_that_raises_touches_nothing(run):
    async def main():
        watched = Watched()

        with pytest.raises(KeyError, match="half way"):
            await stook.wait_any(half_way(watched))
        assert watched.touched == 0

    run(main)


TIMED = {
    "wait_any": lambda future, seconds: stook.wait_any([future], timeout=seconds),
    "cancel_and_wait": lambda future, seconds: stook.cancel_and_wait(future, timeout=seconds),
}


@pytest.mark.parametrize("way", TIMED)
@pytest.mark.parametrize(
    ("seconds", "error", "words"),
    [
        (math.nan, ValueError, "timeout has to be a number of seconds, not nan"),
        (10**400, OverflowError, "timeout is larger than a float can be"),
        ("1", TypeError, "timeout has to be a number of seconds, not str"),
        ([], TypeError, "timeout has to be a number of seconds, not list"),
    ],
)
def test_a_timeout_that_is_no_time_is_refused_before_anything_is_touched(
    run, way, seconds, error, words
):
    async def main():
        watched = Watched()
        with pytest.raises(error, match=words):
            await TIMED[way](watched, seconds)
        assert watched.touched == 0

    run(main)


@pytest.mark.parametrize("way", TIMED)
@pytest.mark.parametrize("seconds", [math.inf, 1e300, True])
def test_a_long_timeout_is_one(run, way, seconds):
    async def main():
        task = asyncio.ensure_future(asyncio.sleep(0))
        await TIMED[way](task, seconds)
        return task.done()

    assert run(main)


@pytest.mark.parametrize(
    ("seconds", "error", "words"),
    [
        (math.nan, ValueError, "seconds has to be a number of seconds, not nan"),
        (10**400, OverflowError, "seconds is larger than a float can be"),
        ("1", TypeError, "seconds has to be a number of seconds, not str"),
        (None, TypeError, "seconds has to be a number of seconds, not NoneType"),
        (-1, ValueError, "seconds have to be 0 or more, not -1"),
    ],
)
def test_cancel_after_refuses_what_is_no_time_and_keeps_the_timer_before(
    run, seconds, error, words
):
    async def main():
        source = stook.CancellationSource()
        source.cancel_after(0.001, "before")
        with pytest.raises(error, match=words):
            source.cancel_after(seconds)
        return await source.token.wait()

    assert run(main) == "before"
