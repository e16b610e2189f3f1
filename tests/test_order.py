"""The order fuzzer: what it finds, that it finds it, and stook before it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from conformance.order import engines as order_engines  # noqa: E402
from conformance.order.command import main  # noqa: E402
from conformance.order.generate import generate  # noqa: E402
from conformance.order.pair import Worker  # noqa: E402
from conformance.order.render import program_text, script_text  # noqa: E402
from conformance.order.search import Search  # noqa: E402

KEPT = sorted((ROOT / "conformance" / "order" / "kept").glob("*.py"))

BROKEN = [
    "LastInFirstOut",
    "RunsTwice",
    "SwapsNeighbours",
    "TurnTooLate",
    "LateTimersAtOnce",
    "TimersInOrderOfArrival",
    "StopsATurnLate",
    "ForgetsMessages",
    "ForgetsContexts",
    "Dies",
    "Hangs",
]

BROKEN_PARTS = [
    "LockWakesTheLast",
    "EventWakesBackwards",
    "ConditionNotifiesTheLast",
    "QueueWakesTheLast",
    "BarrierLetsNewOnesIn",
    "TimeoutTakesEveryCancel",
    "TimeoutOfZeroWaits",
    "GroupLetsTheOthersRun",
    "GroupTellsErrorsBackwards",
    "WaitForTakesATurnMore",
    "InterruptsAreReported",
]
"""Those of ``broken_parts`` that are found soonest; the others take some hundred programs."""

REACHED = {
    "an exception handler's report": "report: Exception in callback",
    "an exception nobody retrieved": "Task exception was never retrieved",
    "a task destroyed while pending": "Task was destroyed but it is pending!",
    "a coroutine never awaited": "was never awaited",
    "a program that waits for ever": "nothing is left to happen",
    "a swallowed cancellation": "cancelled CancelledError",
    "a cancel message": r"CancelledError\('m\d+'\)",
    "a group of exceptions": "ExceptionGroup",
    "a timeout": "TimeoutError",
    "an interrupt": "KeyboardInterrupt",
    "an exit": "SystemExit",
    "a bad yield": "got bad yield",
    "an await of itself": "cannot await on itself",
    "a context entered twice": "already entered",
    "a stopped loop": "Event loop stopped before Future completed",
    "a context variable": r"var is [1-9]",
    "a callback removed": r"remove_done_callback gave [1-9]",
    "a result of wait": r"wait gave \[\{.+\}, \{.+\}\]",
    "a result of as_completed": "as_completed gave",
    "a result of wait_for": "wait_for gave",
    "a result of shield": "shield gave",
    "a result of an async generator": "anext gave",
    "a generator closed": "aclose gave None",
    "generators closed by the loop": "shutdown_asyncgens gave None",
    "an item of a queue": r"(queue|priority|lifo)\d(\.get_nowait)? gave [1-9]",
    "a lock taken in a block": r"lock\d entered None",
    "a wait for a lock or queue cancelled": r"(lock|queue|event|condition|semaphore)\d cancelled",
    "a condition notified": r"condition\d\.notify gave",
    "a barrier passed": r"barrier\d (gave|entered) [01]",
    "a broken barrier": "BrokenBarrierError",
    "a semaphore released too often": "BoundedSemaphore released too many times",
    "an expired timeout": "timeout over True",
    "a timeout rescheduled by another": r"reschedule gave None",
    "a task started in a group by another": r"create_task gave (t\d|a task|Task-)",
    "a task started in a group that is over": "TaskGroup <TaskGroup.*> is finished",
    "a cancellation of a class of its own": "OwnCancelled",
    "an error that is no Exception": "OwnExit",
    "a future of another thread": r"w\d is True",
    "an outcome at the limit's moment": "me.cancel gave True",
    "a representation": r"is <Task (pending|finished|cancelled) name=",
    "a task's stack": r"waits in \['c\d",
}


def broken(name, module="broken"):
    """Return an engine that is stock but for one defect."""
    return order_engines.engine(f"conformance.order.{module}:{name}")


def without_numbers(lines):
    """Return the lines with tasks that have no name of their own all called alike.

    A search that gives the loop by name does so itself, a script on stock tells their numbers.
    """
    return [re.sub(r"Task-\d+", "a task", line) for line in lines]


def run_script(text, tmp_path, *arguments):
    """Run a printed script and return what it prints, as lines."""
    path = tmp_path / "repro.py"
    path.write_text(text, encoding="utf-8")
    environment = order_engines.environment() | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=50,
        check=True,
    )
    return process.stdout.splitlines()


@pytest.fixture(scope="module")
def stock_traces():
    """Give the traces of the first programs on stock asyncio."""
    worker = Worker(order_engines.stock())
    traces = []
    for seed in range(500):
        worker.send(program_text(generate(seed)))
        traces.append(worker.receive())
    worker.close()
    return traces


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_one_program(seed):
    text = program_text(generate(seed))
    assert text == program_text(generate(seed))
    assert text != program_text(generate(seed + 1))
    compile(text, "program.py", "exec")


def test_programs_for_an_older_interpreter_start_no_task_eagerly():
    texts = [program_text(generate(seed, version=(3, 11))) for seed in range(300)]
    assert not [text for text in texts if "eager" in text]
    assert [text for text in texts if "create_task" in text]


def test_programs_on_the_real_clock_have_no_delays():
    for seed in range(300):
        text = program_text(generate(seed, clock="real"))
        assert not re.search(r"(timeout=|call_later\(|sleep\()(0\.|[1-9]|5e-10)", text), text


@pytest.mark.parametrize("what", REACHED)
def test_programs_reach(what, stock_traces):
    pattern = re.compile(REACHED[what])
    assert any(pattern.search(line) for lines in stock_traces for line in lines)


def test_traces_name_no_address_and_no_place(stock_traces):
    telling = re.compile(r"0x[0-9a-f]|\.py\b|, line \d")
    assert not [line for lines in stock_traces for line in lines if telling.search(line)]


def test_stock_agrees_with_itself():
    search = Search(order_engines.stock(), range(150))
    search.run()
    assert search.divergences == []
    assert search.programs == 150
    assert search.lines > 3000
    assert search.left_out < 15


def test_the_start_of_a_worker_does_not_count_against_the_limit_of_programs():
    worker = Worker(order_engines.stock(), limit=0.001)
    worker.check()
    worker.close()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_loop_is_found(name):
    search = Search(broken(name), range(150), shrink=False, limit=2.0)
    search.run()
    assert len(search.divergences) == 1


@pytest.mark.parametrize("name", BROKEN_PARTS)
def test_a_broken_part_is_found(name):
    search = Search(broken(name, "broken_parts"), range(1000), shrink=False)
    search.run()
    assert len(search.divergences) == 1


def test_several_workers_share_the_programs():
    search = Search(order_engines.stock(), range(30))
    search.run(jobs=2)
    assert search.programs == 30


def test_a_divergent_program_becomes_small_and_runs_alone(tmp_path):
    search = Search(broken("LateTimersAtOnce"), range(150))
    search.run()
    [divergence] = search.divergences
    text = program_text(divergence.program)
    assert len(text) < len(program_text(generate(divergence.seed)))
    assert len(text.splitlines()) < 30
    script = script_text(text, ["a title"])
    assert without_numbers(run_script(script, tmp_path)) == without_numbers(divergence.expected)
    loop_spec = search.engine.loop_spec
    found = run_script(script, tmp_path, loop_spec)
    assert without_numbers(found) == without_numbers(divergence.found)
    assert divergence.expected != divergence.found


def test_a_program_that_kills_the_process_is_told_with_the_signal():
    search = Search(broken("Dies"), range(150), shrink=False)
    search.run()
    [divergence] = search.divergences
    assert divergence.found[0] == "the worker ended: signal SIGSEGV"
    assert any("Segmentation fault" in line for line in divergence.found)


def test_the_command_succeeds_where_nothing_differs(capfd):
    assert main(["--programs", "20", "--loop", "asyncio"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert "20 programs" in err
    assert "0 divergences" in err


def test_the_command_prints_a_script_and_keeps_a_program(capfd, tmp_path):
    loop = ["--loop", "conformance.order.broken:StopsATurnLate"]
    assert main(["--programs", "50", "--keep", str(tmp_path), *loop]) == 1
    script = capfd.readouterr().out
    assert "first difference in line" in script
    compile(script, "repro.py", "exec")
    [kept] = tmp_path.iterdir()
    assert len(kept.read_text().splitlines()) < 50
    assert main(["--replay", str(kept), *loop]) == 1
    assert main(["--replay", str(kept), "--loop", "asyncio"]) == 0
    capfd.readouterr()
    assert main(["--script", str(kept)]) == 0
    (tmp_path / "script").mkdir()
    assert run_script(capfd.readouterr().out, tmp_path / "script")


def test_an_engine_that_is_missing_is_one_clear_error(capfd):
    assert main(["--loop", "no_such_engine:Loop"]) == 2
    assert "No module named 'no_such_engine'" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--programs", "0"], ["--jobs", "0"], ["--most", "-1"]])
def test_the_command_refuses_to_compare_nothing(capfd, arguments):
    with pytest.raises(SystemExit) as end:
        main(["--loop", "asyncio", *arguments])
    assert end.value.code == 2
    assert f"argument {arguments[0]}: {arguments[1]!r} is no whole" in capfd.readouterr().err


def test_a_program_that_is_missing_is_one_clear_error(capfd, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["--replay", str(tmp_path / "none.py"), "--loop", "asyncio"])
    assert end.value.code == 2
    assert "there is no file" in capfd.readouterr().err


@pytest.mark.needs_stook
@pytest.mark.parametrize("way", [order_engines.LAUNCHER, order_engines.LOOP_FACTORY])
@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_stook_keeps_the_order(way, clock):
    search = Search(order_engines.engine("stook", way), range(200), clock=clock)
    search.run()
    told = [program_text(divergence.program) for divergence in search.divergences]
    assert not told, told[0]
    assert search.programs == 200


@pytest.mark.needs_stook
@pytest.mark.parametrize("way", [order_engines.LAUNCHER, order_engines.LOOP_FACTORY])
@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_program_that_once_diverged(path, way, capfd):
    status = main(["--replay", str(path), "--loop", "stook", "--way", way])
    assert status == 0, capfd.readouterr().out
