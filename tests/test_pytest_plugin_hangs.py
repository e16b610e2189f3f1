"""Tests that hang are ended by ``pytest -p stook``, with who waits for whom."""

import re
import time

import pytest

from plugin_runs import RUNNERS, line_of, run_tests

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(120)]
pytest_plugins = ["pytester"]

HANGS = """
async def hangs():
    async def one():
        async with lock:
            await tasks[1]

    async def two():
        async with lock:  # wait
            pass

    lock = asyncio.Lock()
    tasks = [asyncio.create_task(one(), name="one")]
    tasks.append(asyncio.create_task(two(), name="two"))
    await tasks[0]


async def goes_on():
    await asyncio.sleep(0)
"""
GRAPH = """\
one waits for two
.*\
  two waits for a lock held by one
.*\
these wait for each other:
.*\
  two waits \\(lock\\) for one at FILE:{line}, in hangs.<locals>.two
"""


@pytest.fixture(autouse=True)
def _out_of_debug_mode(monkeypatch):
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)
    monkeypatch.delenv("PYTHONDEVMODE", raising=False)


def each_way(body, then):
    """Return two tests for each runner, of which the second one runs on the loop of the first."""
    return "\n\n".join(
        text.format(name=f"{name}_{runner}", body=name)
        for runner, text in RUNNERS.items()
        for name in (body, then)
    )


def has_graph(said):
    """Whether the graph is among what was said, with the line."""
    pattern = GRAPH.format(line=line_of("wait", HANGS)).replace("  two waits", " *two waits")
    return re.search(pattern, said, re.DOTALL) is not None


@pytest.mark.parametrize("options", [[], ["--stook-loop"]], ids=["asyncio's", "stook's"])
def test_at_the_limit_a_test_ends_with_the_graph_and_others_go_on(pytester, options):
    source = HANGS + each_way("hangs", "goes_on")
    run = run_tests(
        pytester, source, "--stook-timeout=0.3", *options, ini="stook_deadlocks = false"
    )
    assert run.outcomes == {"failed": len(RUNNERS), "passed": len(RUNNERS)}, run.output
    for runner in RUNNERS:
        said = run.said[f"test_hangs_{runner}"]
        assert said.lstrip().startswith("stook: the test has not ended after 0.3 seconds\n")
        assert has_graph(said), said
        assert "hidden" not in said
        # Of what was ended it goes without saying.
        assert "not ended with the test" not in said


def test_on_stooks_loop_it_ends_at_once_and_without_a_limit(pytester):
    source = HANGS + each_way("hangs", "goes_on")
    begun = time.monotonic()
    run = run_tests(pytester, source, "--stook-loop", "--stook-timeout=40")
    assert time.monotonic() - begun < 40
    assert run.outcomes == {"failed": len(RUNNERS), "passed": len(RUNNERS)}, run.output
    for runner in RUNNERS:
        said = run.said[f"test_hangs_{runner}"]
        assert said.lstrip().startswith(
            "stook: nothing can go on: every task waits, and nothing is to come\n"
        )
        assert has_graph(said), said


def test_so_it_does_in_a_process_of_several(pytester):
    source = HANGS + each_way("hangs", "goes_on")
    run = run_tests(pytester, source, "--stook-loop", "-n", "2")
    assert run.outcomes == {"failed": len(RUNNERS), "passed": len(RUNNERS)}, run.output


@pytest.mark.parametrize("options", [[], ["--stook-loop"]], ids=["asyncio's", "stook's"])
@pytest.mark.parametrize("more", [[], ["--stook-timeout=30"]], ids=["alone", "with a limit"])
def test_what_pytest_timeout_ends_is_told_with_the_graph(pytester, options, more):
    source = HANGS + each_way("hangs", "goes_on")
    run = run_tests(pytester, source, "--timeout=0.4", *options, *more, ini="stook_deadlocks=false")
    assert run.outcomes == {"failed": len(RUNNERS), "passed": len(RUNNERS)}, run.output
    for runner in RUNNERS:
        said = run.said[f"test_hangs_{runner}"]
        ended = "stook: the test has not ended: Timeout (>0.4s) from pytest-timeout.\n"
        assert said.lstrip().startswith(ended)
        assert has_graph(said), said
        assert "it has raised" not in said


