"""The rows on cancelling: what each of them cancels by."""

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import stook

from rows import ROWS, cancel

NAMES = [name for name in ROWS if name.startswith("cancel/")]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(cancel, "COUNT", 10)


@pytest.mark.parametrize("loop", ["asyncio", "stook"])
@pytest.mark.parametrize("name", NAMES)
def test_the_row_runs_and_counts(monkeypatch, name, loop):
    factory = stook.new_event_loop if loop == "stook" else asyncio.SelectorEventLoop
    if loop == "asyncio":
        monkeypatch.delitem(sys.modules, "stook")
    with asyncio.Runner(loop_factory=factory) as runner:
        lap = runner.run(ROWS[name].workload())
    assert lap.operations == 10 and lap.wall > 0
    assert ROWS[name].counts


def test_stook_cancels_by_a_token_and_the_others_one_by_one(monkeypatch):
    fired = []
    source = stook.CancellationSource
    monkeypatch.setattr(stook, "CancellationSource", lambda: fired.append(source()) or fired[-1])
    assert "cancel/token_10k" in NAMES
    stook.run(ROWS["cancel/token_10k"].workload())
    [used] = fired
    assert used.token.is_cancelled
    monkeypatch.delitem(sys.modules, "stook")
    asyncio.run(ROWS["cancel/token_10k"].workload())
    assert fired == [used]
