"""What the commands refuse before they measure anything."""

import argparse
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_growth
from driver.arguments import count, implementations, pattern


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", ""])
def test_a_count_is_at_least_one(value):
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1"):
        count(value)
    assert count("12") == 12


def test_implementations_are_known_and_named_once():
    assert implementations("uvloop,stook,uvloop") == ("uvloop", "stook")
    with pytest.raises(argparse.ArgumentTypeError, match="unknown: trio; of asyncio"):
        implementations("stook,trio")


@pytest.mark.parametrize(("value", "words"), [("(", "regular"), ("none", "'none' is found in")])
def test_a_pattern_is_one_and_finds_something(value, words):
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        pattern(["gather/ten", "wait/ten"])(value)
    assert pattern(["gather/ten"])("^gather").search("gather/ten")


def test_growth_that_measures_nothing_fails(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_growth.py", "--largest", "1", "--rounds", "1"])
    assert run_growth.main() == 2
    assert "nothing was measured" in capsys.readouterr().err
