"""Counted instructions: what is read of a profile, what is compared, and what is said."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import compare_instructions
import counted
import instructions
from counting import callgrind, figures, programs, table
from counting.callgrind import CountingFailed, Part
from counting.figures import Figures, Kept, Setting
from counting.programs import Program
from counting.verdicts import Comparison, Line, Verdict
from driver import campaign
from driver.processes import environment

BENCH = Path(__file__).resolve().parent.parent
KERNEL = Setting("kernel", "x86_64", "1.95.0")
STEPS = Setting("task steps", "x86_64", "1.95.0", "3.11.2")
OWN = re.compile(r"/_core\.so$")

PROFILE = """\
# callgrind format
version: 1
part: 2
positions: line
events: Ir
summary: 1160

ob=(1) /there/_core.so
fl=(1) ???
fn=(1) step
0 100
cfn=(2) inner
calls=3 0
0 60
cob=(2) /usr/bin/python3
cfi=(2) object.c
cfn=(3) allocate
calls=2 10
0 1000
+3 7

fn=(2)
* 60

ob=(2)
fl=(2)
fn=(3)
10 900
cob=(3) /lib/libc.so.6
cfn=(4) malloc
calls=2 0
* 50
cob=(1)
cfn=(2)
calls=1 0
-2 20

ob=(3)
fn=(4)
0 93

