"""What the run under valgrind makes of the programs of ``tests/natives``."""

from pathlib import Path

from run_valgrind import applies_nesting, natives

NATIVES = Path(__file__).parent / "natives"


def test_programs_that_nest_loops_come_last():
    nesting = [applies_nesting(path) for path in natives()]
    assert any(nesting)
    assert nesting == sorted(nesting)


def test_every_program_is_run_once():
    names = sorted(path.name for path in natives())
    assert names == sorted(path.name for path in NATIVES.glob("*.py") if path.name != "trials.py")