def test_a_limit_of_pytest_timeout_that_is_due_meanwhile_hides_nothing(pytester):
    source = """
@pytest.mark.stook(timeout=0.2)
@pytest.mark.asyncio
async def test_spins():
    while True:
        pass
"""
    run = run_tests(pytester, source, "--timeout=1")
    assert run.outcomes == {"failed": 1}, run.output
    said = run.said["test_spins"].lstrip()
    assert said.startswith("stook: the test has not ended after 0.2 seconds\n")
    assert "pytest-timeout" not in said


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_limit_of_pytest_timeout_is_nobody_who_wakes_a_task(pytester, method):
    source = HANGS + each_way("hangs", "goes_on")
    run = run_tests(pytester, source, "--stook-loop", "--timeout=40", f"--timeout-method={method}")
    assert run.outcomes == {"failed": len(RUNNERS), "passed": len(RUNNERS)}, run.output
    for runner in RUNNERS:
        assert "nothing can go on" in run.said[f"test_hangs_{runner}"]


def test_what_others_have_noted_of_a_hang_is_shown(pytester):
    run = run_tests(
        pytester,
        """
@pytest.mark.asyncio
async def test_it():
    try:
        await waits()
    except asyncio.CancelledError as error:
        raise ValueError("broken off") from error

@pytest.fixture(autouse=True)
def _noted(request):
    run = request.node.runtest
    def noted():
        try:
            run()
        except BaseException as error:
            error.add_note("for example this one")
            raise
    request.node.runtest = noted
""",
        "--stook-loop",
    )
    assert run.outcomes == {"failed": 1}
    # The test's own failure, which is shown below, has the note in any case.
    assert "for example this one\n" in run.said["test_it"].partition("Captured")[0]


def test_tasks_that_never_began_are_named(pytester):
    run = run_tests(
        pytester,
        """
@pytest.mark.asyncio
async def test_it():
    async def announce(ready):
        ready.set()

    ready = asyncio.Event()
    listener = asyncio.create_task(ready.wait(), name="listener")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(announce(ready), name="announcer")
            raise ValueError
    except* ValueError:
        pass
    await listener
""",
        "--stook-loop",
    )
    assert "announcer was cancelled before its first step" in run.said["test_it"]
    assert "it had what listener waits for" in run.said["test_it"]


def test_what_the_program_does_about_deadlocks_is_its_own_again_afterwards(pytester):
    pytester.makeconftest(
        """
import stook
from stook import _deadlock

def pytest_configure():
    stook.on_deadlock("raise")

def pytest_sessionfinish():
    print("afterwards:", _deadlock._policy)
"""
    )
    run = run_tests(
        pytester,
        """
@pytest.mark.asyncio
async def test_ends_at_once():
    await waits()

@pytest.mark.stook(deadlocks=False)
@pytest.mark.asyncio
async def test_of_the_programs_own():
    await waits()

def test_of_deadlocks():
    stook.on_deadlock("raise")
    with pytest.raises(stook.DeadlockError):
        stook.run(waits())
""",
        "--stook-loop",
        "-s",
    )
    assert run.outcomes == {"failed": 2, "passed": 1}, run.output
    assert "stook: nothing can go on" in run.said["test_ends_at_once"]
    assert "DeadlockError: nothing can go on" in run.said["test_of_the_programs_own"]
    assert "afterwards: raise" in run.output


LIMITS = """
def test_blocks():
    time.sleep(60)  # blocks

@pytest.mark.asyncio
async def test_blocks_its_loop():
    time.sleep(60)  # blocks the loop

def test_waits_for_a_thread():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bridge", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(waits(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

@pytest.mark.stook(leaks=False)
@pytest.mark.asyncio
async def test_is_stubborn():
    for _ in range(2):
        try:
            await waits()
        except asyncio.CancelledError:
            pass
    await waits()

@pytest.mark.asyncio
async def test_raises_when_it_is_ended():
    try:
        await waits()
    finally:
        raise ValueError("cleaning up")  # raises

@pytest.mark.asyncio
async def test_returns_when_it_is_ended():
    try:
        await waits()
    except asyncio.CancelledError:
        return

@pytest.mark.asyncio
async def test_fails_and_then_hangs():
    try:
        assert 1 == 2, "my own"  # fails
    finally:
        await waits()

@pytest.fixture
def slow():
    time.sleep(60)  # slow

@pytest_asyncio.fixture
async def waiting():
    await waits()

@pytest.fixture
def slow_to_end():
    yield
    time.sleep(60)

def test_setup(slow):
    pass

@pytest.mark.asyncio
async def test_setup_of_a_coroutine(waiting):
    pass

def test_teardown(slow_to_end):
    pass

@pytest.mark.stook(timeout=None)
def test_takes_its_time():
    time.sleep(0.5)

@pytest.mark.stook(timeout=5)
def test_has_more_time():
    time.sleep(0.5)

def test_is_quick():
    pass
"""


