"""Who cancelled, why, from which line: the records of cancellations."""

import asyncio
import inspect
import signal

import pytest

import stook

pytestmark = pytest.mark.recorded


def here(offset=0):
    """Return the line of the caller, or one so many lines on."""
    return inspect.currentframe().f_back.f_lineno + offset


def shown(record):
    """Return the steps of a record's chain as tuples."""
    return [
        (step.kind, step.who and step.who.name, step.where and step.where.line, step.reason)
        for step in record.chain
    ]


async def turns(count=3):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def cancelled_by(awaitable):
    """Return the record of the cancellation that ends ``awaitable``, and whether it is its own."""
    try:
        await awaitable
    except asyncio.CancelledError as error:
        record = stook.cancellation(error)
        assert record is not None
        return record, record.is_mine()
    raise AssertionError("nothing was cancelled")


async def forever(engine):
    """Wait."""
    await engine.sleep(1000)


def test_explicit_cancel_tells_who_asked_from_where_and_with_which_message(engine):
    async def main():
        asyncio.current_task().set_name("main")
        task = asyncio.create_task(cancelled_by(forever(engine)))
        await turns()
        before = asyncio.get_running_loop().time()
        task.cancel("enough")
        line = here(-1)
        record, is_mine = await task
        assert is_mine
        assert shown(record) == [("explicit", "main", line, "enough")]
        assert record.who.id == id(asyncio.current_task())
        function = "test_explicit_cancel_tells_who_asked_from_where_and_with_which_message"
        assert record.where.function == f"{function}.<locals>.main"
        assert record.where.file == __file__
        assert record.cause is None
        assert record.others == ()
        assert record.chain == (record,)
        assert abs(record.when - before) < 5

    engine.run(main())


def test_many_functions_that_ask_in_turn_are_each_told(engine):
    # More than are remembered; some share the places where they are.
    async def main():
        askers = {}
        for number in range(300):
            names = {}
            source = "\n" * number + "def ask(task): task.cancel()"
            exec(compile(source, "askers.py", "exec"), names)
            askers[number + 1] = names["ask"]
        for _ in range(2):
            for line, ask in askers.items():
                task = asyncio.create_task(cancelled_by(forever(engine)))
                await turns(1)
                ask(task)
                record, _ = await task
                assert (record.where.file, record.where.line) == ("askers.py", line)

    engine.run(main())


def test_reason_may_be_any_object_and_stands_beside_the_message(engine):
    async def main():
        reason = object()
        task = asyncio.create_task(forever(engine))
        await turns()
        assert stook.cancel(task, "message", reason=reason) is True
        with pytest.raises(asyncio.CancelledError) as info:
            await task
        assert info.value.args == ("message",)
        assert stook.cancellation(info.value).reason is reason
        assert stook.cancellation(task).reason is reason

    engine.run(main())


def test_cancel_from_a_callback_has_no_requester(engine):
    def ask(task):
        task.cancel()

    async def main():
        task = asyncio.create_task(cancelled_by(forever(engine)))
        await turns()
        asyncio.get_running_loop().call_soon(ask, task)
        record, _ = await task
        assert shown(record) == [("explicit", None, ask.__code__.co_firstlineno + 1, None)]

    engine.run(main())


def test_cancel_by_the_task_itself_names_it(engine):
    async def main():
        async def body():
            # Some versions name an eager task only after its first step.
            asyncio.current_task().set_name("self")
            asyncio.current_task().cancel()
            return await cancelled_by(forever(engine))

        record, is_mine = await asyncio.create_task(body(), name="self")
        assert shown(record)[0][:2] == ("explicit", "self")
        assert is_mine

    engine.run(main())


