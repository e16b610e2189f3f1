"""Context variables: whose context each callback, step and child runs in."""

import asyncio
import contextvars
import decimal
import gc
import sys
import weakref

import pytest

number = contextvars.ContextVar("number", default=0)
holder = contextvars.ContextVar("holder")


async def test_task_runs_in_a_copy_made_with_it(engine, loop):
    async def body():
        before = number.get()
        number.set(before + 1)
        await engine.sleep(0)
        return before, number.get()

    number.set(1)
    task = loop.create_task(body())
    number.set(50)
    assert await task == (1, 2)
    assert number.get() == 50


@pytest.mark.skipif(sys.version_info < (3, 12), reason="from 3.12 on")
async def test_context_of_a_task_can_be_asked_for(engine, loop):
    context = contextvars.copy_context()
    task = loop.create_task(engine.sleep(0), context=context)
    assert task.get_context() is context
    own = loop.create_task(engine.sleep(0))
    assert isinstance(own.get_context(), contextvars.Context)
    assert own.get_context() is not context
    await engine.gather(task, own)


async def test_given_context_is_shared_by_tasks(engine, loop):
    context = contextvars.copy_context()

    async def add():
        for _ in range(3):
            number.set(number.get() + 1)
            await engine.sleep(0)

    await engine.gather(
        loop.create_task(add(), context=context), loop.create_task(add(), context=context)
    )
    assert context[number] == 6
    assert number.get() == 0


async def test_children_of_a_gather_have_a_copy_each(engine, loop):
    async def child(value):
        assert number.get() == 7
        number.set(value)
        await engine.sleep(0)
        return number.get()

    number.set(7)
    assert await engine.gather(*(child(value) for value in range(3))) == [0, 1, 2]
    assert number.get() == 7


async def test_awaited_coroutine_shares_the_context_of_its_task(engine, loop):
    async def inner():
        await engine.sleep(0)
        number.set(9)

    await inner()
    assert number.get() == 9


async def test_tokens_work_across_awaits(engine, loop):
    token = number.set(3)
    await engine.sleep(0)
    await engine.sleep(0.001)
    number.reset(token)
    assert number.get() == 0


async def test_done_callback_of_a_task_runs_in_the_context_of_its_adding(engine, loop):
    seen = []

    async def body():
        number.set(100)

    number.set(4)
    task = loop.create_task(body())
    task.add_done_callback(lambda _: seen.append(number.get()))
    number.set(5)
    await task
    await engine.sleep(0)
    assert seen == [4]


async def test_context_survives_a_thread_and_a_timer(engine, loop):
    seen = loop.create_future()
    number.set(11)
    loop.call_later(0.001, lambda: seen.set_result(number.get()))
    number.set(12)
    assert await engine.to_thread(number.get) == 12
    assert await seen == 11


async def test_cleaning_up_after_a_cancel_sees_the_context(engine, loop):
    seen = []

    async def body():
        number.set(21)
        try:
            await loop.create_future()
        finally:
            seen.append(number.get())

    task = loop.create_task(body())
    await engine.sleep(0)
    task.cancel()
    with pytest.raises(engine.CancelledError):
        await task
    assert seen == [21]
    assert number.get() == 0


async def test_decimal_context_belongs_to_the_task(engine, loop):
    async def divide(precision):
        with decimal.localcontext() as context:
            context.prec = precision
            await engine.sleep(0)
            return str(decimal.Decimal(1) / decimal.Decimal(3))

    results = await engine.gather(*(divide(precision) for precision in (2, 4, 6)))
    assert results == ["0.33", "0.3333", "0.333333"]


async def test_asynchronous_generator_runs_in_the_context_of_who_asks(engine, loop):
    async def generator():
        while True:
            await engine.sleep(0)
            yield number.get()

    agen = generator()
    number.set(1)
    assert await agen.__anext__() == 1
    number.set(2)
    assert await agen.__anext__() == 2

    async def ask():
        number.set(3)
        return await agen.__anext__()

    assert await loop.create_task(ask()) == 3
    await agen.aclose()


async def test_task_group_passes_a_context(engine, loop):
    context = contextvars.copy_context()

    async def body():
        number.set(31)

    async with engine.TaskGroup() as group:
        group.create_task(body(), context=context)
    assert context[number] == 31


def test_runner_keeps_one_context_for_all_its_runs(engine):
    async def add():
        number.set(number.get() + 1)
        return number.get()

    with asyncio.Runner(loop_factory=engine.new_event_loop) as runner:
        assert [runner.run(add()) for _ in range(3)] == [1, 2, 3]
    assert number.get() == 0


def test_run_until_complete_copies_the_context(engine, loop):
    async def change():
        number.set(number.get() + 1)
        return number.get()

    number.set(40)
    try:
        assert loop.run_until_complete(change()) == 41
        assert number.get() == 40
    finally:
        number.set(0)


