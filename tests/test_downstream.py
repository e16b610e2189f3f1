"""The runner of other packages' suites, on small suites that do what real ones must not."""

import dataclasses
import json
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from downstream import command, compare, page, projects, supervise  # noqa: E402


def results(**outcomes):
    return {name: {"outcome": outcome, "detail": outcome} for name, outcome in outcomes.items()}


def settle(stock, ours, again=None, **options):
    return compare.settle(stock, ours, lambda names: again or (stock, ours), **options)


@pytest.mark.parametrize("outcome", ["failed", "error", "hung", "crashed", "not run"])
def test_what_passes_on_stock_alone_is_a_difference(outcome):
    stock, ours = results(a="passed", b="passed"), results(a=outcome, b="passed")
    comparison = settle(stock, ours)
    assert comparison.differences == {"a": "only on stook"}
    assert comparison.details == {"a": outcome}
    assert not comparison.is_clean


def test_what_is_skipped_or_missing_on_stook_alone_is_a_difference():
    stock = results(a="passed", b="passed", c="skipped")
    comparison = settle(stock, results(a="skipped", c="skipped"))
    assert comparison.differences == {"a": "newly skipped", "b": "missing"}


def test_what_fails_on_stock_is_no_difference_but_counted():
    stock, ours = results(a="failed", b="failed"), results(a="error", b="passed")
    comparison = settle(stock, ours)
    assert comparison.is_clean
    assert comparison.failing_on_both == ["a"]


@pytest.mark.parametrize("outcome", ["crashed", "hung"])
def test_what_dies_on_stook_has_no_excuse(outcome):
    stock, ours = results(a="failed", b="passed"), results(a=outcome, b=outcome)
    comparison = settle(stock, ours, (stock, results(a="failed", b="passed")))
    assert comparison.differences == {"a": "only on stook", "b": "only on stook"}
    assert settle(stock, ours, expected=["a", "b"]).differences == comparison.differences
    assert settle(ours, ours).is_clean


def test_a_file_that_cannot_be_read_on_stook_alone_is_a_difference():
    comparison = settle(results(a="passed"), results(a="passed", file="error"))
    assert comparison.differences == {"file": "only on stook"}


def test_what_differs_is_run_again_and_is_flaky_if_it_passes_then():
    stock, ours = results(a="passed", b="passed"), results(a="failed", b="failed")
    again = results(a="passed", b="passed"), results(a="passed", b="failed")
    comparison = settle(stock, ours, again)
    assert (comparison.flaky, list(comparison.differences)) == (["a"], ["b"])


def test_what_differs_is_run_again_with_the_other_tests_of_its_file():
    names = "d/test_x.py::test_1", "d/test_x.py::Tests::test_2[_UnixSelectorEventLoop]", "test_y.py"
    asked = []

    def run_again(patterns):
        asked.extend(patterns)
        return results(**dict.fromkeys([*names, "other"], "passed")), results(other="passed")

    stock = results(**dict.fromkeys([*names, "other"], "passed"), both="failed")
    ours = results(**dict.fromkeys([*names, "other"], "failed"), both="failed")
    assert len(compare.settle(stock, ours, run_again).differences) == 3
    assert asked == ["d/test_x.py::*", "other::*", "test_y.py::*"]


def test_a_failure_on_stock_that_goes_away_does_not_hide_one_on_stook():
    stock, ours = results(a="failed"), results(a="hung")
    comparison = settle(stock, ours, (results(a="passed"), results(a="failed")))
    assert comparison.differences == {"a": "only on stook"}


def test_the_name_of_the_loop_in_an_id_is_no_difference():
    stock = {"test_x[_UnixSelectorEventLoop-1]": {"outcome": "passed"}}
    ours = {"test_x[EventLoop-1]": {"outcome": "passed"}}
    assert settle(stock, ours).is_clean


def test_an_expected_difference_is_listed_and_must_be_one():
    stock, ours = results(a="passed", b="passed"), results(a="failed", b="passed")
    comparison = settle(stock, ours, expected=["a", "b"])
    assert comparison.expected == {"a": "only on stook"}
    assert (comparison.differences, comparison.stale) == ({}, ["b"])
    assert not comparison.is_clean


def test_the_projects_can_be_read():
    for name, project in projects.read().items():
        assert project.name == name
        assert len(project.sha256) == 64
        assert project.requirements.read_text(encoding="utf-8")


ORIGIN = {"date": "2001-02-03", "stook": "abcdef1", "machine": "a machine"}


def test_the_page_has_a_row_for_each_run_and_every_difference(tmp_path):
    known = projects.read()
    stock, ours = results(a="passed", b="passed", c="passed"), results(a="failed", b="passed")
    page.keep(known["uvicorn"], "loop", settle(stock, ours), ORIGIN, tmp_path)
    page.write(known, tmp_path / "page.md", tmp_path)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert f"| uvicorn {known['uvicorn'].version} |" in text
    assert "| 3 | 1 | 0 | 0 | 2 | abcdef1 | 2001-02-03 |" in text
    assert "Run on: a machine." in text
    assert "`loop`: only on stook: `a`" in text
    assert "`loop`: missing: `c`" in text


