"""The cycle collector: nothing abandoned stays, whatever shape it was abandoned in."""

import contextvars
import gc
import sys
import weakref

import pytest

from slowness import GC_STRESS

MANY = 10_000


@pytest.fixture
def run_turns(loop):
    """Let the loop make some turns."""

    def run(count=3):
        for _ in range(count):
            loop.call_soon(loop.stop)
            loop.run_forever()

    return run


class Marker:
    """Something to refer to weakly from inside a cycle."""


def assert_collected(references):
    """Collect and check that nothing referred to is left."""
    gc.collect()
    assert sum(reference() is not None for reference in references) == 0


@pytest.mark.native
def test_a_run_with_a_collection_at_every_allocation_makes_them(engine, loop):
    def collections():
        return gc.get_stats()[2]["collections"]

    gc.collect()
    before = collections()
    engine.Future(loop=loop)
    assert collections() - before == (1 if GC_STRESS else 0)
    before = collections()
    loop.create_future()
    assert collections() - before == (2 if GC_STRESS else 0)


def test_cycles_of_task_future_callback_and_exception(engine, loop, run_turns):
    references = []

    async def body(future, marker):
        try:
            raise ValueError("kept with its frames")
        except ValueError as error:
            future.error = error
        await future

    gc.disable()  # So that all of them are there at once.
    for _ in range(MANY):
        marker = Marker()
        future = engine.Future(loop=loop)
        task = engine.Task(body(future, marker), loop=loop)
        task._log_destroy_pending = False
        future.add_done_callback(lambda _, task=task: task)
        future.task = task
        marker.task = task
        references += [weakref.ref(thing) for thing in (marker, future, task)]
    run_turns(1)
    assert all(reference() is not None for reference in references)
    del marker, future, task
    gc.enable()
    assert_collected(references)
    assert engine.all_tasks(loop) == set()


def made_by_result(engine, loop):
    """A future that is its own result."""
    future = engine.Future(loop=loop)
    future.set_result([future])
    return future


def made_by_exception(engine, loop):
    """A future whose exception refers to it."""
    future = engine.Future(loop=loop)
    error = ValueError()
    error.future = future
    future.set_exception(error)
    future.exception()
    return future


def made_by_callback(engine, loop):
    """A pending future with callbacks that refer to it."""
    future = engine.Future(loop=loop)
    future.add_done_callback(future.remove_done_callback)
    future.add_done_callback(lambda _: future)
    return future


def made_by_message(engine, loop):
    """A cancelled future whose message refers to it."""
    future = engine.Future(loop=loop)
    future.cancel([future])
    return future


def made_by_attribute(engine, loop):
    """A future with itself as an attribute."""
    future = engine.Future(loop=loop)
    future.myself = future
    return future


def made_by_iterator(engine, loop):
    """A future that holds an iterator of itself."""
    future = engine.Future(loop=loop)
    future.iterator = iter(future)
    return future


def made_by_task_result(engine, loop):
    """A task that is its own result."""

    async def body():
        return holder

    holder = []
    task = loop.create_task(body())
    loop.run_until_complete(task)
    holder.append(task)
    return task


def made_by_waiting_tasks(engine, loop):
    """Two tasks that wait for each other."""
    tasks = []

    async def body(index):
        await tasks[1 - index]

    tasks += [engine.Task(body(index), loop=loop) for index in range(2)]
    for task in tasks:
        task._log_destroy_pending = False
    loop.call_soon(loop.stop)
    loop.run_forever()
    return tasks[0]


def made_by_context(engine, loop):
    """A task whose context holds it."""
    variable = contextvars.ContextVar("variable")

    async def body():
        variable.set(engine.current_task())
        await loop.create_future()

    task = engine.Task(body(), loop=loop)
    task._log_destroy_pending = False
    loop.call_soon(loop.stop)
    loop.run_forever()
    return task


def made_by_name(engine, loop):
    """A task whose name is a text that holds it."""

    class Text(str):
        pass

    async def body(): ...

    name = Text("name")
    task = engine.Task(body(), loop=loop, name=name)
    name.task = task
    loop.run_until_complete(task)
    return task


def made_by_gather(engine, loop):
    """A gather held by a child it waits for."""
    future = engine.Future(loop=loop)
    gathered = engine.gather(future, engine.Future(loop=loop))
    future.gathered = gathered
    return gathered


def made_by_sleep_in_a_task(engine, loop):
    """A task in a gather in a wait, all waiting for a future only they hold."""
    future = loop.create_future()

    async def inner():
        await future

    async def outer():
        await engine.wait([engine.ensure_future(engine.gather(inner(), inner()))])

    task = engine.Task(outer(), loop=loop)
    future.task = task
    for _ in range(4):
        loop.call_soon(loop.stop)
        loop.run_forever()
    for each in engine.all_tasks(loop):
        each._log_destroy_pending = False
    return task


