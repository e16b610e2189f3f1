"""How the value of something native comes to who awaits it, and what is left of it.

From CPython 3.12 on it comes in a `StopIteration` that is used again and again.
"""

import asyncio
import gc
import sys
import weakref

import pytest


class Value:
    """A result that can be watched."""


def finished(loop, value):
    future = loop.create_future()
    future.set_result(value)
    return future


class Awaited:
    """What ``await`` finds an iterator in."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __await__(self):
        return self.iterator


async def test_nothing_keeps_a_value_that_was_awaited(engine, loop):
    async def make():
        return Value()

    value = await finished(loop, Value())
    assert sys.getrefcount(value) == 2
    value = await Awaited(finished(loop, Value()).__await__())
    assert sys.getrefcount(value) == 2
    for awaitable in (
        lambda: loop.create_task(make()),
        lambda: asyncio.wait_for(make(), 60),
        lambda: engine.sleep(0, Value()),
        lambda: asyncio.shield(make()),
    ):
        reference = weakref.ref(await awaitable())
        await asyncio.sleep(0)
        assert reference() is None


async def test_values_one_after_the_other(engine, loop):
    values = [Value() for _ in range(5)]
    assert [await finished(loop, value) for value in values] == values
    assert {sys.getrefcount(value) for value in values} == {3}


async def test_an_iterator_that_outlives_its_value(engine, loop):
    iterators = [finished(loop, Value()).__await__() for _ in range(3)]
    for iterator in iterators:
        value = await Awaited(iterator)
        assert sys.getrefcount(value) == 2


async def test_a_value_that_is_a_tuple_an_exception_or_a_class(engine, loop):
    for value in ((), (1,), (1, 2), ValueError("value"), StopIteration(1), ValueError, None, 1):
        assert await finished(loop, value) is value


def driven(iterator):
    with pytest.raises(StopIteration) as caught:
        next(iterator)
    return caught.value


def test_who_drives_by_hand_has_an_exception_of_their_own(engine, loop):
    stops = [driven(finished(loop, number).__await__()) for number in range(1, 4)]
    assert [type(stop) for stop in stops] == [StopIteration] * 3
    assert [(stop.value, stop.args) for stop in stops] == [(1, (1,)), (2, (2,)), (3, (3,))]
    assert [repr(stop) for stop in stops] == [f"StopIteration({number})" for number in (1, 2, 3)]


def test_who_drives_something_that_nobody_else_holds(engine, loop):
    stops = []
    for number in range(1, 4):
        try:
            next(finished(loop, number).__await__())
        except StopIteration as stop:
            stops.append(stop)
    assert [(stop.value, stop.args) for stop in stops] == [(1, (1,)), (2, (2,)), (3, (3,))]
    assert [stop.__context__ for stop in stops] == [None] * 3


def test_who_drives_while_something_is_handled(engine, loop):
    try:
        raise ValueError("handled")
    except ValueError as handled:
        try:
            next(finished(loop, 1).__await__())
        except StopIteration as stop:
            assert (stop.value, stop.__context__) == (1, handled)


def test_what_an_exception_was_given_stays_with_it(engine, loop):
    kept = []
    for number in range(1, 4):
        try:
            next(finished(loop, number).__await__())
        except StopIteration as stop:
            stop.args, stop.mark = (number, number), number
            kept.append(stop)
    assert [(stop.args, stop.mark, stop.value) for stop in kept] == [
        ((number, number), number, number) for number in range(1, 4)
    ]


async def test_awaits_inside_a_handler(engine, loop):
    try:
        raise ValueError
    except ValueError:
        value = await finished(loop, Value())
        assert sys.getrefcount(value) == 2


def test_iterating_ends(engine, loop):
    assert list(finished(loop, 1).__await__()) == []
    value = Value()
    assert list(finished(loop, value).__await__()) == []
    assert sys.getrefcount(value) == 2


async def test_a_trace_function_sees_a_plain_stop_iteration(engine, loop):
    seen = []

    def trace(frame, event, argument):
        if event == "exception":
            seen.append(argument[:2])
        return trace

    async def main():
        return await finished(loop, 1), await finished(loop, 2)

    coroutine = main()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        assert stop.value == (1, 2)
    finally:
        sys.settrace(before)
    told = [(kind, error.args) for kind, error in seen if kind is StopIteration]
    assert len(told) == len(seen)
    if told:
        assert told[:2] == [(StopIteration, (1,)), (StopIteration, (2,))]


async def test_a_cycle_through_an_exception_that_somebody_keeps_is_collected(engine, loop):
    value = Value()
    reference = weakref.ref(value)
    gc.collect()
    try:
        next(finished(loop, value).__await__())
    except StopIteration as stop:
        value.stop = stop
    del value
    gc.collect()
    assert reference() is None