def test_the_page_names_what_differed_once(tmp_path):
    known = projects.read()
    stock, ours = results(a="passed"), results(a="failed")
    page.keep(known["anyio"], "loop", settle(stock, ours, (stock, stock)), ORIGIN, tmp_path)
    page.write(known, tmp_path / "page.md", tmp_path)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "`loop`: differed once, and not when its file was run again: `a`" in text


def test_a_run_of_nothing_is_no_success(monkeypatch, capsys):
    monkeypatch.setattr(command.place, "prepare", lambda project: None)
    monkeypatch.setattr(command.supervise, "run", lambda *_: results(**{"a/test_x.py": "skipped"}))
    assert command.main(["--projects", "anyio", "--match", "nothing"]) == command.UNUSABLE
    assert "anyio has no test that matches 'nothing'" in capsys.readouterr().err


SUITE = """
import os, time
import asyncio
import pytest

def test_passes(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("not today")
@pytest.mark.xfail
def test_fails_as_expected(): assert False
@pytest.fixture
def broken(): raise ValueError
def test_with_a_broken_fixture(broken): pass
def test_kills_the_process(): os.abort()
def test_ends_the_process(): os._exit(3)
def test_hangs(): time.sleep(600)
def test_runs_after_all_that(): pass
def test_is_left_out(): assert False
def test_is_on_stook(): assert asyncio.Task.__module__ == "stook"
"""


@pytest.fixture
def suite(tmp_path):
    """Return a suite in a directory of its own, run by this interpreter."""
    import stook

    (tmp_path / "test_it.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return supervise.Suite(
        python=sys.executable,
        directory=tmp_path,
        arguments=(),
        left_out=("*::test_is_left_*",),
        stook=Path(stook.__file__).parent.parent,
        test_timeout=40,
    )


def outcomes_of(suite, way, only=None):
    ran = supervise.run(suite, way, only)
    return {name.rpartition("_it.py::test_")[2]: each["outcome"] for name, each in ran.items()}


def test_every_test_of_a_suite_gets_its_outcome(suite):
    expected = {
        "passes": "passed",
        "fails": "failed",
        "is_skipped": "skipped",
        "fails_as_expected": "passed",
        "with_a_broken_fixture": "error",
        "kills_the_process": "crashed",
        "ends_the_process": "crashed",
        "hangs": "hung",
        "runs_after_all_that": "passed",
        "is_on_stook": "failed",
    }
    assert outcomes_of(dataclasses.replace(suite, test_timeout=8), "stock") == expected


def test_the_launcher_and_the_loop_are_what_the_ways_say(suite):
    only = ["test_it.py::test_is_on_stook"]
    assert outcomes_of(suite, "launcher", only) == {"is_on_stook": "passed"}
    assert outcomes_of(suite, "loop", only) == {"is_on_stook": "failed"}
    (suite.directory / "test_it.py").write_text(ON_LOOP, encoding="utf-8")
    assert outcomes_of(suite, "loop") == {"loop": "passed"}
    assert outcomes_of(suite, "launcher") == {"loop": "passed"}
    assert outcomes_of(suite, "stock") == {"loop": "failed"}


ON_LOOP = """
import asyncio, subprocess, sys

def test_loop():
    with asyncio.Runner() as runner:
        assert type(runner.get_loop()).__module__ == "stook.events"
"""


def test_what_a_test_starts_is_on_stook_as_well(suite):
    (suite.directory / "test_it.py").write_text(CHILD, encoding="utf-8")
    assert outcomes_of(suite, "launcher") == {"child": "passed"}
    assert outcomes_of(suite, "loop") == {"child": "failed"}


CHILD = """
import subprocess, sys

def test_child():
    program = "import asyncio; print(asyncio.Task.__module__)"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert child.stdout == "stook\\n", child.stderr
"""


def test_control_c_is_not_ignored_if_the_command_runs_in_the_background(suite):
    (suite.directory / "test_it.py").write_text(INTERRUPTED, encoding="utf-8")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert outcomes_of(suite, "stock") == {"interrupt": "passed"}
    finally:
        signal.signal(signal.SIGINT, before)


INTERRUPTED = """
import signal, pytest

def test_interrupt():
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
"""


def test_a_suite_that_cannot_start_is_an_error(suite):
    (suite.directory / "conftest.py").write_text("raise RuntimeError('no')", encoding="utf-8")
    with pytest.raises(supervise.CannotRun, match="RuntimeError: no"):
        supervise.run(suite, "stock")


def test_results_are_kept_as_json(tmp_path):
    known = projects.read()["anyio"]
    same = settle(results(a="passed"), results(a="passed"))
    page.keep(known, "loop", same, page.circumstances(), tmp_path)
    (path,) = tmp_path.glob("*.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["machine"]
    assert kept["counts"] == {"stock": {"passed": 1}, "stook": {"passed": 1}}
