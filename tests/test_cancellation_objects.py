"""What records and the exceptions that have them are as objects: memory, copies, odd tasks."""

import asyncio
import copy
import gc
import pickle
import sys
import threading
import weakref

import pytest

import stook
import stook._stuck_parts  # Else a run of half a second imports it, which is not what is counted.
from test_cancellation import forever, turns

pytestmark = pytest.mark.recorded


async def caught(awaitable):
    """Return the cancellation that ends ``awaitable``."""
    try:
        await awaitable
    except asyncio.CancelledError as error:
        return error
    raise AssertionError("nothing was cancelled")


def test_exception_is_exactly_the_one_of_asyncio(engine):
    async def main():
        async def inner():
            try:
                await forever(engine)
            except asyncio.CancelledError as error:
                seen.append(error)
                raise

        seen = []
        task = asyncio.create_task(inner())
        await turns()
        stook.cancel(task, "text", reason=object())
        error = await caught(task)
        assert type(error) is asyncio.CancelledError
        assert error.args == ("text",)
        assert seen == [error]
        assert error is seen[0]
        assert error.__cause__ is None
        plain = asyncio.create_task(forever(engine))
        await turns()
        stook.cancel(plain, reason="a reason is no message")
        assert (await caught(plain)).args == ()

    engine.run(main())


def test_record_keeps_no_task_alive(engine):
    async def main():
        async def ask(task):
            asyncio.current_task().set_name("asker")
            task.cancel()

        task = asyncio.create_task(forever(engine))
        await turns()
        asker = asyncio.create_task(ask(task))
        await asker
        error = await caught(task)
        record = stook.cancellation(error)
        watched = [weakref.ref(asker), weakref.ref(task)]
        del asker, task, error
        await turns()
        gc.collect()
        assert [reference() for reference in watched] == [None, None]
        assert record.who.name == "asker"
        assert "asker" in record.explain()

    engine.run(main())


def test_record_keeps_no_frame_and_no_exception_alive(engine):
    class Local:
        pass

    class Failure(Exception):
        pass

    async def main():
        async def fail():
            local = Local()
            watched.append(weakref.ref(local))
            error = Failure()
            watched.append(weakref.ref(error))
            await turns()
            try:
                raise error
            finally:
                del error

        async def wait():
            records.append(stook.cancellation(await caught(forever(engine))))

        watched, records = [], []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(wait())
        except* Failure:
            pass
        del group
        await turns()
        gc.collect()
        assert [reference() for reference in watched] == [None, None]
        (record,) = records
        assert record.where.function.endswith("fail")

    engine.run(main())


def test_cancelled_tasks_are_released_without_the_collector(engine):
    async def main():
        async def body():
            await caught(forever(engine))

        gc.disable()
        try:
            task = asyncio.create_task(body())
            await turns()
            stook.cancel(task, reason="text")
            await task
            watched = weakref.ref(task)
            del task
            await turns()
            assert watched() is None
        finally:
            gc.enable()

    engine.run(main())


def test_reason_that_leads_back_to_its_record_is_collected(engine):
    class Reason:
        pass

    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        reason = Reason()
        stook.cancel(task, reason=reason)
        await turns()
        reason.record = stook.cancellation(task)
        watched = weakref.ref(reason)
        del reason, task
        await turns()
        gc.collect()
        assert watched() is None

    engine.run(main())


