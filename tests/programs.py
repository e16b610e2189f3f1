"""Programs run in an interpreter of their own."""

import os
import subprocess
import sys

TIME_LIMIT_SECONDS = 50.0


def run_python(arguments, *, environment=None, stdin="", cwd=None, timeout=TIME_LIMIT_SECONDS):
    """Run this interpreter and return the finished process, output as text.

    Where ``PYTHONASYNCIODEBUG`` is given, it alone decides on debug mode.

    Args:
        arguments: What follows the interpreter on the command line.
        environment: Variables set in addition to the present ones.
        stdin: What the program can read.
        cwd: Working directory; the present one when ``None``.
        timeout: Seconds after which the program is killed.

    Raises:
        subprocess.TimeoutExpired: The program did not end.
    """
    # What is found from here must be found from another working directory too.
    search_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    search_path = os.pathsep.join(os.path.abspath(entry) for entry in search_path if entry)
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": search_path,
            "PYTHONUNBUFFERED": "1",
            **(out_of_development_mode() if "PYTHONASYNCIODEBUG" in (environment or {}) else {}),
            **(environment or {}),
        },
        timeout=timeout,
        check=False,
    )


def out_of_development_mode():
    """Return changes to this environment that leave of development mode only the checked memory.

    It switches asyncio's debug mode on, whatever ``PYTHONASYNCIODEBUG`` says.
    """
    if os.environ.get("PYTHONDEVMODE"):
        return {"PYTHONDEVMODE": "", "PYTHONMALLOC": "debug"}
    return {}


def output_of(process):
    """Return what a program printed, after checking that it ended well and said nothing else."""
    assert process.returncode == 0, process.stderr
    assert process.stderr == "", process.stderr
    return process.stdout
