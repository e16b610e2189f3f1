"""Runs a part of the tests under valgrind: ``python tests/run_valgrind.py [TESTS]``.

First a program that reads a future's memory after it was freed: valgrind has to find that, or the
rest would prove nothing. CPython's own allocator is off (``PYTHONMALLOC=malloc``), so that valgrind
sees each object by itself. What it says of the interpreter and not of stook is named in
``valgrind.supp``.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

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
        **os.environ,
        "PYTHONMALLOC": "malloc",
        "STOOK_TESTS_SLOW": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [*FRONT, sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, **options)


def main(tests):
    """Show that misuse is found, then run the tests; return the exit status."""
    planted = run(["-c", READS_FREED_MEMORY], capture_output=True, text=True)
    if planted.returncode != FOUND or "Invalid read" not in planted.stderr:
        print(planted.stdout, planted.stderr)
        print("valgrind: did not find that memory is read after it was freed")
        return 1
    print("valgrind: found the planted misuse:")
    print("\n".join(planted.stderr.splitlines()[:4]), flush=True)
    return run(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", *tests]).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or TESTS))