def test_many_cancels_leave_nothing_behind(engine, many):
    async def main():
        async def some(count):
            for _ in range(count):
                task = asyncio.create_task(forever(engine))
                await engine.sleep(0)
                task.cancel("text")
                await caught(task)

        await some(many // 10)
        gc.collect()
        before = len(gc.get_objects()), sys.getallocatedblocks()
        await some(many)
        gc.collect()
        after = len(gc.get_objects()), sys.getallocatedblocks()
        assert after[0] - before[0] < 50
        assert after[1] - before[1] < 500

    engine.run(main())


@pytest.mark.time_limit(60)
def test_task_that_is_cancelled_without_end_keeps_few_records(engine, many):
    async def main():
        task = asyncio.create_task(caught(forever(engine)))
        await turns()
        for _ in range(1000):
            task.cancel()
        blocks = sys.getallocatedblocks()
        for _ in range(100 * many):
            task.cancel()
        # One in a hundred: other threads of the process allocate as well.
        assert sys.getallocatedblocks() - blocks < many
        record = stook.cancellation(await task)
        assert len(record.others) < 10
        assert task.cancelling() == 1000 + 100 * many

    engine.run(main())


def test_task_that_swallows_without_end_keeps_few_records(engine, many):
    async def main():
        async def stubborn():
            while True:
                error = await caught(forever(engine))
                if stook.cancellation(error).reason == "end":
                    return

        task = asyncio.create_task(stubborn())
        await turns()
        count = many // 10
        for number in range(count):
            stook.cancel(task, reason=number)
            await turns(2)
            if number == count // 2:
                gc.collect()
                blocks = sys.getallocatedblocks()
        gc.collect()
        assert sys.getallocatedblocks() - blocks < 200
        stook.cancel(task, reason="end")
        await task

    engine.run(main())


def test_cancellation_with_a_record_can_be_pickled_and_copied(engine):
    async def main():
        async def body():
            try:
                await forever(engine)
            except asyncio.CancelledError as error:
                kept.append(error)

        kept = []
        task = asyncio.create_task(body())
        await turns()
        stook.cancel(task, "text", reason=lambda: "cannot be pickled")
        await task
        return kept[0]

    error = engine.run(main())
    assert stook.cancellation(error) is not None
    for made in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(made) is asyncio.CancelledError
        assert made.args == ("text",)
        assert made is not error
        stook.cancellation(made)


def test_subclass_that_overrides_cancel_has_its_say_and_a_record(engine):
    class Careful(stook.Task):
        def cancel(self, msg=None):
            said.append(msg)
            return super().cancel(f"careful {msg}")

    async def main():
        loop = asyncio.get_running_loop()
        task = Careful(forever(engine), loop=loop)
        await turns()
        stook.cancel(task, "text", reason="why")
        error = await caught(task)
        assert error.args == ("careful text",)
        assert stook.cancellation(error).reason == "why"

        inner = Careful(forever(engine), loop=loop)

        async def outer():
            await inner

        waiting = asyncio.create_task(outer(), name="outer")
        await turns()
        stook.cancel(waiting, reason="outer why")
        await caught(waiting)
        record = stook.cancellation(inner)
        assert (record.kind, record.who.name) == ("parent cancelled", "outer")
        assert record.cause.reason == "outer why"

        with_others = [Careful(forever(engine), loop=loop) for _ in range(2)]
        gathered = engine.gather(*with_others)
        await turns()
        waiting = asyncio.create_task(caught(gathered))
        await turns()
        stook.cancel(waiting, reason="all")
        await waiting
        for each in with_others:
            record = stook.cancellation(each)
            assert (record.kind, record.chain[-1].reason) == ("group", "all")

    said = []
    engine.run(main())
    assert said == ["text", None, None, None]


def test_subclass_that_refuses_leaves_no_record_to_the_next_one(engine):
    class Stubborn(stook.Task):
        def cancel(self, msg=None):
            return False

    async def main():
        loop = asyncio.get_running_loop()
        stubborn = Stubborn(turns(10), loop=loop)
        other = asyncio.create_task(forever(engine))
        await turns()
        assert stook.cancel(stubborn, reason="refused") is False
        other.cancel("plain")
        error = await caught(other)
        assert stook.cancellation(error).reason == "plain"
        assert stook.cancellation(stubborn) is None
        await stubborn

    engine.run(main())


def test_future_that_two_tasks_await_tells_both(engine):
    async def main():
        future = asyncio.get_running_loop().create_future()

        async def wait():
            await future

        first, second = [asyncio.create_task(wait()) for _ in range(2)]
        await turns()
        stook.cancel(first, reason="first")
        await caught(first)
        await caught(second)
        assert stook.cancellation(first).reason == "first"
        record = stook.cancellation(second)
        if engine.ours:
            assert record.reason == "first"
        else:
            assert record is None

    engine.run(main())


async def test_file_whose_name_is_no_utf_8_can_cancel(engine):
    names = {"asyncio": asyncio, "stook": stook}
    program = """async def main():
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    except TimeoutError as error:
        return stook.cancellation(task), stook.cancellation(error)
"""
    exec(compile(program, "/odd\udcff/x.py", "exec"), names)
    for record in await names["main"]():
        assert record.where.file == "/odd\udcff/x.py"
        assert "odd" in record.explain()
        assert repr(record)


@pytest.mark.parametrize("bad", [3, "task", object(), asyncio.CancelledError])
def test_what_is_no_task_and_no_exception_is_refused(engine, bad):
    with pytest.raises(TypeError):
        stook.cancellation(bad)
    with pytest.raises(TypeError):
        stook.cancel(bad)


def test_wrong_arguments_are_refused(engine):
    for call in (
        lambda: stook.cancel(),
        lambda: stook.cancel(None),
        lambda: stook.cancellation(None, None),
        lambda: stook.cancellation(what=3),
        lambda: stook.Cancellation(),
    ):
        with pytest.raises(TypeError):
            call()


def test_finished_task_is_not_cancelled(engine):
    async def main():
        task = asyncio.create_task(turns())
        await task
        assert stook.cancel(task, reason=1) is False
        assert task.cancel() is False
        assert stook.cancellation(task) is None
        assert task.result() is None

    engine.run(main())


def test_task_of_another_loop_and_from_another_thread(engine):
    ready = threading.Event()
    tasks = []

    def other():
        async def main():
            tasks.append(asyncio.create_task(caught(forever(engine)), name="other"))
            ready.set()
            return stook.cancellation(await tasks[0])

        records.append(engine.run(main()))

    records = []
    thread = threading.Thread(target=other)
    thread.start()
    ready.wait()

    async def main():
        loop = tasks[0].get_loop()
        loop.call_soon_threadsafe(lambda: stook.cancel(tasks[0], reason="from outside"))

    engine.run(main())
    thread.join()
    (record,) = records
    assert (record.kind, record.who, record.reason) == ("explicit", None, "from outside")


def test_future_of_another_library_is_asked_and_has_no_record(engine):
    class Foreign:
        _asyncio_future_blocking = False

        def done(self):
            return False

        def cancel(self, msg=None):
            return msg == "text"

    foreign = Foreign()
    assert stook.cancel(foreign, "text") is True
    assert stook.cancellation(foreign) is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_task_that_is_cancelled_has_a_record(engine):
    async def main():
        loop = asyncio.get_running_loop()
        eager = stook.create_eager_task_factory(stook.Task)
        # Some loops say themselves that no task starts at once.
        loop.set_task_factory(lambda loop, coro, eager_start=None, **how: eager(loop, coro, **how))
        task = asyncio.create_task(forever(engine), name="eager")
        stook.cancel(task, reason="eager")
        error = await caught(task)
        record = stook.cancellation(error)
        assert (record.kind, record.reason) == ("explicit", "eager")

        async def itself():
            me = asyncio.current_task()
            me.cancel("itself")
            record = stook.cancellation(await caught(forever(engine)))
            return record.reason, record.who.id == id(me)

        assert await asyncio.create_task(itself(), name="self") == ("itself", True)

    engine.run(main())


def test_record_cannot_be_changed(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        task.cancel()
        await caught(task)
        return stook.cancellation(task)

    record = engine.run(main())
    for name in ("kind", "who", "where", "reason", "cause", "others", "chain", "when"):
        with pytest.raises(AttributeError):
            setattr(record, name, None)
    assert type(record) is stook.Cancellation
    assert repr(record).startswith("<Cancellation explicit")


async def test_debug_mode_changes_no_record(engine, loop):
    loop.set_debug(True)
    task = loop.create_task(forever(engine))
    await turns()
    stook.cancel(task, reason="debug")
    error = await caught(task)
    assert stook.cancellation(error).reason == "debug"
    try:
        async with engine.timeout(0.001):
            await forever(engine)
    except TimeoutError as error:
        assert stook.cancellation(error).kind == "timeout"


def test_gather_that_is_cancelled_itself_tells_its_children(engine):
    async def main():
        gathered = engine.gather(forever(engine), forever(engine))
        children = asyncio.all_tasks() - {asyncio.current_task()}
        await turns()
        stook.cancel(gathered, reason="together")
        error = await caught(gathered)
        for child in children:
            record = stook.cancellation(child)
            assert [step.kind for step in record.chain] == ["group", "explicit"]
            assert record.cause.reason == "together"
        record = stook.cancellation(error)
        assert record.chain[-1].reason == "together"
        assert not record.is_mine()

    engine.run(main())


def test_subclass_that_cancels_a_helper_first_keeps_its_record(engine):
    class WithHelper(stook.Task):
        def cancel(self, msg=None):
            helper.cancel()
            return super().cancel(msg)

    async def main():
        nonlocal helper
        helper = asyncio.create_task(forever(engine))
        task = WithHelper(forever(engine), loop=asyncio.get_running_loop())
        await turns()
        stook.cancel(task, reason="why")
        await caught(task)
        await turns()
        assert stook.cancellation(task).reason == "why"
        record = stook.cancellation(helper)
        assert [step.reason for step in record.chain] == [None, "why"]

    helper = None
    engine.run(main())
