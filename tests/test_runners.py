"""``asyncio.Runner`` and the ``run`` functions over our loops."""

import asyncio
import contextvars
import threading

import pytest

from programs import output_of, run_python

number = contextvars.ContextVar("number", default=0)


async def value(result):
    """Return after a turn."""
    await asyncio.sleep(0)
    return result


@pytest.fixture
def runner(engine):
    """Give a runner with loops of the engine."""
    with asyncio.Runner(loop_factory=engine.new_event_loop) as runner:
        yield runner


def test_runs_share_the_loop(runner, engine):
    async def loop_and_task():
        return asyncio.get_running_loop(), engine.current_task()

    one, two = runner.run(loop_and_task()), runner.run(loop_and_task())
    assert one[0] is two[0] is runner.get_loop()
    assert one[1] is not two[1]


def test_error_of_a_run_comes_out_and_the_next_one_works(runner):
    async def fail():
        raise LookupError("out")

    with pytest.raises(LookupError, match="out"):
        runner.run(fail())
    assert runner.run(value("works")) == "works"


def test_tasks_left_by_a_run_go_on_in_the_next(runner, engine):
    order = []

    async def background():
        for step in range(3):
            order.append(step)
            await engine.sleep(0)

    async def start():
        asyncio.get_running_loop().background = engine.create_task(background())
        await engine.sleep(0)

    async def finish():
        await asyncio.get_running_loop().background

    runner.run(start())
    runner.run(finish())
    assert order == [0, 1, 2]


def test_context_may_be_given(runner):
    context = contextvars.copy_context()

    async def change():
        number.set(5)

    runner.run(change(), context=context)
    assert context[number] == 5
    assert number.get() == 0


def test_close_cancels_what_is_left_and_ends_generators_and_threads(engine):
    order = []

    async def wait():
        try:
            await engine.sleep(3600)
        finally:
            order.append("task")

    async def generator():
        try:
            yield
        finally:
            order.append("generator")

    async def main():
        loop = asyncio.get_running_loop()
        loop.kept = engine.create_task(wait()), generator()
        await loop.kept[1].__anext__()
        loop.run_in_executor(None, order.append, "thread")
        await engine.sleep(0)

    with asyncio.Runner(loop_factory=engine.new_event_loop) as runner:
        runner.run(main())
        loop = runner.get_loop()
    assert sorted(order) == ["generator", "task", "thread"]
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="^Runner is closed$"):
        runner.get_loop()


def test_run_takes_a_coroutine_only(runner):
    with pytest.raises((ValueError, TypeError), match="a coroutine was expected|awaitable is req"):
        runner.run(5)


def test_runner_in_a_running_loop_is_refused(runner, loop):
    async def main():
        coroutine = value(1)
        with pytest.raises(
            RuntimeError, match=r"^Runner.run\(\) cannot be called from a running event loop$"
        ):
            runner.run(coroutine)
        coroutine.close()

    loop.run_until_complete(main())


def test_runner_in_a_thread(engine):
    results = []

    def work():
        results.append(engine.run(value("in a thread")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == ["in a thread"]


RUN = """
import asyncio, stook

async def main(value):
    loop = asyncio.get_running_loop()
    print(type(loop) is stook.EventLoop, loop.get_debug(), value)
    print(asyncio.current_task() is stook.current_task(), len(asyncio.all_tasks()))
    return value

"""

WAYS = {
    "run": "stook.run(main('result'))",
    "run in debug mode": "stook.run(main('result'), debug=True)",
    "Runner": "asyncio.Runner(loop_factory=stook.new_event_loop).run(main('result'))",
}


@pytest.mark.needs_stook
@pytest.mark.parametrize("way", WAYS)
def test_run_of_stook_gives_the_result(way):
    debug = "debug" in way
    process = run_python(
        ["-Wignore", "-c", RUN + f"print({WAYS[way]})"], environment={"PYTHONASYNCIODEBUG": ""}
    )
    assert output_of(process) == f"True {debug} result\nTrue 1\nresult\n"


@pytest.mark.needs_stook
def test_run_of_stook_refuses_what_asyncio_refuses():
    source = RUN + (
        "for thing in (5, main):\n"
        "    try:\n"
        "        RUN(thing)\n"
        "    except (ValueError, TypeError) as error:\n"
        "        print(type(error).__name__, str(error).split(' at 0x')[0])\n"
        "async def nested():\n"
        "    coroutine = main(1)\n"
        "    try:\n"
        "        RUN(coroutine)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "    coroutine.close()\n"
        "RUN(nested())\n"
    )
    expected = output_of(run_python(["-c", source.replace("RUN(", "asyncio.run(")]))
    assert len(expected.splitlines()) == 3
    expected = expected.replace("asyncio.run()", "stook.run()")
    assert output_of(run_python(["-c", source.replace("RUN(", "stook.run(")])) == expected
