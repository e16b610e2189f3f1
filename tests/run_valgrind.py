"""Runs a part of the tests under valgrind: ``python tests/run_valgrind.py [TESTS]``.

First the interpreter alone, in which valgrind has to find nothing: in some builds it does, and
what it says of stook then means nothing. Then a program that reads a future's memory after it was
freed: valgrind has to find that, or the rest would prove nothing. Then the tests in ``TESTS``, the
programs of ``tests/natives``, and random programs, in which the operations of asyncio meet in ways
nobody thought of; with tests named, those alone. CPython's own allocator is off
(``PYTHONMALLOC=malloc``), so that valgrind sees each object by itself. What it says of the
interpreter and not of stook is named in ``valgrind.supp``.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.append(str(ROOT))

from conformance.order import engines  # noqa: E402
from conformance.order.generate import generate  # noqa: E402
from conformance.order.render import program_text  # noqa: E402

FOUND = 99
"""The exit status by which valgrind says that it has found something."""

TESTS = [
    "tests/test_futures.py",
    "tests/test_futures_await.py",
    "tests/test_futures_callbacks.py",
    "tests/test_gather.py",
    "tests/test_gc.py",
    "tests/test_handles.py",
    "tests/test_sleep.py",
    "tests/test_tasks.py",
    "tests/test_tasks_cancel.py",
    "tests/test_uninitialised.py",
    "tests/test_wait.py",
]

RANDOM_PROGRAMS = 200

RUNS_NATIVES = """
import runpy, sys

sys.path.insert(0, "tests/natives")
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="__main__")
"""

READS_FREED_MEMORY = """
import ctypes, gc, stook

loop = stook.new_event_loop()
future = loop.create_future()
address = id(future)
del future
gc.collect()
ctypes.string_at(address, 64)
loop.close()
"""

FRONT = [
    "valgrind",
    "--quiet",
    f"--error-exitcode={FOUND}",
    "--num-callers=30",
    f"--suppressions={HERE / 'valgrind.supp'}",
]


def run(arguments, **options):
    """Run this interpreter under valgrind and return the finished process."""
    environment = {
        **engines.environment(),
        "PYTHONMALLOC": "malloc",
        "STOOK_TESTS_OURS_ONLY": "1",
        "STOOK_TESTS_SLOW": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [*FRONT, sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, text=True, **options)


def interpreter_is_clean():
    """Whether valgrind finds nothing in this interpreter where it does nothing."""
    alone = run(["-S", "-c", "pass"], capture_output=True)
    if alone.returncode == 0:
        return True
    print("\n".join(alone.stderr.splitlines()[:6]))
    print(
        "valgrind finds this in the interpreter itself: another build has to be taken", flush=True
    )
    return False


def finds_the_planted_misuse():
    """Whether valgrind finds that a program reads memory after it was freed."""
    planted = run(["-c", READS_FREED_MEMORY], capture_output=True)
    if planted.returncode != FOUND or "Invalid read" not in planted.stderr:
        print(planted.stdout, planted.stderr)
        return False
    print("\n".join(planted.stderr.splitlines()[:4]), flush=True)
    return True


def tests_pass(tests):
    """Whether tests pass and valgrind finds nothing meanwhile."""
    return run(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", *tests]).returncode == 0


def natives():
    """Return the programs of ``tests/natives`` in the order in which one process runs them.

    Those that apply ``nest_asyncio`` come last. After it all runs share one loop, with the timers
    that earlier ones left: a program then waits for theirs, minutes on end.
    """
    programs = [path for path in (HERE / "natives").glob("*.py") if path.name != "trials.py"]
    return sorted(programs, key=lambda path: (applies_nesting(path), path))


def applies_nesting(path):
    """Whether a program allows loops to be nested, for as long as its process lives."""
    return "nest_asyncio.apply()" in path.read_text(encoding="utf-8")


def natives_are_clean():
    """Whether valgrind finds nothing while stook runs the programs of ``tests/natives``."""
    return ended_well(run(["-m", "stook", "-c", RUNS_NATIVES, *natives()], capture_output=True))


def random_programs_are_clean():
    """Whether valgrind finds nothing while a worker runs random programs, all of them."""
    texts = [program_text(generate(seed, clock="virtual")) for seed in range(RANDOM_PROGRAMS)]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    _python, *worker = engines.engine("stook").command()
    process = run(worker, input=lines, capture_output=True)
    return ended_well(process) and len(process.stdout.splitlines()) == RANDOM_PROGRAMS


def ended_well(process):
    """Whether a process ended with status zero; what it and valgrind said is shown if not."""
    if process.returncode != 0:
        print(process.stderr)
    return process.returncode == 0


def main(tests):
    """Make the checks and return the exit status."""
    print("valgrind: the interpreter alone", flush=True)
    if not interpreter_is_clean():
        return 1
    steps = {
        "the planted misuse": finds_the_planted_misuse,
        "tests": lambda: tests_pass(tests or TESTS),
    }
    if not tests:
        steps["the programs of tests/natives"] = natives_are_clean
        steps[f"{RANDOM_PROGRAMS} random programs"] = random_programs_are_clean
    failed = []
    for name, step in steps.items():
        print(f"valgrind: {name}", flush=True)
        if not step():
            failed.append(name)
            print(f"valgrind: {name}: FAILED", flush=True)
    print("valgrind: " + (f"failed: {', '.join(failed)}" if failed else "nothing found"))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
