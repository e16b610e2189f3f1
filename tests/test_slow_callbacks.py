"""Callbacks that hold a loop are reported while they do, with what runs.

Programs of their own hold their loops until the report has come, or until long after it would have.
"""

import math
import textwrap

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    yield stook
    stook.on_slow_callback("debug")


HEAD = """
import asyncio, sys, threading, time
import stook

told = []
is_told = threading.Event()

def note(slow):
    told.append(slow)
    is_told.set()

def hold():
    # Until it is told of; a plain wait lets the thread that watches run.
    assert is_told.wait(20)
    is_told.clear()
"""


@pytest.fixture
def run(program):
    def run(body, **more):
        return program(HEAD + textwrap.dedent(body), way="stock", **more)

    return run


def test_a_step_that_holds_the_loop_is_told_with_its_task_and_lines(run):
    ended = run("""
        stook.on_slow_callback(note, after=0.05)
        async def inner():
            hold()
        async def main():
            await inner()
        stook.run(main())
        [slow] = told
        print(slow.task.get_name(), slow.seconds >= 0.05, slow.loop.is_closed())
        print(*(place.function for place in slow.stack))
        print(slow.stack[-3].line)
    """)
    lines = ended.stdout.splitlines()
    assert lines[0] == "Task-1 True True"
    assert lines[1].startswith("main inner hold ")
    assert ended.stderr == ""


def test_a_step_during_which_the_process_was_stopped_is_not_slow(run):
    # As by Ctrl-Z, or on a machine that was asleep.
    ended = run("""
        import os, signal, subprocess
        stook.on_slow_callback("report", after=2)
        async def main():
            go_on = f"import os, time; time.sleep(3.2); os.kill({os.getpid()}, {signal.SIGCONT})"
            process = subprocess.Popen([sys.executable, "-c", go_on])
            await asyncio.sleep(0.01)
            time.sleep(0.6)  # It is seen to run.
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.1)
            print(time.monotonic() - began > 2)
            await asyncio.sleep(0)
            process.wait(20)
        stook.run(main())
    """)
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_the_report_is_written_while_the_callback_runs(run):
    ended = run("""
        class Noticed:
            def write(self, text):
                print(text, end="")
            def flush(self):
                is_told.set()
        sys.stderr = Noticed()
        stook.on_slow_callback("report", after=0.05)
        def callback():
            hold()
            print("ends")
        async def main():
            asyncio.get_running_loop().call_soon(callback)
            await asyncio.sleep(0.01)
        stook.run(main())
    """)
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("stook: a callback has held the loop for more than 0.05 seconds:")
    assert lines[-2].endswith("in callback")
    assert ", in hold" in ended.stdout
    assert lines[-1] == "ends"


def test_each_callback_is_told_of_once(run):
    ended = run("""
        stook.on_slow_callback(note, after=0.03)
        async def main():
            for _ in range(2):
                hold()
                time.sleep(0.2)
                await asyncio.sleep(0)
        stook.run(main())
        print(len(told))
    """)
    assert ended.stdout == "2\n"


def test_many_short_callbacks_in_one_turn_are_not_told_of(run):
    ended = run("""
        stook.on_slow_callback(note, after=0.2)
        async def short():
            time.sleep(0.002)
        async def main():
            await asyncio.gather(*(short() for _ in range(300)))
            await asyncio.sleep(0.5)
        stook.run(main())
        print(told)
    """)
    assert ended.stdout == "[]\n"


def test_it_is_told_in_debug_mode_alone_at_first(run):
    body = """
        async def main():
            asyncio.get_running_loop().slow_callback_duration = 0.05
            await asyncio.sleep(0)
            time.sleep(0.5)
        stook.run(main())
    """
    quiet, debugging = run(body), run(body, debug=True)
    assert quiet.stderr == ""
    assert "stook: Task-1 has held the loop for more than 0.05 seconds:" in debugging.stderr
    # And asyncio's own words, when it has ended.
    assert "Executing <Task" in debugging.stderr


def test_debug_mode_may_begin_later(run):
    ended = run("""
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_debug(True)
            await asyncio.sleep(0.01)
            time.sleep(0.5)
            loop.set_debug(False)
            await asyncio.sleep(0.01)
            time.sleep(0.5)
        stook.run(main())
    """)
    assert ended.stderr.count("has held the loop") == 1


def test_nothing_is_told_where_that_is_asked_for(run):
    ended = run(
        """
        stook.on_slow_callback(None)
        async def main():
            time.sleep(0.5)
        stook.run(main())
    """,
        debug=True,
    )
    assert "has held" not in ended.stderr


def test_a_callback_without_python_code_is_told(run):
    ended = run("""
        stook.on_slow_callback("report", after=0.1)
        async def main():
            asyncio.get_running_loop().call_soon(time.sleep, 0.6)
            await asyncio.sleep(0)
        stook.run(main())
    """)
    assert ended.stderr.startswith("stook: a callback has held the loop for more than 0.1")
    assert ended.stderr.endswith("seconds:\n  no line of Python runs\n")


def test_a_function_that_raises_does_not_stop_the_program(run):
    ended = run("""
        def hook(unraisable):
            print(repr(unraisable.exc_value))
            is_told.set()
        sys.unraisablehook = hook
        def fails(slow):
            raise ValueError("in the function")
        stook.on_slow_callback(fails, after=0.05)
        async def main():
            for _ in range(2):
                hold()
                await asyncio.sleep(0)
        stook.run(main())
        print("went on")
    """)
    assert ended.stdout == 2 * "ValueError('in the function')\n" + "went on\n"


def test_loops_in_several_threads_are_watched_at_once(run):
    ended = run("""
        barrier = threading.Barrier(4)
        names = set()
        def note(slow):
            names.add(slow.task.get_name())
            events[slow.task.get_name()].set()
        stook.on_slow_callback(note, after=0.05)
        async def main():
            name = asyncio.current_task().get_name()
            barrier.wait()
            assert events[name].wait(20)
        async def named(name):
            await asyncio.create_task(main(), name=name)
        events = {f"t{number}": threading.Event() for number in range(4)}
        threads = [threading.Thread(target=stook.run, args=(named(name),)) for name in events]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(names))
    """)
    assert ended.stdout == "['t0', 't1', 't2', 't3']\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("shout",), TypeError),
        ((3,), TypeError),
        (("report", "1"), TypeError),
        (("report", math.nan), ValueError),
        (("report", 0), ValueError),
        (("report", -1.0), ValueError),
        (("report", 10**400), OverflowError),
    ],
)
def test_what_is_no_setting_is_refused(stook, arguments, error):
    with pytest.raises(error, match="on_slow_callback\\(\\) takes|after "):
        stook.on_slow_callback(*arguments)
