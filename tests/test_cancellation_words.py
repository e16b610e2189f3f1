"""What a record says of reasons whose repr fails, of what the loop itself calls, of timeouts."""

import asyncio

import pytest

import stook
from loops import LOOPS, run_on

pytestmark = pytest.mark.needs_stook


class Unspeakable:
    """A reason whose repr fails."""

    def __init__(self, error):
        self.error = error

    def __repr__(self):
        raise self.error


def record_of(reason):
    """Return the record of a cancellation for this reason."""

    async def main():
        task = asyncio.ensure_future(asyncio.sleep(3600))
        await asyncio.sleep(0)
        stook.cancel(task, reason=reason)
        await asyncio.wait([task])
        return stook.cancellation(task)

    return stook.run(main())


@pytest.mark.parametrize("error", [ValueError("no"), RecursionError(), AttributeError("x")])
def test_a_reason_whose_repr_fails_is_named(error):
    reason = Unspeakable(error)
    shown = f"<Unspeakable object at {id(reason):#x} whose repr failed>"
    record = record_of(reason)
    assert record.explain().endswith(f"({shown})")
    assert repr(record).endswith(f" reason={shown}>")
    source = stook.CancellationSource()
    source.cancel(reason)
    assert repr(source) == f"<CancellationSource cancelled reason={shown}>"
    assert repr(source.token) == f"<CancellationToken cancelled reason={shown}>"


def test_a_repr_that_is_no_string_is_one_that_failed():
    class NoString:
        def __repr__(self):
            return 3

    assert "whose repr failed" in record_of(NoString()).explain()


def test_what_is_no_error_goes_on():
    reason = Unspeakable(ValueError())
    record = record_of(reason)
    reason.error = KeyboardInterrupt("said")
    for say in (record.explain, record.__repr__):
        with pytest.raises(KeyboardInterrupt, match="said"):
            say()


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


async def cancelled_by(ask):
    """Return the record of a task after ``ask(loop, task)``."""
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    ask(asyncio.get_running_loop(), task)
    await asyncio.wait([task])
    return stook.cancellation(task)


BY_THE_LOOP = {
    "call_soon": lambda loop, task: loop.call_soon(task.cancel, "m"),
    "call_later": lambda loop, task: loop.call_later(0.001, task.cancel, "m"),
    "call_soon_threadsafe": lambda loop, task: loop.call_soon_threadsafe(task.cancel, "m"),
    "callback": lambda loop, task: done(loop).add_done_callback(task.cancel),
}


def done(loop):
    """Return a future that is done."""
    future = loop.create_future()
    future.set_result(None)
    return future


@pytest.mark.parametrize("way", BY_THE_LOOP)
def test_what_the_loop_itself_calls_names_no_line(run, way):
    record = run(lambda: cancelled_by(BY_THE_LOOP[way]))
    assert (record.kind, record.who, record.where) == ("explicit", None, None)
    assert record.explain().startswith("cancel() was called by a callback of the loop")
    assert repr(record).startswith("<Cancellation explicit reason=")


def test_what_a_function_called_by_the_loop_asks_is_asked_from_there(run):
    record = run(lambda: cancelled_by(lambda loop, task: loop.call_soon(lambda: task.cancel())))
    assert (record.who, record.where.file) == (None, __file__)
    assert "<lambda>" in record.where.function


@pytest.mark.parametrize("kind", ["stook", "asyncio"])
def test_who_runs_a_loop_by_hand_has_not_asked(kind):
    loop = LOOPS[kind]()
    record = loop.run_until_complete(cancelled_by(BY_THE_LOOP["call_soon"]))
    assert record.where is None
    loop.close()


def test_the_end_of_a_run_is_asked_from_who_runs(run):
    async def main():
        tasks.append(asyncio.ensure_future(asyncio.sleep(3600)))
        await asyncio.sleep(0)

    tasks = []
    run(main)
    record = stook.cancellation(tasks[0])
    assert record.kind == "shutdown"
    assert record.where is not None