def made_by_cancelled_handle(engine, loop):
    """A handle that is an argument of its own callback, and was cancelled."""
    holder = []
    handle = loop.call_later(3600, print, holder)
    holder.append(handle)
    handle.cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    marker = Marker()
    marker.handle = handle
    marker.myself = marker
    return marker


SHAPES = [value for name, value in sorted(globals().items()) if name.startswith("made_by_")]


@pytest.fixture(autouse=True)
def circles_wait():
    """Have tasks that await each other wait: they are among what is abandoned."""
    stook = sys.modules.get("stook")
    if stook is not None:
        stook.refuse_deadlocks(False)
    yield
    if stook is not None:
        stook.refuse_deadlocks(True)


@pytest.mark.parametrize("make", SHAPES, ids=lambda make: make.__name__.removeprefix("made_by_"))
def test_cycle_of_one_shape(engine, loop, run_turns, make):
    references = [weakref.ref(make(engine, loop)) for _ in range(50)]
    run_turns()
    assert_collected(references)
    assert engine.all_tasks(loop) == set()


def test_finished_tasks_go_without_the_collector(engine, loop):
    async def body(marker):
        await engine.sleep(0)
        return marker

    async def main():
        marker = Marker()
        reference = weakref.ref(marker)
        task = loop.create_task(body(marker))
        await task
        del marker, task
        return reference

    gc.disable()
    try:
        reference = loop.run_until_complete(main())
        assert reference() is None
    finally:
        gc.enable()


def test_failed_task_keeps_nothing_but_its_exception(engine, loop):
    async def body(marker):
        raise LookupError

    async def main():
        marker = Marker()
        reference = weakref.ref(marker)
        task = loop.create_task(body(marker))
        with pytest.raises(LookupError) as caught:
            await task
        error = caught.value.with_traceback(None)
        error.__context__ = None
        del marker, task, caught
        return reference

    reference = loop.run_until_complete(main())
    assert_collected([reference])


@pytest.mark.parametrize("what", ["callback", "result", "exception", "loop", "coroutine", "waiter"])
def test_collector_is_shown_what_an_object_holds(engine, loop, what):
    future = engine.Future(loop=loop)
    held = holder = None
    if what == "callback":
        held, holder = (lambda _: None), future
        future.add_done_callback(held)
        future.add_done_callback(print)
    elif what == "result":
        held, holder = [], future
        future.set_result(held)
    elif what == "exception":
        held, holder = ValueError(), future
        future.set_exception(held)
        future.exception()
    elif what == "loop":
        held, holder = loop, future
    else:

        async def body():
            await future

        coroutine = body()
        holder = engine.Task(coroutine, loop=loop)
        holder._log_destroy_pending = False
        loop.call_soon(loop.stop)
        loop.run_forever()
        held = coroutine if what == "coroutine" else future
    assert any(found is held for found in gc.get_referents(holder))
    if holder is not future:
        future.cancel()


class TestResurrection:
    """A report may bring a dying future back; it lives on and dies in peace."""

    def test_future_kept_by_its_report_lives(self, engine, loop, reports):
        future = engine.Future(loop=loop)
        marker = Marker()
        reference = weakref.ref(marker)
        error = ValueError()
        error.marker = marker
        future.set_exception(error)
        del future, error, marker
        gc.collect()
        saved = reports.pop()["future"]
        assert saved.exception().marker is reference()
        saved.extra = "still works"
        assert saved.done()
        del saved
        assert_collected([reference])
        assert reports == []

    def test_task_kept_by_its_report_lives(self, engine, loop, reports):
        marker = Marker()
        reference = weakref.ref(marker)

        async def body(marker):
            await loop.create_future()

        task = engine.Task(body(marker), loop=loop)
        loop.call_soon(loop.stop)
        loop.run_forever()
        del task, marker
        gc.collect()
        saved = reports.pop()["task"]
        assert not saved.done()
        assert saved.get_name()
        assert repr(saved).startswith("<Task pending")
        saved._log_destroy_pending = False
        del saved
        assert_collected([reference])
        assert reports == []

    def test_finaliser_of_a_subclass_may_resurrect(self, engine, loop):
        saved = []

        class Phoenix(engine.Future):
            def __del__(self):
                saved.append(self)

        future = Phoenix(loop=loop)
        future.myself = future
        future.set_result("ashes")
        del future
        gc.collect()
        [risen] = saved
        assert risen.result() == "ashes"
        assert risen.myself is risen
        saved.clear()
        del risen
        gc.collect()
        assert saved == []


def test_nothing_is_left_uncollectable(engine, loop, run_turns):
    for make in SHAPES:
        make(engine, loop)
    run_turns()
    gc.collect()
    assert gc.garbage == []
