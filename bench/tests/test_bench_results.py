"""The arithmetic behind the ratios, and what is said about them."""

import io
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run
from driver import campaign, page, plot, text, verdicts
from driver.engines import ENGINES
from driver.machine import Context
from driver.processes import WorkerFailed, ask
from driver.results import Results
from driver.row import Clock, Lap, Row, Unit, WorkNotDone, expect


async def _nothing() -> float:
    return 0.0


FAST = Row("area/fast", "an operation", _nothing, goal=8, floor=3)
SLOW = Row("area/slow", "another", _nothing, goal=4, floor=3)
SIZE = Row("area/size", "a size", _nothing, unit=Unit.BYTES, limit=700)
APART = Row("other/row", "an echo", _nothing, counts=False)

FIGURES = {
    (FAST, "asyncio"): [400, 800, 600],
    (FAST, "uvloop"): [200, 400, 320],
    (FAST, "stook"): [20, 50, 40],
    (SLOW, "asyncio"): [400, 400, 400],
    (SLOW, "uvloop"): [100, 100, 100],
    (SLOW, "stook"): [200, 200, 200],
    (SIZE, "asyncio"): [1200, 1200, 1200],
    (SIZE, "uvloop"): [1500, 1500, 1500],
    (SIZE, "stook"): [750, 750, 750],
}


@pytest.fixture
def results():
    engines = [ENGINES[name] for name in ("asyncio", "uvloop", "stook")]
    results = Results([FAST, SLOW, SIZE], engines, 3)
    for (row, name), figures in FIGURES.items():
        for number, value in enumerate(figures):
            results.add(row, ENGINES[name], number, value)
    return results


@pytest.fixture
def results_apart(results):
    results.rows.append(APART)
    for name, value in {"asyncio": 200, "uvloop": 100, "stook": 250}.items():
        for number in range(3):
            results.add(APART, ENGINES[name], number, value)
    return results


def test_a_ratio_pairs_the_figures_of_a_round(results):
    assert results.ratio(FAST, "stook", "uvloop") == 8
    assert results.ratio(FAST, "stook", "asyncio") == 16
    results.add(FAST, ENGINES["stook"], 2, 16)
    # 200 / 20, 400 / 50 and 320 / 16; the ratio of the medians would be 320 / 20.
    assert results.ratio(FAST, "stook", "uvloop") == 10


def test_a_round_that_only_one_of_two_finished_is_left_out(results):
    results.add(FAST, ENGINES["stook"], 3, 1)
    assert results.ratio(FAST, "stook", "uvloop") == 8


def test_the_mean_is_geometric_and_counts_time_alone(results):
    assert results.mean_ratio(results.rows, "stook", "uvloop") == pytest.approx((8 * 0.5) ** 0.5)


def test_the_spread_is_a_part_of_the_median(results):
    assert results.spread(FAST, "uvloop") == pytest.approx(200 / 320)
    assert results.spread(SLOW, "uvloop") == 0


def test_losses_goals_and_required_rows_are_named(results):
    said = verdicts.verdicts(results)
    assert said[0] == "Rows stook loses: area/slow to uvloop (0.50)."
    assert said[-2] == (
        "Goals stook misses: area/slow (0.50 of 4 × uvloop); area/size (750 of 700 bytes)."
    )
    assert said[-1] == (
        "Required of stook: area/fast holds (16.0 of 3 × asyncio); "
        "area/slow DOES NOT HOLD (2.00 of 3 × asyncio)."
    )


def test_nothing_is_said_about_stook_where_it_did_not_run(results):
    results.engines.pop()
    assert verdicts.verdicts(results) == []


def test_a_row_that_does_not_count_is_no_part_of_the_verdicts(results, results_apart):
    said = verdicts.verdicts(results)
    assert said[0] == "Rows stook loses: area/slow to uvloop (0.50)."
    assert said[1].endswith("over the timed rows: 2.00 × uvloop and 5.66 × asyncio.")
    assert "other/row" not in "".join(said)


def test_a_row_that_does_not_count_is_lost_apart(results_apart):
    assert verdicts.verdicts_apart(results_apart) == [
        "Rows stook loses: other/row to uvloop (0.40).",
        "Geometric mean of stook over the timed rows: 0.40 × uvloop and 0.80 × asyncio.",
    ]
    context = Context("2026-01-01", "wall", {"python": "CPython"}, {"stook": "1"})
    written = page.markdown(results_apart, context, None)
    _, apart = written.split("## Outside task control")
    assert "other/row to uvloop (0.40)" in apart
    assert "| other/row | 0.50 | 1.00 | **0.40** (lost) |" in apart
    assert any("LOST to uvloop" in line for line in text.report(results_apart))


def test_nothing_is_said_apart_where_every_row_counts(results):
    assert verdicts.verdicts_apart(results) == []
    context = Context("2026-01-01", "wall", {"python": "CPython"}, {"stook": "1"})
    assert "Outside task control" not in page.markdown(results, context, None)


@pytest.mark.parametrize(("name", "fails"), [("uvloop", False), ("stook", True)])
def test_only_a_rival_may_lack_what_a_row_measures(monkeypatch, name, fails):
    monkeypatch.setattr(campaign, "ask", lambda *_: {"lacks": "no TLS"})
    results = campaign.run([APART], [ENGINES[name]], 1, (), io.StringIO())
    assert bool(results.failures) is fails
    reason = "failed" if fails else "not there"
    assert results.not_measured() == {(APART.name, name): f"{reason}: no TLS"}


