"""What is said about growth."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_growth
from driver.processes import WorkerFailed
from growth.report import Figures, lines, verdicts
from growth.series import SERIES, Collector

GATHER, COROUTINES = SERIES["gather/trivial"], SERIES["coroutine/closed"]


def figures_of(series, costs, collector=Collector.ON, into=None):
    """Figures of one round, one for each size."""
    figures = into or Figures()
    for size, cost in zip(series.sizes, costs, strict=True):
        figures.add((series.name, "stook", collector, size), cost)
    return figures


def test_growth_is_the_largest_size_against_the_cheapest():
    figures = figures_of(GATHER, [300, 200, 250, 300, 500])
    assert figures.growth(GATHER, "stook", Collector.ON) == 2.5
    assert figures.growth(GATHER, "stook", Collector.OFF) is None
    assert figures.growth(GATHER, "asyncio", Collector.ON) is None


def test_the_median_of_the_rounds_counts():
    figures = figures_of(GATHER, [200] * 5)
    for cost in (800, 300):
        figures.add((GATHER.name, "stook", Collector.ON, 1_000_000), cost)
    assert figures.growth(GATHER, "stook", Collector.ON) == 1.5


@pytest.mark.parametrize(("cost", "found"), [(400, 0), (401, 1)])
def test_a_series_may_grow_up_to_its_limit(cost, found):
    figures = figures_of(GATHER, [200, 200, 200, 200, cost])
    assert len(list(verdicts(figures, "stook"))) == found


@pytest.mark.parametrize(("coroutines", "is_ours"), [(500, False), (250, True), (None, True)])
def test_what_is_no_work_of_the_loop_excuses(coroutines, is_ours):
    figures = figures_of(GATHER, [200, 200, 200, 200, 800])
    if coroutines:
        figures_of(COROUTINES, [100, 100, 100, 100, coroutines], into=figures)
    (verdict,) = verdicts(figures, "stook")
    assert verdict.is_ours is is_ours
    assert "gather/trivial, collector on: one operation costs 4.00 times" in str(verdict)
    assert ("coroutine/closed alone" in str(verdict)) is (coroutines is not None)


def test_what_is_the_loops_own_is_told_beside_what_excuses_it():
    figures = Figures()
    for collector in Collector:
        figures_of(GATHER, [200, 180, 250, 400, 800], collector, figures)
        figures_of(COROUTINES, [100, 90, 100, 200, 500], collector, figures)
    assert figures.own(GATHER, "stook", Collector.OFF) == (90, 300)
    on, off = verdicts(figures, "stook")
    assert str(off).endswith("; the rest goes from 90 to 300 ns")
    assert "the rest" not in str(on)


def test_a_size_above_one_that_failed_is_not_tried(monkeypatch, tmp_path, capsys):
    tried = []

    def ask(engine, _worker, series, collector, size, *_, **__):
        tried.append((series, int(size)))
        if series == "event/waiters" and int(size) >= 1_000:
            raise WorkerFailed("it broke")
        return {"nanoseconds": 100.0}

    monkeypatch.setattr(run_growth, "ask", ask)
    line = ["--series", "^event", "--rounds", "2", "--implementations", "asyncio"]
    monkeypatch.setattr(sys, "argv", ["run_growth.py", *line, "--out", f"{tmp_path}/growth"])
    assert run_growth.main() == 0
    sizes = [100, 100, 1_000, 1_000, 100, 100]
    assert tried == [("event/waiters", size) for size in sizes]
    page = (tmp_path / "growth.md").read_text()
    assert "failed: event/waiters of 1,000 on asyncio, collector on: it broke" in page
    assert "- asyncio: of 3." in page and "- cores: " in page


def test_the_table_has_a_line_for_each_collector_and_says_what_failed():
    figures = figures_of(GATHER, [200] * 5)
    figures_of(GATHER, [100] * 5, Collector.OFF, into=figures)
    figures.failures[GATHER.name, "asyncio", Collector.OFF, 100] = "no memory"
    title, head, on, off, failed = lines(figures, ["asyncio", "stook"])
    assert title.startswith("gather/trivial: ")
    assert head.split()[-1] == "growth"
    assert on.split() == ["stook", "on", *["200"] * 5, "1.00"]
    assert {tuple(off.split()[:2]), tuple(failed.split()[:2])} == {
        ("asyncio", "off"),
        ("stook", "off"),
    }
    assert "failed" in off + failed