def test_whatever_hangs_is_ended_at_the_limit(pytester):
    run = run_tests(pytester, LIMITS, ini="stook_timeout = 0.3")
    assert run.outcomes == {"failed": 7, "errors": 4, "passed": 4}, run.output

    def says(name, *lines):
        for line in lines:
            assert line in run.said[name], run.said[name]

    says("test_blocks", "MainThread is running", f"at FILE:{line_of('blocks', LIMITS)}, in test_")
    says("test_blocks_its_loop", f"at FILE:{line_of('blocks the loop', LIMITS)}, in test_blocks_")
    says("test_waits_for_a_thread", "MainThread is running", "in test_waits_for_a_thread")
    says("test_waits_for_a_thread", "on the loop of bridge:", " waits for an event to be set")
    # It is left alone then, and its loop waits for it when it is closed.
    says("test_is_stubborn", "the test has not ended", "in test_is_stubborn")
    says("teardown of test_is_stubborn", "asked to cancel twice", "in test_is_stubborn")
    says(
        "test_raises_when_it_is_ended",
        "waits for an event to be set",
        f"it has raised ValueError('cleaning up') at FILE:{line_of('raises', LIMITS)}, in test_",
    )
    says("test_returns_when_it_is_ended", "waits for an event to be set")
    says(
        "test_fails_and_then_hangs",
        "waits for an event to be set",
        "it has raised AssertionError('my own",
        "Captured the test's own failure call",
        'assert 1 == 2, "my own"',
    )
    says("setup of test_setup", "the fixtures of the test have not been set up after 0.3 seconds")
    says("setup of test_setup", f"at FILE:{line_of('slow', LIMITS)}, in slow")
    says("setup of test_setup_of_a_coroutine", "waits for an event to be set", "in waiting")
    says("teardown of test_teardown", "the fixtures of the test have not ended after 0.3 seconds")


def test_a_test_that_is_ended_is_not_blamed_for_what_it_does_about_that(pytester):
    source = """
async def stubborn():
    try:
        await waits()
    except asyncio.CancelledError:
        await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_it():
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    try:
        await waits()
    finally:
        task.cancel()
        await task
"""
    ini = "stook_deadlocks = false"
    run = run_tests(pytester, source, "--stook-loop", "--stook-timeout=0.2", ini=ini)
    assert run.outcomes == {"failed": 1}, run.output
    assert "the test has not ended after 0.2 seconds" in run.said["test_it"]
    assert "swallowed" not in run.output


def test_the_command_line_comes_before_the_ini_file(pytester):
    source = "def test_it(): time.sleep(0.5)\n"
    run = run_tests(pytester, source, "--stook-timeout=0", ini="stook_timeout = 0.1")
    assert run.outcomes == {"passed": 1}
    run = run_tests(pytester, source, "--stook-timeout=0.1", ini="stook_timeout = 10")
    assert run.outcomes == {"failed": 1}
    assert "limit 0.1 s" in run.output


def test_a_marker_comes_before_the_command_line(pytester):
    source = """
@pytest.mark.stook(timeout=5)
def test_has_more_time(): time.sleep(0.5)

@pytest.mark.stook(timeout=None)
def test_takes_its_time(): time.sleep(0.5)

def test_has_no_time(): time.sleep(0.5)
"""
    run = run_tests(pytester, source, "--stook-timeout=0.1")
    assert run.outcomes == {"passed": 2, "failed": 1}, run.output
    assert "test_has_no_time" in run.said


def test_another_alarm_goes_on_afterwards(pytester):
    run = run_tests(
        pytester,
        """
import signal

@pytest.fixture(scope="module")
def alarm():
    rung = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic() - begun))
    begun = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 1)
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)

@pytest.mark.stook(timeout=0.3)
def test_hangs(alarm):
    time.sleep(60)

@pytest.mark.stook(timeout=30)
def test_waits(alarm):
    # The other alarm is the first one to come: there is no limit then.
    while not alarm:
        time.sleep(0.01)
    assert 0.9 < alarm[0] < 10
""",
    )
    assert run.outcomes == {"failed": 1, "passed": 1}, run.output
    assert "test_hangs" in run.said


