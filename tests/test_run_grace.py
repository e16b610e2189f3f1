"""``stook.run(…, grace=…)``: a run whose end always comes."""

import asyncio
import textwrap

import pytest

pytestmark = pytest.mark.needs_stook

HEAD = """
import asyncio, sys, time
import stook

async def ends_at_once():
    await asyncio.sleep(3600)

async def ignores(times):
    while True:
        try:
            await asyncio.sleep(3600)
            return
        except asyncio.CancelledError:
            times -= 1
            if not times:
                raise
"""


@pytest.fixture
def run(program):
    def run(body, **more):
        return program(HEAD + textwrap.dedent(body), way="stock", **more)

    return run


def test_tasks_that_end_when_they_are_cancelled_are_not_waited_for(run):
    ended = run("""
        async def main():
            tasks.append(asyncio.create_task(ends_at_once()))
            await asyncio.sleep(0)
            return "result"
        tasks = []
        print(stook.run(main(), grace=3600), tasks[0].cancelled())
        print(stook.cancellation(tasks[0]).kind)
    """)
    assert (ended.stdout, ended.stderr) == ("result True\nshutdown\n", "")


def test_one_that_has_to_be_asked_twice_is_reported_and_ends(run):
    ended = run("""
        async def main():
            tasks.append(asyncio.create_task(ignores(2), name="stubborn"))
            await asyncio.sleep(0)
        tasks = []
        stook.run(main(), grace=0.1)
        print(tasks[0].cancelled())
    """)
    assert ended.stdout == "True\n"
    lines = ended.stderr.splitlines()
    first = "stook: 1 task has not ended after 0.1 seconds of shutdown, and is asked again:"
    assert lines[0] == first
    assert lines[1].startswith("stubborn waits for a sleep to end, for 3")
    assert lines[1].endswith("; asked to cancel once")
    assert lines[3].startswith("  the loop was to end")
    assert lines[4].startswith("  it went on after a cancellation once at ")
    assert lines[4].endswith("program.py:11, in ignores")
    assert len(lines) == 5


@pytest.mark.parametrize("make", ["stook.new_event_loop", "asyncio.SelectorEventLoop"])
def test_one_that_never_ends_is_given_up(run, make):
    ended = run(
        f"""
        async def main():
            asyncio.create_task(ignores(9), name="stubborn")
            asyncio.create_task(ends_at_once(), name="other")
            await asyncio.sleep(0)
        began = time.monotonic()
        stook.run(main(), grace=0.1, loop_factory={make})
        print(time.monotonic() - began < 2)
    """,
        options=(),
    )
    assert ended.stdout == "True\n"
    assert "1 task has not ended after 0.1 seconds of shutdown, and is asked again" in ended.stderr
    assert "1 task has not ended at the end of the run, and is given up" in ended.stderr
    assert "destroyed" not in ended.stderr
    assert "other" not in ended.stderr
    assert ended.returncode == 0


def test_one_that_cancels_all_tasks_at_its_end_does_not_break_the_wait_off(run):
    ended = run("""
        async def cancels_all():
            try:
                await asyncio.sleep(100)
            finally:
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()
        async def main():
            for _ in range(3):
                asyncio.create_task(cancels_all())
            await asyncio.sleep(0)
            return "result"
        print(stook.run(main(), grace=1))
    """)
    assert (ended.stdout, ended.stderr) == ("result\n", "")


@pytest.mark.parametrize("make", ["stook.new_event_loop", "asyncio.SelectorEventLoop"])
def test_those_that_are_made_at_the_end_are_asked_and_waited_for(run, make):
    ended = run(f"""
        async def is_told():
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError as error:
                await asyncio.sleep(0.01)
                print("told")
        async def makes_another():
            try:
                await asyncio.sleep(100)
            finally:
                made.append(asyncio.create_task(is_told()))
                await asyncio.sleep(0)
        async def main():
            made.append(asyncio.create_task(makes_another()))
            await asyncio.sleep(0)
        made = []
        stook.run(main(), grace=10, loop_factory={make})
    """)
    assert (ended.stdout, ended.stderr) == ("told\n", "")


def test_what_they_make_when_they_are_asked_again_is_given_up(run):
    ended = run(
        """
        async def makes_another():
            try:
                await asyncio.sleep(100)
            finally:
                made.append(asyncio.create_task(makes_another(), name=f"made {len(made)}"))
                await asyncio.sleep(0)
        async def main():
            made.append(asyncio.create_task(makes_another(), name="made 0"))
            await asyncio.sleep(0)
        made = []
        stook.run(main(), grace=0.1)
    """,
        options=(),
    )
    said = ended.stderr.splitlines()
    assert said[0] == "stook: 1 task has not ended at the end of the run, and is given up:"
    assert said[1].startswith("made 2 ")