async def test_entered_context_is_left_after_an_error(engine, loop, reports):
    context = contextvars.copy_context()

    def fail():
        raise LookupError

    loop.call_soon(fail, context=context)
    await engine.sleep(0)
    loop.call_soon(number.set, 1, context=context)
    await engine.sleep(0)
    assert len(reports) == 1
    assert context[number] == 1


async def test_tasks_that_wait_keep_their_variables_apart(engine, loop):
    seen = []

    async def body(value):
        await engine.sleep(0.001)
        seen.append(number.get())
        number.set(value)
        await engine.sleep(0.001)
        seen.append(number.get())
        number.set(number.get() + 1)
        await engine.sleep(0)
        return number.get()

    number.set(7)
    tasks = [loop.create_task(body(value)) for value in (10, 20, 30)]
    await engine.sleep(0)
    number.set(8)
    assert await engine.gather(*tasks) == [11, 21, 31]
    assert seen == [7, 7, 7, 10, 20, 30]
    assert number.get() == 8


@pytest.mark.skipif(sys.version_info < (3, 12), reason="from 3.12 on")
async def test_context_of_a_waiting_task_that_was_seen_stays_the_same(engine, loop):
    async def body():
        await engine.sleep(0)
        number.set(number.get() + 1)
        await engine.sleep(0)

    tasks = [loop.create_task(body()) for _ in range(3)]
    await engine.sleep(0)
    contexts = [task.get_context() for task in tasks]
    assert len(set(map(id, contexts))) == len(contexts)
    await engine.gather(*tasks)
    assert [
        task.get_context() is context for task, context in zip(tasks, contexts, strict=True)
    ] == [True] * 3
    assert [context[number] for context in contexts] == [1, 1, 1]


async def test_context_is_shown_while_that_of_another_goes(loop):
    seen, handles = [], []

    class Looks:
        def __del__(self):
            seen.extend(handle._context for handle in handles)

    async def make(value, keep):
        holder.set(value)
        keep.extend(loop.call_soon(holder.get) for _ in range(5))

    first = loop.create_task(make(Looks(), []))
    second = loop.create_task(make("kept", handles))
    await first
    await second
    del first
    while not seen:
        await asyncio.sleep(0)
    assert {type(context) for context in seen} == {contextvars.Context}
    assert {context[holder] for context in seen} == {"kept"}


async def test_context_that_nobody_has_any_more_goes(engine, loop):
    context = contextvars.copy_context()
    weak = weakref.ref(context)
    loop.call_soon(number.set, 5, context=context)
    del context
    await engine.sleep(0)
    loop.call_soon(int)
    await engine.sleep(0)
    assert weak() is None


async def test_what_a_callback_has_set_goes_with_its_context(engine, loop):
    class Thing:
        pass

    things = []

    def callback():
        thing = Thing()
        things.append(weakref.ref(thing))
        holder.set(thing)

    for _ in range(3):
        loop.call_soon(callback)
        await engine.sleep(0)
        await engine.sleep(0)
        assert things[-1]() is None


async def test_callbacks_one_after_another_see_what_was_set_where_they_were_made(engine, loop):
    seen = []

    def callback(left):
        seen.append(number.get())
        if left:
            number.set(number.get() + left)
            loop.call_soon(callback, left - 1)
            number.set(-1)

    number.set(100)
    loop.call_soon(callback, 4)
    number.set(200)
    for _ in range(6):
        await engine.sleep(0)
    assert seen == [100, 104, 107, 109, 110]
    assert number.get() == 200


async def test_context_that_somebody_has_found_is_not_used_again(engine, loop):
    found = []
    used = []

    def callback(value):
        number.set(value)
        used.extend(context for context in found if context.get(number) == value)

    for value in range(3):
        loop.call_soon(callback, value)
        await engine.sleep(0)
    found += [each for each in gc.get_objects() if type(each) is contextvars.Context]
    for value in range(10, 13):
        loop.call_soon(callback, value)
        await engine.sleep(0)
    assert used == []


async def test_contexts_go_with_the_garbage_that_has_them(engine, loop):
    class Thing:
        def __del__(self):
            # What is scheduled while garbage is cleared has a context of its own all the same.
            loop.call_soon(seen.append, number.get())

    def make_garbage():
        thing = Thing()
        thing.handle = loop.call_later(3600, thing.__class__, thing)
        thing.handles = [loop.call_soon(int, thing) for _ in range(3)]
        thing.handle.cancel()
        for handle in thing.handles:
            handle.cancel()

    seen = []
    number.set(3)
    for _ in range(5):
        make_garbage()
        await engine.sleep(0)
    await engine.sleep(0)
    gc.collect()
    await engine.sleep(0)
    assert set(seen) <= {3}
    gc.collect()
    assert number.get() == 3