@pytest.mark.parametrize("kind", LOOPS)
def test_a_timeout_is_said_to_be_set_where_it_was_or_not_at_all(kind):
    async def main():
        async with asyncio.timeout(0.001):
            await asyncio.sleep(3600)

    with pytest.raises(TimeoutError) as caught:
        run_on(kind, main)
    record = stook.cancellation(caught.value)
    said = record.explain()
    set_at = main.__code__.co_firstlineno + 1
    # After install() it is known on asyncio's own loop too.
    words = {set_at: "that was set", set_at + 1: "while the task waited"}[record.where.line]
    assert said.startswith(f"a timeout expired {words} at {__file__}:{record.where.line}, in ")
    if kind == "stook":
        assert record.where.line == set_at


# gathers that are cancelled


@pytest.mark.parametrize("gather", [asyncio.gather, stook.gather], ids=["asyncio", "stook"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda gathered: gathered.cancel("together"),
        lambda gathered: stook.cancel(gathered, "together"),
    ],
    ids=["its method", "stook.cancel"],
)
def test_a_gather_that_is_cancelled_tells_its_children_who_asked(run, gather, ask):
    async def main():
        children = [asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(2)]
        gathered = gather(*children)
        await asyncio.sleep(0)
        ask(gathered)
        await asyncio.wait(children)
        with pytest.raises(asyncio.CancelledError):
            await gathered
        for child in children:
            record = stook.cancellation(child)
            assert [step.kind for step in record.chain] == ["group", "explicit"]
            assert record.cause.reason == "together"
            assert record.cause.where.function.endswith("<lambda>")
            assert record.who.name == asyncio.current_task().get_name()

    run(main)


def test_long_chain_says_that_some_are_left_out():
    async def main():
        async def nested(depth):
            if depth:
                await asyncio.create_task(nested(depth - 1))
            else:
                await asyncio.sleep(3600)

        depth = 70
        task = asyncio.create_task(nested(depth))
        for _ in range(depth + 2):
            await asyncio.sleep(0)
        leaves = asyncio.all_tasks() - {asyncio.current_task()}
        stook.cancel(task, reason="root")
        await asyncio.wait(leaves)
        records = [stook.cancellation(leaf) for leaf in leaves]
        whole = [record for record in records if "left out" not in record.explain()]
        assert sorted(len(record.chain) for record in whole) == list(range(1, 33))
        others = [record for record in records if record not in whole]
        assert len(others) == depth + 1 - 32
        for record in records:
            assert record.chain[-1].reason == "root"
            assert record.explain().count("left out") == (record in others)

    stook.run(main())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two words", "two words"),
        ("näme", "näme"),
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("\udc80", r"'\udc80'"),
        ("", "''"),
    ],
)
def test_a_name_that_cannot_be_printed_is_shown_by_its_repr(name, shown, caplog):
    async def main():
        asyncio.get_running_loop().set_debug(True)

        async def swallows():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return

        asyncio.current_task().set_name(name)
        task = asyncio.create_task(swallows(), name=name)
        await asyncio.sleep(0)
        task.cancel()
        await task
        return stook.cancellation(task)

    record = stook.run(main())
    assert record.who.name == name
    lines = record.explain().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"cancel() was called by {shown} at ")
    [message] = caplog.messages
    assert len(message.splitlines()) == 2
    assert f"<Task finished name={name!r} " in message


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("given", ["task", "coroutine"])
def test_a_shield_hands_the_record_on_wherever_it_runs(loop, given):
    async def sleep():
        inner.append(asyncio.current_task())
        await asyncio.sleep(3600)

    inner = []

    async def main():
        async def outer():
            try:
                await stook.shield(asyncio.create_task(sleep()) if given == "task" else sleep())
            except asyncio.CancelledError as error:
                record = stook.cancellation(error)
                return record.kind, record.reason, record.is_mine()

        said = []
        for is_inner in (True, False):
            inner.clear()
            task = asyncio.create_task(outer())
            while not inner:
                await asyncio.sleep(0)
            stook.cancel(inner[0] if is_inner else task, reason=is_inner)
            said.append(await task)
            inner[0].cancel()
            await asyncio.sleep(0)
        return said

    assert run_on(loop, main) == [("explicit", True, False), ("explicit", False, True)]