def test_the_error_of_the_program_comes_out(run):
    ended = run("""
        async def main():
            asyncio.create_task(ends_at_once())
            await asyncio.sleep(0)
            raise LookupError("lost")
        try:
            stook.run(main(), grace=1)
        except LookupError as error:
            print(error)
    """)
    assert (ended.stdout, ended.stderr) == ("lost\n", "")


def test_an_error_of_a_task_that_is_cancelled_is_told_the_handler(run):
    ended = run("""
        async def fails():
            try:
                await asyncio.sleep(3600)
            finally:
                raise ValueError("cleaning up")
        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda _loop, told: print(told))
            asyncio.create_task(fails())
            await asyncio.sleep(0)
        stook.run(main(), grace=1)
    """)
    assert "unhandled exception during stook.run() shutdown" in ended.stdout
    assert "ValueError('cleaning up')" in ended.stdout


def test_a_generator_that_does_not_end_is_given_up(run):
    ended = run(
        """
        async def stubborn():
            while True:
                try:
                    yield
                finally:
                    while True:
                        try:
                            await asyncio.sleep(3600)
                        except asyncio.CancelledError:
                            pass
        async def main():
            generator = stubborn()
            generators.append(generator)
            await anext(generator)
        generators = []
        stook.run(main(), grace=0.1)
        print("ended", flush=True)
        import os
        os._exit(0)
    """,
        options=(),
    )
    assert ended.stdout == "ended\n"


@pytest.mark.parametrize("make", ["stook.new_event_loop", "asyncio.SelectorEventLoop"])
@pytest.mark.parametrize(
    ("breaks_off", "raised"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("signal.raise_signal(signal.SIGINT)", "KeyboardInterrupt"),
        ("asyncio.get_running_loop().stop()", "RuntimeError"),
    ],
)
def test_what_breaks_off_a_wait_is_raised_when_all_is_given_up(run, make, breaks_off, raised):
    ended = run(
        f"""
        import signal
        async def generates():
            try:
                yield
            finally:
                await ignores(9)
        async def tidies_up():
            try:
                await asyncio.sleep(3600)
            finally:
                {breaks_off}
        async def main():
            asyncio.create_task(ignores(9), name="stubborn")
            asyncio.create_task(tidies_up())
            generators.append(generates())
            await anext(generators[0])
        generators = []
        began = time.monotonic()
        try:
            stook.run(main(), grace=0.1, loop_factory={make})
        except BaseException as error:
            print(type(error).__name__, time.monotonic() - began < 2, flush=True)
        import os
        os._exit(0)
    """,
        options=(),
    )
    assert ended.stdout == f"{raised} True\n"
    assert ended.stderr.count("\nstubborn ") == 2
    assert "task has not ended when the wait for it was broken off, and is asked" in ended.stderr
    assert "at the end of the run, and" in ended.stderr


def test_a_job_of_the_executor_is_given_up(run):
    ended = run("""
        import threading
        let_go = threading.Event()
        def job():
            let_go.wait()
        async def main():
            asyncio.get_running_loop().run_in_executor(None, job)
            await asyncio.sleep(0.1)
        stook.run(main(), grace=0.1)
        print("ended")
        let_go.set()
    """)
    assert ended.stdout == "ended\n"
    lines = ended.stderr.splitlines()
    assert lines[:2] == [
        "stook: the executor has not ended at the end of the run, and is left to itself:",
        "asyncio_0 is running",
    ]
    assert lines[-1].endswith(", in job")


def test_a_job_that_needs_the_loop_to_end_is_waited_for(run):
    ended = run("""
        async def answers():
            return "answer"
        def job(loop):
            time.sleep(0.1)
            print(asyncio.run_coroutine_threadsafe(answers(), loop).result())
        async def main():
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, job, loop)
        stook.run(main(), grace=20)
        print("ended")
    """)
    assert (ended.stdout, ended.stderr) == ("answer\nended\n", "")


def test_bad_input(run):
    import stook

    async def main():
        raise AssertionError("it is not run")

    for grace, error, why in (
        (-1, ValueError, "grace has to be zero or more seconds, not -1"),
        (float("nan"), ValueError, "grace has to be a number of seconds, not nan"),
        ("1", TypeError, "grace has to be a number of seconds, not str"),
    ):
        coroutine = main()
        with pytest.raises(error, match=why):
            stook.run(coroutine, grace=grace)
        coroutine.close()
    assert asyncio._get_running_loop() is None