totals: 1160
"""


def test_instructions_count_where_they_are_executed_and_calls_where_they_leave():
    assert callgrind.read(PROFILE, OWN) == Part(own=167, calls=2, all=1160)


def test_a_profile_without_the_object_file_has_nothing_of_its_own():
    assert callgrind.read(PROFILE, re.compile("another")) == Part(own=0, calls=0, all=1160)


@pytest.mark.parametrize(
    ("committed", "now", "verdict"),
    [
        (1000, 1031, Verdict.RISEN),
        (1000, 1029, Verdict.SAME),
        (1000, 1000, Verdict.SAME),
        (1000, 971, Verdict.SAME),
        (1000, 969, Verdict.FALLEN),
        (0, 0, Verdict.SAME),
        (0, 0.5, Verdict.RISEN),
        (24, 25, Verdict.RISEN),
        (None, 5, Verdict.NEW),
        (5, None, Verdict.MISSING),
    ],
)
def test_a_rise_of_more_than_three_percent_is_told_from_the_rest(committed, now, verdict):
    assert Line("a/row", committed, now).verdict is verdict


@pytest.mark.parametrize(
    ("now", "fails", "is_stale"),
    [
        (Figures({"a": 103.1, "b": 10}, {}, {"a": 500, "b": 20}), True, False),
        (Figures({"a": 102.9, "b": 10}, {}, {"a": 514, "b": 20}), False, False),
        (Figures({"a": 100, "b": 10}, {}, {"a": 516, "b": 20}), True, False),
        (Figures({"a": 100, "b": 10}, {"a": 50}, {"a": 500, "b": 20}), False, False),
        (Figures({"a": 90, "b": 10}, {}, {"a": 500, "b": 20}), False, True),
        (Figures({"a": 100}, {}, {"a": 500}), True, False),
        (Figures({"a": 100, "b": 10, "c": 1}, {}, {"a": 500, "b": 20, "c": 1}), False, True),
    ],
    ids=["risen", "within", "risen elsewhere", "more calls", "fallen", "missing", "new"],
)
def test_one_row_decides(now, fails, is_stale):
    committed = Figures({"a": 100, "b": 10}, {"a": 5}, {"a": 500, "b": 20})
    comparison = Comparison.of(committed, now)
    assert (comparison.fails, comparison.is_stale) == (fails, is_stale)


def test_instructions_of_another_build_are_not_compared():
    kept = Kept({"a": 100.0}, {"a": 5.0}, {"one": {"a": 500.0}})
    now = Figures({"a": 100.0}, {"a": 5.0}, {"a": 900.0})
    assert Comparison.of(kept.of_build("one"), now).fails
    assert not Comparison.of(kept.of_build("two"), now).fails
    now.own["a"] = 104.0
    assert Comparison.of(kept.of_build("two"), now).fails


def test_writing_keeps_what_other_builds_have():
    kept = Kept({"a": 100.0}, {"a": 5.0}, {"one": {"a": 500.0}, "two": {"a": 600.0}})
    now = Figures({"a": 90.0}, {"a": 4.0}, {"a": 450.0})
    everywhere = {"one": {"a": 450.0}, "two": {"a": 600.0}}
    assert kept.replaced(now, "one") == Kept({"a": 90.0}, {"a": 4.0}, everywhere)
    assert kept.replaced(now, None) == Kept({"a": 90.0})


def test_the_table_names_the_figures_the_changes_and_the_verdict():
    known = Figures({"a/row": 100.0, "gone": 7.0}, {"a/row": 5.0}, {"a/row": 500.0, "gone": 9.0})
    now = Figures(
        {"a/row": 104.0, "fresh": 3.0},
        {"a/row": 4.0, "fresh": 1.0},
        {"a/row": 400.0, "fresh": 8.0},
    )
    text = table.compared(Comparison.of(known, now), now).splitlines()
    assert " ".join(text[1].split()) == (
        "a/row 100.0 104.0 +4.0% 500.0 400.0 -20.0% 5.00 4.00 -20.0% "
        "RISEN; everywhere fallen: commit the figure"
    )
    assert text[2].endswith("new: commit the figure")
    assert text[3].endswith("no longer counted")


def test_figures_come_back_as_they_were_written():
    committed = {
        STEPS: Kept({"a/row": 1234.5}, {"a/row": 12.25}, {"abc": {"a/row": 5.0}, "ab": {}}),
        KERNEL: Kept({"a/row": 24.0}),
    }
    assert figures.parse(figures.dump(committed)) == committed
    assert figures.dump(dict(reversed(committed.items()))) == figures.dump(committed)


def test_what_is_committed_has_the_rows_that_are_counted():
    committed = figures.load()
    assert {setting.what for setting in committed} == {KERNEL.what, STEPS.what}
    steps = [kept for setting, kept in committed.items() if setting.what == STEPS.what]
    for rows in [rows for kept in steps for rows in (kept.own, *kept.everywhere.values())]:
        assert list(rows) == list(counted.ROWS)


class Counted:
    """A program that gives one set of figures after the other."""

    def __init__(self, setting, *runs):
        self.setting = setting
        self.build = None if setting == KERNEL else "build"
        self.runs = list(runs)

    def count(self):
        return self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]


def passes(*runs, committed=100.0, setting=STEPS):
    known = {STEPS: Kept({"a": committed}, {"a": 1.0}, {"build": {"a": 500.0}})}
    given = [Figures({"a": run}, {"a": 1.0}, {"a": 500.0}) for run in runs]
    return instructions.passes(Counted(setting, *given), known)


def test_a_rise_that_stays_fails_and_says_how_to_commit_it(capsys):
    assert not passes(104)
    said = capsys.readouterr().out
    assert "RISEN" in said and "cargo xtask instructions --write" in said


def test_a_rise_that_goes_when_counted_again_is_none(capsys):
    assert passes(104, 105, 101)
    assert "RISEN" not in capsys.readouterr().out


def test_a_fall_passes_and_is_told(capsys):
    assert passes(90)
    assert "write them anew" in capsys.readouterr().out


def test_another_setting_is_shown_and_compared_with_nothing(capsys):
    assert passes(200, setting=Setting("task steps", "x86_64", "1.96.0", "3.11.2"))
    said = capsys.readouterr().out
    assert "200.0" in said and "nothing is compared" in said


def test_one_program_that_fails_fails_the_command_and_the_other_is_counted(monkeypatch, capsys):
    known = {KERNEL: Kept({"a": 10.0}), STEPS: Kept({"b": 10.0}, {"b": 0.0})}
    kernel = Counted(KERNEL, Figures({"a": 20.0}, {"a": 0.0}, {"a": 20.0}))
    steps = Counted(STEPS, Figures({"b": 10.0}, {"b": 0.0}, {"b": 30.0}))
    monkeypatch.setattr(instructions, "PROGRAMS", (lambda: kernel, lambda: steps))
    monkeypatch.setattr(figures, "load", lambda: known)
    monkeypatch.setattr(programs, "otherwise_built", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(sys, "argv", ["instructions.py"])
    assert instructions.main() == 1
    said = capsys.readouterr().out
    assert str(KERNEL) in said and str(STEPS) in said
    kernel.runs = [Figures({"a": 10.0}, {"a": 0.0}, {"a": 20.0})]
    assert instructions.main() == 0


@pytest.mark.parametrize("command", [instructions, compare_instructions])
def test_without_valgrind_the_command_fails_and_says_how_to_get_it(monkeypatch, capsys, command):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(sys, "argv", [command.__name__])
    assert command.main() == 1
    assert "apt-get install valgrind" in capsys.readouterr().err


def test_a_rival_that_is_missing_is_named_before_anything_is_counted(monkeypatch, capsys):
    def refuse(names, *, all_wanted):
        assert all_wanted and "uvloop" in names
        raise campaign.CannotCompare("uvloop: No module named 'uvloop'")

    monkeypatch.setattr(campaign, "available", refuse)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(sys, "argv", ["compare_instructions.py"])
    assert compare_instructions.main() == 1
    assert capsys.readouterr().err == "error: uvloop: No module named 'uvloop'\n"


def test_figures_of_another_kind_of_build_are_not_written(monkeypatch, capsys):
    monkeypatch.setenv("RUSTFLAGS", "-C target-cpu=native")
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(sys, "argv", ["instructions.py", "--write"])
    assert instructions.main() == 1
    assert "RUSTFLAGS" in capsys.readouterr().err


def program_of(monkeypatch, printed, parts):
    monkeypatch.setattr(callgrind, "run", lambda command, own: (printed, parts))
    return Program(STEPS, ["program"], OWN, operations=10)


def test_an_operation_is_what_the_larger_run_has_beyond_the_smaller(monkeypatch):
    warming = Part(10**6, 10**6, 10**6)
    parts = [Part(150, 25, 400), Part(250, 35, 700), warming, Part(90, 1, 95), Part(120, 2, 125)]
    found = program_of(monkeypatch, "a\nb\n", parts).count()
    assert found == Figures({"a": 10.0, "b": 3.0}, {"a": 1.0, "b": 0.1}, {"a": 30.0, "b": 3.0})


@pytest.mark.parametrize(
    ("printed", "parts"),
    [
        ("", []),
        ("a\nb\n", [Part(1, 0, 1)] * 4),
        ("a\n", [Part(5, 0, 9), Part(5, 0, 20)]),
    ],
    ids=["no row", "a marker is missing", "nothing of its own"],
)
def test_a_program_that_did_not_what_it_should_is_refused(monkeypatch, printed, parts):
    with pytest.raises(CountingFailed):
        program_of(monkeypatch, printed, parts).count()


def test_every_row_does_the_operations_it_says():
    finished = subprocess.run(
        [sys.executable, BENCH / "counted.py"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.split() == list(counted.ROWS)
