"""What the runner of CPython's tests makes of a result: expected, listed, or a regression."""

import dataclasses
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from conformance import baseline, expected, judge, report, results, supervise  # noqa: E402


def module_of(**tests):
    return results.ModuleResult(
        "test_m", {f"test_m.{name}": results.TestResult(outcome) for name, outcome in tests.items()}
    )


ENTRY = expected.Entry("test_m.listed*", reason="why", link="where")


@pytest.mark.parametrize("outcome", sorted({*results.OUTCOMES} - {results.PASSED}))
def test_whatever_is_not_passing_is_a_regression_if_stock_passes(outcome):
    verdict = judge.judge(module_of(a="passed", b="passed"), module_of(a=outcome, b="passed"), [])
    assert list(verdict.regressions) == ["test_m.a"]
    assert (verdict.total, verdict.passed, verdict.stock_passed) == (2, 1, 2)
    assert not verdict.is_good


def test_a_test_that_is_gone_is_a_regression():
    verdict = judge.judge(module_of(a="passed"), module_of(), [])
    assert verdict.regressions["test_m.a"].outcome == results.NOT_RUN


def test_what_stock_knows_nothing_of_may_not_go_wrong():
    verdict = judge.judge(module_of(), module_of(a="error"), [])
    assert list(verdict.regressions) == ["test_m.a"]


@pytest.mark.parametrize(
    ("before", "now", "good"),
    [
        ("skipped", "failed", True),
        ("failed", "failed", True),
        ("xfail", "xpass", True),
        ("failed", "crashed", False),
        ("skipped", "hung", False),
        ("crashed", "crashed", True),
    ],
)
def test_what_does_not_pass_on_stock_may_do_anything_but_die(before, now, good):
    assert judge.judge(module_of(a=before), module_of(a=now), []).is_good is good


def test_a_listed_test_is_expected_to_fail_and_wrong_to_pass():
    stock = module_of(listed_1="passed", listed_2="passed")
    verdict = judge.judge(stock, module_of(listed_1="failed", listed_2="passed"), [ENTRY])
    assert verdict.listed == {"test_m.listed_1": "why"}
    assert verdict.stale == ["test_m.listed_2"]
    assert not verdict.regressions
    assert not verdict.is_good


@pytest.mark.parametrize("outcome", ["crashed", "hung"])
def test_a_listed_test_may_fail_but_not_die(outcome):
    verdict = judge.judge(module_of(listed_1="passed"), module_of(listed_1=outcome), [ENTRY])
    assert list(verdict.regressions) == ["test_m.listed_1"]
    assert not verdict.listed


def test_a_test_that_stock_no_longer_passes_either_is_unsettled():
    here = module_of(a="failed")
    here.tests["test_m.a"].stock_fails_too = True
    here.tests["test_m.a"].again = "seen"
    verdict = judge.judge(module_of(a="passed"), here, [])
    assert verdict.unsettled == {"test_m.a": "seen"}
    assert verdict.is_good
    assert verdict.differing == 1


def test_an_entry_for_no_test_is_stale_but_only_in_its_own_module():
    other = dataclasses.replace(ENTRY, id="test_other.listed")
    verdict = judge.judge(module_of(a="passed"), module_of(a="passed"), [ENTRY, other])
    assert verdict.stale == ["test_m.listed* (matches no test)"]


def test_an_entry_applies_to_the_runs_it_names():
    entry = dataclasses.replace(ENTRY, versions=("3.12",), modes=("types",), debug=True)
    assert entry.applies_to("3.12", "types", True)
    assert not entry.applies_to("3.11", "types", True)
    assert not entry.applies_to("3.12", "both", True)
    assert not entry.applies_to("3.12", "types", False)
    assert ENTRY.applies_to("3.11", "loop", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[expected]]\nid = "test_m.x"\nlink = "l"\n', "lacks reason"),
        ('[[expected]]\nid = "*.x"\nreason = "r"\nlink = "l"\n', "name its module in full"),
        (
            '[[expected]]\nid = "test_m.x"\nreason = "r"\nlink = "l"\nmodes = ["fast"]\n',
            "unknown modes fast",
        ),
        (
            '[[expected]]\nid = "test_m.x"\nreason = "r"\nlink = "l"\nversion = "3.12"\n',
            "unknown fields version",
        ),
        ("[expectd]\n", r"only \[\[expected\]\]"),
    ],
)
def test_a_list_that_says_something_unknown_is_refused(tmp_path, text, message):
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(expected.BadEntry, match=message):
        expected.read(path)


def test_every_entry_of_the_project_links_to_a_text_that_is_there():
    for entry in expected.read():
        assert len(entry.reason) > 10
        if not entry.link.startswith("https://"):
            assert (ROOT / entry.link.partition("#")[0]).exists(), entry.link


def test_the_table_shows_what_passes_of_what_stock_passes(tmp_path):
    settings = supervise.Settings("asyncio", "types")
    listed = judge.judge(module_of(a="passed", listed="passed"), module_of(a="passed"), [ENTRY])
    report.keep(report.describe(settings, [listed]), tmp_path)
    other = results.ModuleResult("test_n", {"test_n.a": results.TestResult("passed")})
    report.keep(report.describe(settings, [judge.judge(other, other, [])]), tmp_path)
    table = report.render(report.read_kept(tmp_path))
    assert f"## asyncio, CPython {baseline.version_name()}\n" in table
    assert "| module | types |\n" in table
    assert "| test_m | 1 / 2, 1 listed |" in table
    assert "| test_n | 1 / 1 |" in table
    assert "| **all** | 2 / 3, 1 listed |" in table
    assert f"| asyncio | {baseline.version_name()} | types | 2 | 3 | 1 | 0 |" in table


def test_the_table_has_nothing_of_another_commit(tmp_path):
    settings = supervise.Settings("stook", "both")
    same = module_of(a="passed")
    before = report.describe(settings, [judge.judge(same, same, [])])
    report.keep({**before, "engine_version": "another"}, tmp_path)
    other = results.ModuleResult("test_n", {"test_n.a": results.TestResult("passed")})
    report.keep(report.describe(settings, [judge.judge(other, other, [])]), tmp_path)
    [run] = report.read_kept(tmp_path)
    assert list(run["modules"]) == ["test_n"]
