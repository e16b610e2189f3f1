"""What starting by stook adds: what is said, and when it is too much."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_startup
from driver import campaign


@pytest.fixture
def started(monkeypatch):
    """Commands that were started: by stook a script takes 60 ms, else 50, and an empty one 20."""
    commands = []

    def seconds(command):
        commands.append(command)
        if command[-1].endswith("bare.py"):
            return 0.02
        return 0.06 if "stook" in command else 0.05

    monkeypatch.setattr(run_startup, "_seconds", seconds)
    monkeypatch.setattr(campaign, "available", lambda *_, **__: ({}, {}))
    return commands


def status(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["run_startup.py", "--pairs", "3", *arguments])
    return run_startup.main()


def test_the_two_are_started_in_turn_and_what_is_added_is_said(monkeypatch, started, capsys):
    assert status(monkeypatch) == 0
    said = capsys.readouterr().out
    assert "an empty script: 20.0 ms" in said
    assert "a script that imports asyncio: python 50.0 ms, stook 60.0 ms, +10.0 ms" in said
    assert ["stook" in command for command in started[3:]] == [False, True] * 6


@pytest.mark.parametrize(("limit", "expected"), [("9.9", 1), ("10.1", 0)])
def test_more_than_the_limit_fails(monkeypatch, started, capsys, limit, expected):
    assert status(monkeypatch, "--limit", limit) == expected
    assert ("at most 9.9 wanted" in capsys.readouterr().out) is bool(expected)


def test_where_stook_cannot_run_that_is_said(monkeypatch, capsys):
    def refuse(*_, **__):
        raise campaign.CannotCompare("stook: No module named stook")

    monkeypatch.setattr(campaign, "available", refuse)
    assert status(monkeypatch) == 2
    assert capsys.readouterr().err == "bench: stook: No module named stook\n"
