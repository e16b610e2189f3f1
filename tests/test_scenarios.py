"""The scenarios that both faces run: on stock asyncio, and by every way in to stook."""

import json
import pathlib
import sys

import pytest
from scenarios import command, ways
from scenarios.command import main
from scenarios.draw import draw
from scenarios.files import Scenario, corpus
from scenarios.stage import Deadlock, Stage

from engines import INSTALLED, OURS_ONLY, STOCK_ONLY

SCENARIOS = {scenario.name: scenario for scenario in corpus() if scenario.runs_on()}


def chosen_ways():
    """Return the ways of this run; after ``install()`` there is one."""
    if INSTALLED:
        return ["installed"]
    chosen = ["tasks", "loop_factory", "names"]
    if STOCK_ONLY:
        return [ways.STOCK]
    return chosen if OURS_ONLY else [ways.STOCK, *chosen]


@pytest.mark.parametrize("way", chosen_ways())
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_observed_is_what_the_file_says(name, way):
    scenario = SCENARIOS[name]
    if STOCK_ONLY and ways.by(scenario) != ways.BY_STOCK:
        pytest.skip("asyncio alone has nothing for it, and this run has no stook")
    lines = ways.observe(scenario, way)
    assert scenario.same(lines, scenario.expected()), lines


def test_there_are_enough_and_how_many_differ_in_rust():
    differ = [scenario for scenario in SCENARIOS.values() if "observed" in scenario.rust]
    print(
        f"{len(SCENARIOS)} scenarios, the tokio face has observations of its own of {len(differ)}"
    )
    assert len(SCENARIOS) >= 60
    assert all("difference" in scenario.rust for scenario in differ)


def test_each_says_what_it_is_about_once():
    abouts = [scenario.about for scenario in SCENARIOS.values()]
    assert len(set(abouts)) == len(abouts)


def scenario_of(tmp_path, **tasks):
    folder = tmp_path / "some"
    folder.mkdir(exist_ok=True)
    path = folder / "scenario.json"
    content = {"about": "A test.", "at_one_time": True, "tasks": tasks}
    path.write_text(json.dumps(content), encoding="utf-8")
    return Scenario(path, path.read_text(encoding="utf-8"))


def test_one_that_waits_for_what_never_comes_is_refused(tmp_path):
    scenario = scenario_of(tmp_path, main=[{"event": "never"}])
    with pytest.raises(Deadlock, match="main"):
        Stage(scenario).perform()


def test_a_step_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such step"):
        Stage(scenario_of(tmp_path, main=[{"slep": 1}])).perform()


@pytest.fixture
def one(tmp_path):
    """Give a corpus of one scenario, in a folder of its own."""
    source = SCENARIOS["cancel/is_swallowed"].path
    folder = tmp_path / "cancel"
    folder.mkdir()
    (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def file_of(folder):
    [path] = pathlib.Path(folder).glob("*/*.toml")
    return path


def test_the_recorder_finds_a_file_that_is_not_true(one, capsys):
    path = file_of(one)
    text = path.read_text(encoding="utf-8")
    assert main(["--corpus", str(one)]) == 0
    path.write_text(text.replace("returned 7", "returned 8"), encoding="utf-8")
    assert main(["--corpus", str(one)]) == 1
    assert "+2 child: returned 7" in capsys.readouterr().out


def test_the_recorder_writes_what_it_finds(one):
    path = file_of(one)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("returned 7", "returned 8"), encoding="utf-8")
    assert main(["--write", "--corpus", str(one)]) == 0
    assert path.read_text(encoding="utf-8") == text


def test_the_recorder_adds_what_one_version_gives_otherwise(one):
    path = file_of(one)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("returned 7", "returned 8"), encoding="utf-8")
    assert main(["--add", "--corpus", str(one)]) == 0
    assert main(["--corpus", str(one)]) == 0
    scenario = Scenario(path, path.read_text(encoding="utf-8"))
    assert "returned 8" in scenario.observed["cpython"]
    assert "2 child: returned 7" in scenario.expected()


@pytest.mark.needs_stook
@pytest.mark.parametrize("seed", range(20))
def test_random_scenarios_are_observed_alike(seed, tmp_path):
    scenario = scenario_of(tmp_path, **draw(seed))
    reference = ways.observe(scenario)
    for way in chosen_ways():
        lines = ways.observe(scenario, way)
        assert scenario.same(lines, reference), lines


def cancelled_in_wait_for(tmp_path, *handler):
    """Return a scenario of a wait_for that is cancelled; its child does this when it is."""
    return scenario_of(
        tmp_path,
        main=[{"spawn": "waits"}, {"sleep": 1}, {"cancel": "waits"}, {"join": "waits"}],
        waits=[{"wait_for": "child", "timeout": 9}],
        child=[{"try": [{"sleep": 9}], "cancelled": list(handler)}],
    )


@pytest.mark.parametrize("end", [{"raise": "crashed"}, {"return": 7}])
def test_what_a_wait_for_drops_is_noted_where_it_does(end, tmp_path):
    stage = ways.stage(cancelled_in_wait_for(tmp_path, end))
    lines = stage.perform()
    drops = sys.version_info < (3, 12)
    assert ("1 waits: cancelled" in lines) == drops
    assert stage.dropped == (["child"] if drops else [])


def test_a_wait_for_whose_child_is_cancelled_drops_nothing(tmp_path):
    stage = ways.stage(cancelled_in_wait_for(tmp_path, {"sleep": 1}, {"again": True}))
    assert "2 waits: cancelled" in stage.perform()
    assert stage.dropped == []


@pytest.mark.needs_stook
def test_random_ones_in_which_a_wait_for_drops_something_are_counted_and_not_for_the_other_face(
    tmp_path, capsys, monkeypatch
):
    drawn = cancelled_in_wait_for(tmp_path, {"raise": "crashed"}).tasks
    monkeypatch.setattr(command, "draw", lambda seed: drawn if seed == 8 else draw(seed))
    assert main(["--random", "2", "--seed", "7", "--into", str(tmp_path)]) == 0
    seeds = sorted(path.stem for path in (tmp_path / "random").iterdir())
    drops = sys.version_info < (3, 12)
    assert seeds == (["7"] if drops else ["7", "8"])
    assert ("1 not for the tokio face, seeds 8:" in capsys.readouterr().out) == drops


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--random", "-1"], "'-1' is no whole number of at least 1"),
        (["--random", "0"], "'0' is no whole number of at least 1"),
        (["--only", "no such scenario"], "has 'no such scenario' in its name"),
    ],
)
def test_comparing_no_scenario_is_refused(capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert words in capsys.readouterr().err