def test_another_alarm_that_repeats_goes_on_repeating(pytester):
    run = run_tests(
        pytester,
        """
import signal

@pytest.fixture(scope="module")
def alarm():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 3600, 60)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)

@pytest.mark.stook(timeout=30)
def test_is_limited(alarm):
    assert signal.getitimer(signal.ITIMER_REAL)[0] <= 30

def test_afterwards():
    delay, interval = signal.getitimer(signal.ITIMER_REAL)
    assert (30 < delay <= 3600, interval) == (True, 60)
""",
    )
    assert run.outcomes == {"passed": 2}, run.output


def test_in_a_debugger_there_is_no_limit_and_alarms_of_others_go_on(pytester):
    pytester.makepyfile(
        debugger="""
import pdb
import time

class Debugger(pdb.Pdb):
    # Somebody looks at a test for a while.
    def set_trace(self, frame=None):
        time.sleep(0.6)
"""
    )
    run = run_tests(
        pytester,
        """
import signal

@pytest.mark.stook(timeout=0.3)
def test_is_looked_at():
    breakpoint()

@pytest.mark.stook(timeout=0.3)
def test_has_a_limit_again():
    time.sleep(60)

@pytest.mark.stook(timeout=None)
def test_alarm_of_its_own():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 3600)
    breakpoint()
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    signal.setitimer(signal.ITIMER_REAL, 0)
""",
        "--pdbcls=debugger:Debugger",
    )
    assert run.outcomes == {"passed": 2, "failed": 1}, run.output
    assert "the test has not ended after 0.3 seconds" in run.said["test_has_a_limit_again"]


@pytest.mark.parametrize("options", [[], ["--stook-loop"]], ids=["asyncio's", "stook's"])
def test_an_interrupt_ends_the_run_as_ever(pytester, options):
    run = run_tests(
        pytester,
        """
import signal

@pytest.mark.asyncio
async def test_interrupted():
    asyncio.create_task(waits())
    asyncio.get_running_loop().call_later(0.1, signal.raise_signal, signal.SIGINT)
    await waits()

def test_never_reached():
    pass
""",
        "--stook-timeout=30",
        *options,
    )
    assert run.status == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in run.output
    assert "stook: the test" not in run.output


def test_nothing_is_said_of_a_deadlock_that_a_thread_may_open(pytester):
    run = run_tests(
        pytester,
        """
def test_it():
    async def main():
        def release():
            time.sleep(1.2)
            loop.call_soon_threadsafe(event.set)

        loop, event = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=release)
        thread.start()
        await event.wait()
        thread.join()

    asyncio.run(main())
""",
        "--stook-loop",
    )
    assert run.outcomes == {"passed": 1}, run.output


def test_a_thread_may_open_a_circle_that_is_told_of(pytester):
    source = (
        HANGS
        + """
def test_it():
    async def main():
        def release():
            time.sleep(1.2)
            loop.call_soon_threadsafe(task.cancel)

        loop, task = asyncio.get_running_loop(), asyncio.create_task(hangs())
        thread = threading.Thread(target=release, name="releaser")
        thread.start()
        await asyncio.wait([task])
        thread.join()

    asyncio.run(main())
"""
    )
    run = run_tests(pytester, source, "--stook-loop", "-s", ini="stook_leaks = false")
    assert run.outcomes == {"passed": 1}, run.output
    said = run.output + run.errors
    assert "tasks wait for each other, unless another thread wakes them (releaser)" in said


def test_a_test_beside_which_tasks_can_never_go_on_goes_on_itself(pytester):
    text = """
import sys


class Noticed:
    # Standard error that notices a report.
    is_told = False

    def __init__(self):
        self.to = sys.stderr

    def write(self, text):
        self.is_told = self.is_told or "can never go on" in text
        self.to.write(text)

    def flush(self):
        self.to.flush()


async def stuck_beside():
    async def wait(mine, other):
        await mine.wait()
        other.set()

    events = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(wait(*events), name="one")]
    tasks.append(asyncio.create_task(wait(*reversed(events)), name="two"))
    del events
    noticed = sys.stderr = Noticed()
    for _ in range(200):
        if not noticed.is_told:
            await asyncio.sleep(0.1)
    sys.stderr = noticed.to
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    print("it went on")


@pytest.mark.asyncio
async def test_by_the_plugin():
    await stuck_beside()


def test_by_itself():
    asyncio.run(stuck_beside())
"""
    run = run_tests(pytester, text, "--stook-loop", "-rP")
    assert run.outcomes == {"passed": 2}, run.output
    part = "stook: tasks can never go on\none waits for an event to be set"
    assert run.output.count(part) == 2
    assert run.output.count("it went on\n") == 2
    assert "nothing can go on" not in run.output
