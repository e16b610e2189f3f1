"""Timers: when they run and in which order, how handles compare, what cancelled ones leave."""

import asyncio
import gc
import math
import random
import shutil
import subprocess
import weakref

import pytest

from programs import output_of, run_python
from slowness import SLOWNESS

PATIENCE_SECONDS = 10.0 * SLOWNESS


@pytest.fixture
def calls():
    """Collect what callbacks saw."""
    return []


def order_of(make_loop, seed, count, kinds, cancelled):
    """Schedule timers that are all due, cancel some, and return the order in which they run.

    Heaps are not stable: the order of timers due at the same time comes from how exactly the heap
    is built, and programs depend on it without knowing.
    """
    numbers = random.Random(seed)
    loop = make_loop()
    order = []
    start = -1_000_000.0
    handles = [
        loop.call_at(start + numbers.randrange(kinds), order.append, index)
        for index in range(count)
    ]
    for handle in numbers.sample(handles, int(count * cancelled)):
        handle.cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    return order


@pytest.mark.parametrize("kinds", [1, 2, 5, 1000])
@pytest.mark.parametrize("count", [2, 7, 60, 150])
@pytest.mark.parametrize("cancelled", [0.0, 0.3, 0.8])
def test_timers_due_together_run_in_the_order_of_the_standard_heap(engine, count, kinds, cancelled):
    for seed in range(5):
        expected = order_of(asyncio.SelectorEventLoop, seed, count, kinds, cancelled)
        assert len(expected) == count - int(count * cancelled)
        assert order_of(engine.new_event_loop, seed, count, kinds, cancelled) == expected


def test_timers_made_between_turns_keep_the_order_of_the_standard_heap(engine):
    def run(make_loop):
        numbers = random.Random(3)
        loop = make_loop()
        order = []
        handles = []
        start = -1_000_000.0

        def step(depth):
            order.append(("step", depth))
            for _ in range(numbers.randrange(4)):
                delay = numbers.choice([0, 1, 2])
                handles.append(loop.call_at(start + delay, order.append, len(handles)))
            if handles and numbers.random() < 0.4:
                numbers.choice(handles).cancel()
            if depth:
                loop.call_soon(step, depth - 1)
                loop.call_at(start + numbers.randrange(3), order.append, ("timer", depth))
            else:
                loop.stop()

        loop.call_soon(step, 60)
        loop.run_forever()
        loop.close()
        return order

    expected = run(asyncio.SelectorEventLoop)
    assert len(expected) > 100
    assert run(engine.new_event_loop) == expected


def test_due_timers_run_after_what_is_ready_and_before_what_that_schedules(loop, turns, calls):
    loop.call_at(loop.time() - 1, calls.append, "timer")
    loop.call_soon(lambda: loop.call_soon(calls.append, "scheduled by a callback"))
    loop.call_soon(calls.append, "ready")
    turns(2)
    assert calls == ["ready", "timer", "scheduled by a callback"]


def test_timers_run_in_the_order_of_their_times(loop, calls):
    for delay in (3, 1, 2):
        loop.call_later(delay / 500, calls.append, delay)
    loop.call_later(4 / 500, loop.stop)
    loop.run_forever()
    assert calls == [1, 2, 3]


def test_timer_never_runs_early(loop):
    ended = []
    handle = loop.call_later(0.01, lambda: (ended.append(loop.time()), loop.stop()))
    loop.run_forever()
    assert ended[0] >= handle.when() - 0.001


def test_when_is_the_time_of_the_loop(loop):
    before = loop.time()
    handle = loop.call_later(5, print)
    assert before + 5 <= handle.when() <= loop.time() + 5
    handle.cancel()
    assert loop.call_at(17, print).when() == 17


def test_clock_is_monotonic_and_in_seconds(loop):
    import time

    first, standard = loop.time(), time.monotonic()
    assert isinstance(first, float)
    assert abs(first - standard) < 1
    assert loop.time() >= first


@pytest.mark.parametrize("delay", [1e9, 1e15, math.inf])
def test_far_timers_do_not_disturb_near_ones(loop, calls, delay):
    far = loop.call_later(delay, calls.append, "far")
    loop.call_later(0.001, calls.append, "near")
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert calls == ["near"]
    far.cancel()


def test_missing_times_are_refused(loop):
    with pytest.raises(TypeError, match="^delay must not be None$"):
        loop.call_later(None, print)
    with pytest.raises(TypeError, match="^when cannot be None$"):
        loop.call_at(None, print)


def test_delay_that_is_no_number_is_refused(loop):
    with pytest.raises(TypeError):
        loop.call_later("soon", print)


def test_delay_may_be_negative(loop, turns, calls):
    loop.call_later(-5, calls.append, "at once")
    turns()
    assert calls == ["at once"]


