"""What it costs to be told of hangs: the command without stook."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).resolve().parent.parent / "run_hangs.py"


@pytest.fixture
def run(tmp_path):
    """Run the command where stook cannot be imported."""
    # Before what is installed, whose path this does not hide.
    tmp_path.joinpath("stook.py").write_text("raise ImportError('there is none')\n")

    def run(*arguments):
        program = (
            f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r});"
            f"sys.argv = {['run_hangs.py', *arguments]!r};"
            f"sys.path.insert(0, {str(COMMAND.parent)!r});"
            f"runpy.run_path({str(COMMAND)!r}, run_name='__main__')"
        )
        return subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_its_help_needs_no_stook(run):
    ended = run("--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--tasks" in ended.stdout


def test_where_stook_cannot_be_imported_that_is_said(run):
    ended = run()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "bench: stook: ImportError: there is none\n"
