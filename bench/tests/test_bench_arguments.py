"""What the commands refuse before they measure anything."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_growth
from driver.arguments import amount, count, implementations, outputs, pattern

ROOT = Path(__file__).resolve().parents[2]


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


def test_growth_that_measures_nothing_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_growth.py", "--largest", "1", "--rounds", "1"])
    with pytest.raises(SystemExit) as refused:
        run_growth.main()
    assert refused.value.code == 2
    assert "the smallest size is 100" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x", ""])
def test_an_amount_is_a_number_above_zero(value):
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        amount(value)
    assert amount("0.3") == 0.3


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python has eager tasks")
def test_eager_tasks_are_not_to_be_had_of_a_python_without():
    with pytest.raises(argparse.ArgumentTypeError, match="asyncio-eager: .* need Python 3.12"):
        implementations("asyncio,asyncio-eager")


def test_a_folder_for_results_is_made_and_one_that_cannot_be_is_refused(tmp_path):
    name = outputs(".md", ".json")
    assert name(f"{tmp_path}/new/folder/page") == tmp_path / "new/folder/page"
    assert list((tmp_path / "new/folder").iterdir()) == []
    (tmp_path / "file").touch()
    for value in (f"{tmp_path}/file/page", "/proc/page"):
        with pytest.raises(argparse.ArgumentTypeError, match="cannot write there"):
            name(value)
    (tmp_path / "page.json").mkdir()
    with pytest.raises(argparse.ArgumentTypeError, match="cannot write .*page.json"):
        name(f"{tmp_path}/page")
    for value in ("", ".", "folder/.."):
        with pytest.raises(argparse.ArgumentTypeError, match="names no file"):
            name(value)


@pytest.mark.parametrize(
    "command",
    [
        "bench/run.py",
        "bench/run_growth.py",
        "bench/run_startup.py",
        "bench/compare_instructions.py",
        "conformance/order/run.py",
        "conformance/order/run_soak.py",
        "downstream/run.py",
        "scenarios/record.py",
    ],
)
def test_a_command_that_only_checks_its_arguments_needs_no_package(command):
    # Without site-packages neither stook nor a rival can be imported, as before anything is built.
    def ended(*arguments):
        program = [sys.executable, "-S", ROOT / command, "--check-arguments", *arguments]
        return subprocess.run(program, capture_output=True, text=True, timeout=60)

    good, bad = ended(), ended("--no-such-option")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert bad.returncode == 2 and "--no-such-option" in bad.stderr
