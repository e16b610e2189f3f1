"""The least driver: its two rows run, it says what it lacks, and is left out without a compiler."""

import asyncio
import gc
import sys
import weakref
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from driver import processes
from driver.engines import DEFAULT, ENGINES, Unavailable
from driver.row import WorkNotDone, expect

least = pytest.importorskip("least", exc_type=ImportError)
LEAST = ENGINES["least"]


@pytest.fixture
def runner():
    with asyncio.Runner(loop_factory=least.new_event_loop) as runner:
        yield runner


@pytest.mark.parametrize("row", ["loop/call_soon_chain", "task/future_wake_up"])
def test_its_rows_run(row):
    answer = processes.ask(LEAST, row, "--seconds", "0.01")
    assert answer["best"] > 0
    assert answer["repetitions"] >= 2


@pytest.mark.parametrize(
    ("row", "lacks"),
    [
        ("task/create_await", "no create_task"),
        ("sleep/zero_1", "to wait for anything but its futures"),
        ("loop/timers_100k", "no call_later"),
    ],
)
def test_what_it_lacks_is_said(row, lacks):
    assert processes.ask(LEAST, row, "--seconds", "0.01") == {"lacks": lacks}


def test_it_is_measured_only_when_asked_for():
    assert "least" not in DEFAULT


@pytest.mark.parametrize(
    ("compiler", "said"), [("no-such-compiler", "no C compiler"), ("false", "driver.c")]
)
def test_it_is_left_out_without_a_compiler(monkeypatch, tmp_path, compiler, said):
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setattr(least.build, "BUILT", tmp_path)
    monkeypatch.delitem(sys.modules, "least")
    least.build.extension.cache_clear()
    with pytest.raises(Unavailable, match=said):
        LEAST.loop_factory()
    assert not list(tmp_path.rglob("*.so"))


def test_callbacks_run_in_order_and_in_a_copy_of_the_context(runner):
    order = []

    async def main():
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        loop.call_soon(order.append, 1)
        loop.call_soon(first.set_result, "first")
        loop.call_soon(second.set_result, "second")
        order.append(0)
        return [await first, order.append(2), await second]

    assert runner.run(main()) == ["first", None, "second"]
    assert order == [0, 1, 2]


def test_an_error_of_a_callback_or_of_the_coroutine_ends_the_run(runner):
    async def raises():
        raise OSError("mine")

    async def schedules():
        loop = asyncio.get_running_loop()
        loop.call_soon(expect, 1)
        await loop.create_future()

    async def waits():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(OSError, match="mine"):
        runner.run(raises())
    with pytest.raises(TypeError):
        runner.run(schedules())
    with pytest.raises(RuntimeError, match="nothing is left to run"):
        runner.run(waits())


def test_what_ran_is_released(runner):
    class Value:
        pass

    async def main():
        loop = asyncio.get_running_loop()
        value, future = Value(), loop.create_future()
        loop.call_soon(future.set_result, value)
        assert await future is value
        return weakref.ref(value)

    value = runner.run(main())
    gc.collect()
    assert value() is None
    with pytest.raises(WorkNotDone):
        expect(1, 2)