def test_cancelled_timers_do_not_pile_up(loop, turns):
    references = []
    for _ in range(5000):
        handle = loop.call_later(3600, print)
        references.append(weakref.ref(handle))
        handle.cancel()
    del handle
    kept = loop.call_later(3600, print)
    turns()
    gc.collect()
    assert sum(reference() is not None for reference in references) <= 100
    kept.cancel()


def test_cancelled_timers_at_the_front_are_dropped(loop, turns, calls):
    first = loop.call_later(0.001, calls.append, "first")
    loop.call_later(0.002, calls.append, "second")
    first.cancel()
    loop.call_later(0.003, loop.stop)
    loop.run_forever()
    assert calls == ["second"]


@pytest.mark.parametrize("seed", range(3))
def test_timers_that_stay_are_those_that_run_however_many_go(loop, seed):
    # Who is set later gets the place of one that went; a handle of one that went cancels nobody.
    numbers = random.Random(seed)
    ran, due, gone = [], {}, []
    start = loop.time() - 1_000_000.0
    last = 0
    for _ in range(40):
        for _ in range(numbers.choice((1, 30, 500, 6000))):
            last += 1
            due[last] = loop.call_at(start + numbers.random(), ran.append, last)
        kept = {index for index in due if numbers.random() < numbers.choice((0.0, 0.001, 0.5))}
        gone += [due.pop(index) for index in list(due) if index not in kept]
        for handle in gone:
            handle.cancel()
        if numbers.random() < 0.7:
            loop.call_soon(loop.stop)
            loop.run_forever()
            gone.extend(due.values())
            assert sorted(ran) == sorted(due)
            assert ran == sorted(due, key=lambda index: due[index].when())
            ran.clear()
            due.clear()


def test_loop_does_not_wake_for_a_cancelled_timer(loop):
    # Were the cancelled timer counted, the loop would not end before it.
    loop.call_later(0.001, loop.stop)
    loop.call_later(50, print).cancel()
    start = loop.time()
    loop.run_forever()
    assert loop.time() - start < 10


async def test_sleep_that_is_over_leaves_the_timers_of_others_alone(engine, loop):
    """The place where its timer was kept may be another's before the sleeper goes on."""
    kept = loop.create_future()
    earlier = loop.create_task(engine.sleep(0.001))
    await engine.sleep(0)
    loop.call_later(0.001, lambda: loop.call_later(0.001, kept.set_result, "kept"))
    await earlier
    assert await engine.wait_for(kept, PATIENCE_SECONDS) == "kept"


class TestComparison:
    """Timer handles order by their times; equality looks at everything."""

    def test_order_is_that_of_the_times(self, loop):
        early, late = loop.call_at(1, print), loop.call_at(2, print)
        assert early < late
        assert early <= late
        assert late > early
        assert late >= early
        assert not late < early
        assert not early >= late

    def test_equal_times(self, loop):
        one, two = loop.call_at(1, print), loop.call_at(1, print)
        assert one == two
        assert not one != two
        assert one <= two
        assert one >= two
        assert not one < two
        assert hash(one) == hash(two) == hash(1.0)

    def test_equality_looks_at_callback_arguments_and_cancellation(self, loop):
        one = loop.call_at(1, print, 1)
        assert one != loop.call_at(1, print, 2)
        assert one != loop.call_at(1, repr, 1)
        assert one != loop.call_at(2, print, 1)
        same = loop.call_at(1, print, 1)
        assert one == same
        same.cancel()
        assert one != same

    def test_cancelled_one_keeps_its_time(self, loop):
        handle = loop.call_at(7, print)
        handle.cancel()
        assert handle.when() == 7
        assert hash(handle) == hash(7)

    def test_other_things_do_not_compare(self, loop):
        handle = loop.call_at(1, print)
        assert handle != 1
        for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
            assert getattr(handle, compare)(1) is NotImplemented
        with pytest.raises(TypeError):
            handle < 1  # noqa: B015

    def test_handles_of_the_standard_library_made_by_hand_compare_with_ours(self, loop):
        ours = loop.call_at(3.5, print, 1)
        standard = asyncio.TimerHandle(2.5, print, (1,), loop)
        assert standard < ours
        assert ours > standard
        assert standard != ours
        assert sorted([ours, standard]) == [standard, ours]


OTHER_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t which, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(which, now);
    now->tv_sec += 1000000;
    return answer;
}
"""


@pytest.mark.needs_stook
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_loop_has_the_clock_that_is_loaded_before_the_systems(tmp_path):
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(OTHER_CLOCK)
    command = ["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    program = """
import asyncio, stook, time
async def main():
    print(round(time.monotonic() - asyncio.get_running_loop().time()))
stook.run(main())
"""
    ended = run_python(["-c", program], environment={"LD_PRELOAD": str(library)})
    assert output_of(ended).strip() == "0"