def test_a_row_that_failed_is_no_goal_that_was_met(results):
    results.failed(FAST, ENGINES["stook"], "it broke")
    results.failed(SLOW, ENGINES["uvloop"], "it broke")
    said = verdicts.verdicts(results)[-2]
    assert "area/fast (not measured: stook failed)" in said
    assert "area/slow (not measured: uvloop failed)" in said


def test_an_interrupted_run_keeps_what_was_measured_and_says_so(monkeypatch):
    asked = []

    def ask(engine, *_):
        asked.append(engine.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return {"best": 100.0}

    monkeypatch.setattr(campaign, "ask", ask)
    engines = [ENGINES["asyncio"], ENGINES["stook"]]
    results = campaign.run([FAST], engines, 5, (), io.StringIO())
    # The second round begins with another one.
    assert asked == ["asyncio", "stook", "stook"]
    assert results.interrupted
    assert results.ratio(FAST, "stook", "asyncio") == 1


def test_an_interrupted_run_writes_no_page(monkeypatch, tmp_path, capsys):
    def interrupted(rows, engines, *_):
        return Results(list(rows), list(engines), 5, interrupted=True)

    monkeypatch.setattr(campaign, "run", interrupted)
    line = ["--rows", "sleep/zero_1$", "--implementations", "asyncio", "--out", f"{tmp_path}/page"]
    monkeypatch.setattr(sys, "argv", ["run.py", *line])
    assert run.main() == 130
    assert "interrupted" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_failed_row_keeps_no_figure_of_an_earlier_round(results):
    results.failed(FAST, ENGINES["stook"], "it broke")
    assert results.ratio(FAST, "stook", "uvloop") is None
    assert "  area/fast/stook    failed: it broke" in list(text.report(results))


def test_page_json_and_picture_show_the_same_ratio(results):
    context = Context("2026-01-01", "wall", {"python": "CPython"}, {"stook": "1"})
    assert "| area/fast | 0.50 | 1.00 | 8.00 |" in page.markdown(results, context, None)
    assert "| area/slow | 0.25 | 1.00 | **0.50** (lost) |" in page.markdown(results, context, None)
    rows = json.loads(page.as_json(results, context))["rows"]
    assert rows[0]["implementations"]["stook"]["times_uvloop"] == 8
    titles = [title.text for title in ElementTree.fromstring(plot.svg(results, "uvloop")).iter()]
    assert "area/fast/stook: 8.00 × uvloop" in titles
    assert not any(title and "area/size" in title for title in titles)


def test_the_least_driver_is_nobody_to_lose_to(results):
    results.engines.append(ENGINES["least"])
    for number in range(3):
        results.add(FAST, ENGINES["least"], number, 1)
        results.add(SLOW, ENGINES["least"], number, 1)
    assert results.lost(FAST, "stook") is None
    assert results.lost(SLOW, "stook") == "uvloop"


def test_every_implementation_can_be_drawn(results):
    results.engines = list(ENGINES.values())
    for engine in results.engines:
        results.add(FAST, engine, 0, 100)
    drawn = plot.svg(results, "uvloop")
    assert len(set(plot.COLOURS.values())) == len(ENGINES)
    assert all(f">{name}</text>" in drawn for name in ENGINES)


def test_a_rival_that_was_left_out_is_named_on_the_page(results):
    where = {"python": "CPython"}, {"stook": "1"}
    context = Context("2026-01-01", "wall", *where, {"rloop": "no such module"})
    written = page.markdown(results, context, None)
    assert "Left out:\n\n- rloop: no such module" in written
    assert json.loads(page.as_json(results, context))["left_out"] == {"rloop": "no such module"}
    assert "Left out" not in page.markdown(results, Context("2026-01-01", "wall", *where), None)


def test_a_lap_is_divided_by_its_operations():
    assert FAST.figure(Lap(10, wall=2e-6, processor=1e-6)) == pytest.approx(200)


def test_the_row_or_the_caller_can_ask_for_processor_time():
    lap = Lap(10, wall=2e-6, processor=1e-6)
    waits = Row("area/waits", "an operation", _nothing, clock=Clock.PROCESSOR)
    assert FAST.figure(lap, Clock.PROCESSOR) == pytest.approx(100)
    assert waits.figure(lap) == pytest.approx(100)


def test_another_result_is_refused():
    with pytest.raises(WorkNotDone, match="gave 1, not 2"):
        expect(1, 2)


def test_a_worker_answers_with_a_figure():
    assert ask(ENGINES["asyncio"], "task/create_await", "--seconds", "0.01")["best"] > 0


def test_a_worker_that_fails_says_how():
    with pytest.raises(WorkerFailed, match="invalid choice"):
        ask(ENGINES["asyncio"], "no/such_row")


def test_a_worker_that_is_killed_is_not_taken_for_one_that_warns(tmp_path):
    program = tmp_path / "worker.py"
    program.write_text("""
import os, signal, sys
print("DeprecationWarning: beware", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
""")
    with pytest.raises(WorkerFailed, match="ended by SIGSEGV after: DeprecationWarning: beware"):
        ask(ENGINES["asyncio"], worker=program)
