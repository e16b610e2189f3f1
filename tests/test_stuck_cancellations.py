"""Tasks that do not end when they are cancelled are reported, some time later."""

import math
import textwrap

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    yield stook
    stook.on_stuck_cancellation("debug")


HEAD = """
import asyncio, os, sys, time
import stook

told = []

def note(stuck):
    told.append(stuck)
    loop.call_soon_threadsafe(is_told.set)

async def ignores():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def start(*coroutines):
    global loop, is_told
    loop, is_told = asyncio.get_running_loop(), asyncio.Event()
    tasks = [loop.create_task(each, name=each.__name__) for each in coroutines]
    await asyncio.sleep(0)
    return tasks
"""


@pytest.fixture
def run(program):
    def run(body, **more):
        # Tasks that ignore their cancellation would keep the run from ending.
        body = textwrap.dedent(body).replace("END", "sys.stdout.flush(); os._exit(0)")
        return program(HEAD + body, way="stock", **more)

    return run


def test_a_task_that_swallows_its_cancellation_is_told_with_its_record(run):
    ended = run("""
        stook.on_stuck_cancellation(note, after=0.1)
        async def main():
            [task] = await start(ignores())
            task.cancel()
            stook.cancel(task, reason="enough")
            await asyncio.sleep(0.01)
            task.cancel()
            await is_told.wait()
            [stuck] = told
            print(stuck.task is task, stuck.requests, stuck.seconds >= 0.1)
            print([place.function for place in stuck.survived])
            print(stuck.record.kind, stuck.record.who.name, stuck.record.where.function)
            END
        stook.run(main())
    """)
    assert ended.stdout.splitlines() == [
        "True 3 True",
        "['ignores', 'ignores', 'ignores']",
        "explicit Task-1 main",
    ]


def test_the_report_names_who_asked_and_the_lines(run):
    ended = run("""
        stook.on_stuck_cancellation("report", after=0.1)
        async def shields():
            inner = asyncio.create_task(asyncio.sleep(60), name="inner")
            try:
                await asyncio.shield(inner)
            except asyncio.CancelledError:
                await asyncio.shield(inner)
        async def main():
            tasks = await start(ignores(), shields())
            for task in tasks:
                task.cancel()
            await asyncio.sleep(1)
            END
        stook.run(main())
    """)
    lines = [
        line.replace("program.py", "").partition(" at ")[::2] for line in ended.stderr.splitlines()
    ]
    assert [first for first, _ in lines] == [
        "stook: 2 tasks have not ended 0.1 seconds after they were asked to cancel:",
        "ignores waits for an event to be set; asked to cancel once",
        " ",
        "  cancel() was called by Task-1",
        "  it went on after a cancellation once",
        "shields waits for a shield of inner; asked to cancel once",
        " ",
        "  cancel() was called by Task-1",
        "  it went on after a cancellation once",
    ]


def test_a_task_is_told_of_once(run):
    ended = run("""
        stook.on_stuck_cancellation("report", after=0.05)
        async def main():
            [task] = await start(ignores())
            for _ in range(10):
                task.cancel()
                await asyncio.sleep(0.1)
            END
        stook.run(main())
    """)
    assert ended.stderr.count("has not ended") == 1


def test_what_goes_as_it_should_is_not_told(run):
    ended = run("""
        stook.on_stuck_cancellation("report", after=0.05)
        async def takes_back():
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    asyncio.current_task().uncancel()
        async def times_out():
            while True:
                try:
                    async with asyncio.timeout(0.01):
                        await asyncio.Event().wait()
                except TimeoutError:
                    pass
                try:
                    await asyncio.wait_for(asyncio.Event().wait(), 0.01)
                except TimeoutError:
                    pass
        async def in_groups():
            async def fails():
                raise ValueError
            while True:
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(asyncio.sleep(60))
                        await asyncio.sleep(0.01)
                        group.create_task(fails())
                except* ValueError:
                    pass
        async def main():
            tasks = await start(takes_back(), times_out(), in_groups(), asyncio.sleep(60))
            tasks[0].cancel()
            await asyncio.sleep(1)
            END
        stook.run(main())
    """)
    assert ended.stderr == ""


def test_a_task_whose_loop_is_held_or_does_not_run_is_not_told(run):
    ended = run("""
        stook.on_stuck_cancellation("report", after=0.05)
        async def main():
            [task] = await start(asyncio.sleep(60))
            task.cancel()
            time.sleep(0.4)
            await asyncio.wait([task])
            return await start(asyncio.sleep(60))
        loop = stook.new_event_loop()
        [task] = loop.run_until_complete(main())
        task.cancel()
        time.sleep(0.4)
        loop.run_until_complete(asyncio.wait([task]))
        print(task.cancelled())
        loop.close()
    """)
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_it_is_told_in_debug_mode_alone_at_first(run):
    body = """
        from stook import _stuck_cancellations
        _stuck_cancellations._after = 0.05
        async def main():
            [task] = await start(ignores())
            task.cancel()
            await asyncio.sleep(0.6)
            END
        stook.run(main())
    """
    assert run(body).stderr == ""
    assert "1 task has not ended 0.05 seconds after it was asked" in run(body, debug=True).stderr


def test_it_may_be_switched_on_and_off_while_a_loop_runs(run):
    ended = run("""
        async def main():
            [task] = await start(ignores())
            task.cancel()
            stook.on_stuck_cancellation(note, after=0.05)
            await is_told.wait()
            stook.on_stuck_cancellation(None)
            [other] = await start(ignores())
            other.cancel()
            await asyncio.sleep(0.4)
            print(len(told))
            END
        stook.run(main())
    """)
    assert ended.stdout == "1\n"


def test_a_function_that_raises_does_not_stop_the_program(run):
    ended = run(
        """
        def hook(unraisable):
            print(repr(unraisable.exc_value))
            note(None)
        sys.unraisablehook = hook
        def fails(stuck):
            raise ValueError("in the function")
        stook.on_stuck_cancellation(fails, after=0.05)
        async def main():
            for _ in range(2):
                [task] = await start(ignores())
                task.cancel()
                await is_told.wait()
            print("went on")
            END
        stook.run(main())
    """
    )
    assert ended.stdout == 2 * "ValueError('in the function')\n" + "went on\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("shout",), TypeError),
        (("report", None), TypeError),
        (("report", "1"), TypeError),
        (("report", math.nan), ValueError),
        (("report", 0), ValueError),
        (("report", -1.0), ValueError),
    ],
)
def test_what_is_no_setting_is_refused(stook, arguments, error):
    with pytest.raises(error, match="on_stuck_cancellation\\(\\) takes|after "):
        stook.on_stuck_cancellation(*arguments)