def test_cancel_before_the_first_step_has_a_record(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        task.cancel(3)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stook.cancellation(task).reason == 3

    engine.run(main())


def test_timeout_tells_where_it_was_set_or_where_the_task_waited(engine):
    async def main():
        lines = {}
        with pytest.raises(TimeoutError) as info:
            async with engine.timeout(0.001):
                lines["set"] = here(-1)
                try:
                    lines["waits"] = here(1)
                    await engine.sleep(1000)
                except asyncio.CancelledError as error:
                    record = stook.cancellation(error)
                    assert record.is_mine()
                    raise
        line = lines["set" if engine.ours else "waits"]
        assert shown(record) == [("timeout", None, line, None)]
        assert shown(stook.cancellation(info.value)) == shown(record)

    engine.run(main())


def test_wait_for_tells_where_it_was_called(engine):
    async def main():
        records = []

        async def body():
            try:
                await engine.sleep(1000)
            except asyncio.CancelledError as error:
                records.append(stook.cancellation(error))
                raise

        line = here(4)
        # Where the time is over before the first step, the body sees nothing.
        while not records:
            with pytest.raises(TimeoutError) as info:
                await engine.wait_for(body(), 0.001)
        (record,) = records
        assert record.kind == "timeout"
        assert record.who is None
        assert stook.cancellation(info.value).kind == "timeout"
        waits_in_a_task = engine.ours or "timeouts" not in inspect.getsource(asyncio.tasks.wait_for)
        if waits_in_a_task:
            assert record.where.line == line

    engine.run(main())


def test_failed_sibling_is_named_with_the_line_that_raised(engine):
    async def main():
        records = []
        lines = {}

        async def wait():
            record, _ = await cancelled_by(forever(engine))
            records.append(record)

        async def fail():
            await turns()
            lines["raise"] = here(1)
            raise ValueError

        with pytest.raises(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(wait())
                group.create_task(fail(), name="failing")
                await wait()
        assert len(records) == 2
        for record in records:
            assert shown(record) == [("sibling failed", "failing", lines["raise"], None)]

    engine.run(main())


def test_failed_block_of_a_group_is_told_to_its_tasks(engine):
    async def main():
        asyncio.current_task().set_name("main")
        lines = {}
        records = []

        async def wait():
            record, _ = await cancelled_by(forever(engine))
            records.append(record)

        with pytest.raises(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(wait())
                await turns()
                lines["raise"] = here(1)
                raise ValueError
        assert shown(records[0]) == [("sibling failed", "main", lines["raise"], None)]

    engine.run(main())


def test_failed_block_is_told_though_the_task_has_an_old_cancellation_left(engine):
    async def main():
        asyncio.current_task().cancel()
        with pytest.raises(asyncio.CancelledError):
            await engine.sleep(0)
        records = []

        async def wait():
            record, _ = await cancelled_by(forever(engine))
            records.append(record)

        with pytest.raises((BaseExceptionGroup, asyncio.CancelledError)):
            async with asyncio.TaskGroup() as group:
                group.create_task(wait())
                await turns()
                raise ValueError
        asyncio.current_task().uncancel()
        assert records[0].kind == "sibling failed"

    engine.run(main())


def test_tasks_of_a_cancelled_group_follow_from_its_own_request(engine):
    async def main():
        records = []
        lines = {}

        async def wait():
            record, is_mine = await cancelled_by(forever(engine))
            records.append(record)
            assert is_mine

        async def parent():
            async with asyncio.TaskGroup() as group:
                lines["group"] = here(-1)
                group.create_task(wait())

        task = asyncio.create_task(parent(), name="parent")
        await turns()
        task.cancel()
        lines["cancel"] = here(-1)
        with pytest.raises(asyncio.CancelledError):
            await task
        steps = shown(records[0])
        assert steps[0] == ("parent cancelled", "parent", lines["group"], None)
        assert steps[1][0::2] == ("explicit", lines["cancel"])

    engine.run(main())


def test_awaited_task_follows_from_the_request_of_who_awaits_it(engine):
    async def main():
        records = []

        async def inner():
            record, _ = await cancelled_by(forever(engine))
            records.append(record)
            raise asyncio.CancelledError

        async def outer():
            return await cancelled_by(asyncio.create_task(inner()))

        task = asyncio.create_task(outer(), name="outer")
        await turns()
        stook.cancel(task, reason=7)
        line = here(-1)
        record, is_mine = await task
        assert is_mine
        assert [step[0] for step in shown(record)] == ["explicit"]
        assert record.reason == 7
        assert shown(records[0])[0] == ("parent cancelled", "outer", line, None)
        assert records[0].cause is record

    engine.run(main())


def test_gathered_tasks_follow_from_the_request_of_who_gathers(engine):
    async def main():
        records = []

        async def child():
            try:
                await forever(engine)
            except asyncio.CancelledError as error:
                records.append(stook.cancellation(error))
                raise

        async def outer():
            return await cancelled_by(engine.gather(child(), child()))

        task = asyncio.create_task(outer())
        await turns()
        stook.cancel(task, reason="all")
        record, is_mine = await task
        assert is_mine
        assert record.kind == "explicit"
        assert len(records) == 2
        for each in records:
            assert [step[0] for step in shown(each)] == ["group", "explicit"]
            assert each.cause is record

    engine.run(main())


def test_results_of_a_gather_that_returns_exceptions_have_their_records(engine):
    async def main():
        tasks = [asyncio.create_task(forever(engine)) for _ in range(3)]
        await turns()
        for number, task in enumerate(tasks):
            stook.cancel(task, reason=number)
        results = await engine.gather(*tasks, return_exceptions=True)
        if engine.native:
            assert [stook.cancellation(result).reason for result in results] == [0, 1, 2]
        else:
            # asyncio's own makes new exceptions from the messages alone.
            records = [stook.cancellation(result) for result in results]
            assert [(record.kind, record.reason) for record in records] == [("unknown", None)] * 3
            assert not any(record.is_mine() for record in records)
        assert [stook.cancellation(task).reason for task in tasks] == [0, 1, 2]

    engine.run(main())


def test_shield_takes_the_request_and_its_inner_task_none(engine):
    async def main():
        inner = asyncio.create_task(forever(engine))

        async def outer():
            return await cancelled_by(engine.shield(inner))

        task = asyncio.create_task(outer())
        await turns()
        task.cancel()
        record, is_mine = await task
        assert (record.kind, is_mine) == ("explicit", True)
        assert stook.cancellation(inner) is None
        inner.cancel()
        await turns()

    engine.run(main())


def test_shield_of_a_cancelled_task_hands_its_record_on(engine):
    async def main():
        inner = asyncio.create_task(forever(engine))
        await turns()

        async def outer():
            try:
                await engine.shield(inner)
            except asyncio.CancelledError as error:
                return stook.cancellation(error)

        task = asyncio.create_task(outer())
        await turns()
        stook.cancel(inner, reason=5)
        record = await task
        if engine.ours:
            assert record.reason == 5
        else:
            # The shield's own future is one of others, which keeps no record.
            assert record.kind == "unknown"

    engine.run(main())


def test_end_of_a_run_is_a_shutdown(engine):
    records = []

    async def left():
        record, _ = await cancelled_by(forever(engine))
        records.append(record)

    async def main():
        task = asyncio.create_task(left())
        await turns()
        return task

    engine.run(main())
    (record,) = records
    assert record.kind == "shutdown"
    assert record.who is None


def test_interrupt_is_told_as_one(engine):
    async def main():
        signal.raise_signal(signal.SIGINT)
        record, _ = await cancelled_by(forever(engine))
        kinds.append(record.kind)
        raise asyncio.CancelledError

    kinds = []
    with pytest.raises(KeyboardInterrupt):
        engine.run(main())
    assert kinds == ["interrupt"]


def test_chain_of_four_tasks_tells_all_of_them(engine):
    async def main():
        records = []

        async def level(number):
            try:
                if number:
                    await asyncio.create_task(level(number - 1), name=f"level {number - 1}")
                else:
                    await forever(engine)
            except asyncio.CancelledError as error:
                records.append(stook.cancellation(error))
                raise

        task = asyncio.create_task(level(3), name="level 3")
        await turns(8)
        stook.cancel(task, reason="top")
        line = here(-1)
        with pytest.raises(asyncio.CancelledError):
            await task
        deepest = shown(records[0])
        assert deepest[:3] == [
            ("parent cancelled", f"level {number}", line, None) for number in (1, 2, 3)
        ]
        assert deepest[3][0::3] == ("explicit", "top")
        assert [len(record.chain) for record in records] == [4, 3, 2, 1]
        text = records[0].explain()
        assert text.count("because") == 3
        assert "'top'" in text

    engine.run(main())


def test_timeout_round_a_group_round_a_gather_tells_the_whole_chain(engine):
    async def main():
        records = []

        async def leaf():
            try:
                await forever(engine)
            except asyncio.CancelledError as error:
                records.append(stook.cancellation(error))
                raise

        async def middle():
            await engine.gather(leaf(), leaf())

        with pytest.raises(TimeoutError):
            async with engine.timeout(1000) as timeout:
                async with asyncio.TaskGroup() as group:
                    group.create_task(middle())
                    await turns(6)
                    timeout.reschedule(asyncio.get_running_loop().time())
        assert len(records) == 2
        for record in records:
            kinds = [step[0] for step in shown(record)]
            assert kinds == ["group", "parent cancelled", "timeout"]

    engine.run(main())


def test_timeout_and_a_request_in_one_turn_are_both_told(engine):
    async def main():
        loop = asyncio.get_running_loop()
        records = []

        async def body():
            try:
                async with engine.timeout(1000) as timeout:
                    timeouts.append(timeout)
                    await forever(engine)
            except asyncio.CancelledError as error:
                records.append(stook.cancellation(error))
                raise

        for timeout_first in (True, False):
            timeouts = []
            task = asyncio.create_task(body())
            await turns()
            timeouts[0].reschedule(loop.time() + 1000)
            steps = [timeouts[0]._on_timeout, lambda task=task: stook.cancel(task, reason="user")]
            for step in steps if timeout_first else steps[::-1]:
                loop.call_soon(step)
            with pytest.raises(asyncio.CancelledError):
                await task
        first, second = records
        assert (first.kind, [other.reason for other in first.others]) == ("timeout", ["user"])
        assert (second.reason, [other.kind for other in second.others]) == ("user", ["timeout"])
        assert "at the same time" in first.explain()

    engine.run(main())


def test_request_that_was_swallowed_is_not_told_of_a_later_cancellation(engine):
    async def main():
        async def body():
            first, _ = await cancelled_by(forever(engine))
            second, is_mine = await cancelled_by(forever(engine))
            return first, second, is_mine

        task = asyncio.create_task(body())
        await turns()
        stook.cancel(task, reason=1)
        await turns()
        stook.cancel(task, reason=2)
        first, second, is_mine = await task
        assert (first.reason, second.reason, second.others) == (1, 2, ())
        assert is_mine

    engine.run(main())


def test_cancellation_of_somebody_else_is_not_mine(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        task.cancel()
        record, is_mine = await cancelled_by(task)
        assert record.kind == "explicit"
        assert not is_mine

    engine.run(main())


def test_request_from_a_handler_follows_from_what_is_handled(engine):
    async def main():
        other = asyncio.create_task(forever(engine))

        async def body():
            try:
                await forever(engine)
            except asyncio.CancelledError:
                other.cancel("too")
                raise

        task = asyncio.create_task(body(), name="body")
        await turns()
        stook.cancel(task, reason="first")
        with pytest.raises(asyncio.CancelledError):
            await task
        await turns()
        steps = shown(stook.cancellation(other))
        assert [(step[0], step[3]) for step in steps] == [
            ("explicit", "too"),
            ("explicit", "first"),
        ]
        assert steps[0][1] == "body"

    engine.run(main())


def test_chain_is_bounded(engine):
    async def main():
        async def link(number):
            if number:
                await asyncio.create_task(link(number - 1))
            else:
                try:
                    await forever(engine)
                except asyncio.CancelledError as error:
                    return stook.cancellation(error)

        deepest = asyncio.create_task(link(0))
        task = deepest
        await turns()
        for _ in range(100):
            task = asyncio.create_task(cancelled_by(task))
            await turns()
        stook.cancel(task, reason="far away")
        await asyncio.wait([task, deepest])
        record = deepest.result()
        assert len(record.chain) <= 32
        assert record.chain[-1].reason == "far away"

    engine.run(main())


def test_cancelled_task_that_is_awaited_later_tells_its_record(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        stook.cancel(task, reason="then")
        await turns()
        assert task.cancelled()
        for _ in range(3):
            record, is_mine = await cancelled_by(task)
            assert (record.reason, is_mine) == ("then", False)
        for method in (task.result, task.exception):
            with pytest.raises(asyncio.CancelledError) as info:
                method()
            assert stook.cancellation(info.value).reason == "then"

    engine.run(main())


def test_exception_is_looked_at_later_and_in_another_task(engine):
    async def main():
        kept = []

        async def body():
            try:
                await forever(engine)
            except asyncio.CancelledError as error:
                kept.append(error)

        task = asyncio.create_task(body())
        await turns()
        stook.cancel(task, reason="kept")
        await task

        async def look():
            await turns()
            record = stook.cancellation(kept[0])
            return record.reason, record.is_mine()

        assert await asyncio.create_task(look()) == ("kept", False)
        return kept

    kept = engine.run(main())
    assert stook.cancellation(kept[0]).reason == "kept"


def test_exception_raised_from_a_cancellation_leads_to_it(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        stook.cancel(task, reason=1)
        try:
            await task
        except asyncio.CancelledError as error:
            failure = RuntimeError()
            failure.__cause__ = error
        assert stook.cancellation(failure).reason == 1
        assert stook.cancellation(RuntimeError()) is None

    engine.run(main())


def test_record_of_a_cancellation_that_a_program_raises_itself_knows_nothing(engine):
    async def main():
        async def body():
            await turns()
            raise asyncio.CancelledError("own")

        task = asyncio.create_task(body())
        with pytest.raises(asyncio.CancelledError) as info:
            await task
        record = stook.cancellation(info.value)
        assert (record.kind, record.reason, record.who, record.where) == (
            "unknown",
            "own",
            None,
            None,
        )
        assert (record.chain, record.others, record.is_mine()) == ((record,), (), False)
        assert record.when != record.when
        assert record.explain() == "who asked is not known ('own')"
        assert stook.cancellation(task) is None

    engine.run(main())


def test_old_request_is_not_told_of_a_cancellation_that_a_program_raises(engine):
    async def main():
        async def body():
            await cancelled_by(forever(engine))
            await turns()
            raise asyncio.CancelledError("own")

        task = asyncio.create_task(body())
        await turns()
        task.cancel("old")
        with pytest.raises(asyncio.CancelledError) as info:
            await task
        assert info.value.args == ("own",)
        assert stook.cancellation(info.value).kind == "unknown"

    engine.run(main())


def test_cancellation_without_arguments_is_that_of_the_current_task(engine):
    async def main():
        async def body():
            assert stook.cancellation() is None
            try:
                await forever(engine)
            except asyncio.CancelledError:
                return stook.cancellation().reason, stook.cancellation(None).reason

        task = asyncio.create_task(body())
        await turns()
        stook.cancel(task, reason="mine")
        assert await task == ("mine", "mine")

    engine.run(main())
    assert stook.cancellation() is None


def test_request_that_is_taken_back_before_it_is_raised_is_not_told(engine):
    async def main():
        async def body():
            me = asyncio.current_task()
            me.cancel("taken back")
            me.uncancel()
            try:
                await engine.sleep(0)
            except asyncio.CancelledError:
                # Up to 3.12 what is due stays so.
                return None
            return await cancelled_by(forever(engine))

        task = asyncio.create_task(body())
        await turns()
        task.cancel("later")
        told = await task
        if told:
            record, is_mine = told
            assert (record.reason, record.others, is_mine) == ("later", (), True)

    engine.run(main())


def test_record_is_there_as_soon_as_it_is_asked_for(engine):
    async def main():
        task = asyncio.create_task(forever(engine))
        await turns()
        assert stook.cancellation(task) is None
        stook.cancel(task, reason="soon")
        assert stook.cancellation(task).reason == "soon"
        await turns()

    engine.run(main())
