"""Which task runs, which tasks there are, and the functions by which a task is made known."""

import asyncio
import gc

import pytest


def test_outside_a_loop_there_is_no_current_task(engine, loop):
    assert engine.current_task(loop) is None
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        engine.current_task()
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        engine.all_tasks()


async def test_current_task_in_a_task(engine, loop):
    async def body():
        return engine.current_task()

    task = loop.create_task(body())
    assert await task is task
    assert engine.current_task(loop) is engine.current_task() is not task


async def test_standard_name_gives_the_same_task(engine, loop):
    assert asyncio.current_task() is engine.current_task()
    assert asyncio.current_task(loop) is engine.current_task()
    assert asyncio.all_tasks() == engine.all_tasks()


async def test_callbacks_run_in_no_task(engine, loop):
    seen = []
    loop.call_soon(lambda: seen.append(engine.current_task()))
    future = loop.create_future()
    future.add_done_callback(lambda _: seen.append(engine.current_task()))
    future.set_result(None)
    await engine.sleep(0)
    assert seen == [None, None]


async def test_all_tasks_lists_pending_ones_of_the_loop(engine, loop):
    me = engine.current_task()
    assert engine.all_tasks() == {me}
    waiting = [loop.create_task(engine.sleep(60)) for _ in range(3)]
    assert engine.all_tasks() == {me, *waiting}
    assert engine.all_tasks(loop) == {me, *waiting}
    for task in waiting:
        task.cancel()
    await engine.wait(waiting)
    assert engine.all_tasks() == {me}


async def test_all_tasks_gives_a_new_set_each_time(engine, loop):
    tasks = engine.all_tasks()
    tasks.clear()
    assert engine.all_tasks() == {engine.current_task()}


def test_tasks_of_another_loop_are_not_listed(engine, loop):
    other = engine.new_event_loop()
    other.set_task_factory(None)

    async def main():
        task = engine.Task(engine.sleep(0), loop=other)
        assert task not in engine.all_tasks()
        assert engine.all_tasks(other) == {task}
        return task

    task = loop.run_until_complete(main())
    other.run_until_complete(task)
    other.close()


def test_pending_task_that_is_let_go_leaves_the_set(engine, loop, reports):
    async def wait():
        await loop.create_future()

    task = loop.create_task(wait())
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert engine.all_tasks(loop) == {task}
    task._log_destroy_pending = False
    del task
    gc.collect()
    assert engine.all_tasks(loop) == set()


class Own:
    """A task of a third party: no subclass of anyone's, known by registration alone."""

    def __init__(self, loop):
        self._loop = loop

    def get_loop(self):
        return self._loop

    def done(self):
        return False


def test_third_party_task_is_registered_and_forgotten(engine, loop):
    task = Own(loop)
    assert engine._register_task(task) is None
    assert engine.all_tasks(loop) == {task}
    engine._unregister_task(task)
    assert engine.all_tasks(loop) == set()
    engine._unregister_task(task)


def test_registration_is_shared_with_the_standard_names(engine, loop):
    task = Own(loop)
    asyncio._register_task(task)
    assert asyncio.all_tasks(loop) == {task}
    assert engine.all_tasks(loop) == {task}
    asyncio._unregister_task(task)
    assert engine.all_tasks(loop) == set()


def test_third_party_task_is_entered_and_left(engine, loop):
    one, two = Own(loop), Own(loop)
    engine._enter_task(loop, one)
    assert engine.current_task(loop) is one
    assert asyncio.current_task(loop) is one
    with pytest.raises(RuntimeError, match="^Cannot enter into task .* while another task "):
        engine._enter_task(loop, two)
    with pytest.raises(RuntimeError, match="^Leaving task .* does not match the current task "):
        engine._leave_task(loop, two)
    assert engine.current_task(loop) is one
    engine._leave_task(loop, one)
    assert engine.current_task(loop) is None
    with pytest.raises(RuntimeError, match="^Leaving task "):
        engine._leave_task(loop, one)


def test_entering_by_keywords(engine, loop):
    task = Own(loop)
    engine._enter_task(loop=loop, task=task)
    assert engine.current_task(loop=loop) is task
    engine._leave_task(loop=loop, task=task)


async def test_task_cannot_be_entered_while_one_runs(engine, loop):
    with pytest.raises(RuntimeError, match="^Cannot enter into task"):
        engine._enter_task(loop, Own(loop))
    assert engine.current_task() is not None


def test_swapping_gives_back_the_one_before(engine, loop):
    if not hasattr(asyncio.tasks, "_swap_current_task"):
        pytest.skip("from 3.12 on")
    one, two = Own(loop), Own(loop)
    swap = engine._swap_current_task
    assert swap(loop, one) is None
    assert swap(loop, two) is one
    assert engine.current_task(loop) is two
    assert swap(loop, None) is two
    assert engine.current_task(loop) is None


def test_running_loop_can_be_set_and_asked_for(engine, loop):
    assert engine._get_running_loop() is None
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        engine.get_running_loop()
    engine._set_running_loop(loop)
    try:
        assert engine._get_running_loop() is loop
        assert engine.get_running_loop() is loop
        assert asyncio.get_running_loop() is loop
        assert engine.get_event_loop() is loop
    finally:
        engine._set_running_loop(None)
    assert asyncio._get_running_loop() is None


async def test_running_loop_is_known_to_both_names(engine, loop):
    assert engine.get_running_loop() is loop
    assert asyncio.get_running_loop() is loop
    assert asyncio.get_event_loop() is loop
