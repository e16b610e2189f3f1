"""Writes the kept results as tables: module × mode, one for each engine and version.

``python conformance/run.py`` keeps what it found in ``target/conformance/results``; the table is
made of whatever is there, so it is written after all runs that shall be in it.
"""

import contextlib
import datetime
import importlib.metadata
import itertools
import json
import subprocess
from pathlib import Path

from . import baseline, engines

KEPT = baseline.STORE / "results"
ROOT = Path(__file__).resolve().parent.parent


def keep(run, directory=KEPT):
    """Keep the results of one run, beside those of other modules in the same circumstances.

    What another commit gave is dropped: the table names one for all of a run.

    Args:
        run: What ``describe`` returned.
        directory: Where results are kept.
    """
    flags = "".join(f"-{flag}" for flag in ("debug", "poison") if run[flag])
    path = directory / f"{run['engine']}-{run['mode']}-{run['version']}{flags}.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["engine_version"] == run["engine_version"]:
            run = {**run, "modules": {**before["modules"], **run["modules"]}}
    baseline.write_json(path, run)


def describe(settings, verdicts):
    """Return one run, its circumstances and what it found, as what ``json`` can write."""
    return {
        "engine": settings.engine,
        "mode": settings.mode,
        "engine_version": _version_of(settings.engine),
        "version": baseline.version_name(),
        "date": datetime.date.today().isoformat(),
        "debug": settings.debug,
        "poison": settings.poison,
        "modules": {verdict.module: _describe_module(verdict) for verdict in verdicts},
    }


def _describe_module(verdict):
    return {
        "total": verdict.total,
        "passed": verdict.passed,
        "stock_passed": verdict.stock_passed,
        "regressions": {
            name: {"outcome": test.outcome, "detail": test.detail}
            for name, test in verdict.regressions.items()
        },
        "listed": verdict.listed,
        "unsettled": verdict.unsettled,
        "stale": verdict.stale,
        "flaky": verdict.flaky,
    }


def _version_of(engine):
    """Return a rival's version, or the commit that stook is of."""
    if engine in engines.RIVALS:
        return importlib.metadata.version(engine)
    return commit() if engine == "stook" else ""


def commit():
    """Return the commit of the checkout that stook is built from, empty outside one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=7"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
    return ""


def read_kept(directory=KEPT):
    """Return the kept runs, in the order of the table."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("*.json")]
    return sorted(runs, key=_order)


def _order(run):
    version = tuple(int(part) for part in run["version"].split("."))
    place = list(engines.ENGINES).index(run["engine"])
    return place, version, engines.MODES.index(run["mode"]), run["debug"], run["poison"]


def write(path, directory=KEPT):
    """Write the table of the kept results to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(read_kept(directory)), encoding="utf-8")


def render(runs):
    """Return the table of ``runs`` as Markdown."""
    parts = [_INTRODUCTION, "\n## All\n\n", _summary(runs)]
    for (engine, version), group in itertools.groupby(
        runs, lambda run: (_engine(run), run["version"])
    ):
        parts.append(f"\n## {engine}, CPython {version}\n\n{_table(list(group))}")
    return "".join(parts)


_INTRODUCTION = """\
# CPython's asyncio tests, by engine

<!-- made by `cargo xtask conformance --report docs/conformance.md` from the runs kept so far -->

A cell says how many of the tests that pass on the standard library, with the same interpreter and
in the same debug mode, pass on the engine. Modes: `types`, the engine's Task and Future on the
standard library's loop; `loop`, the engine's loop wherever a test makes one; `both`; and `debug`
for any of them with `PYTHONASYNCIODEBUG=1`. Of the tests that differ, those "listed" do so for a
reason given in [expected.toml](../conformance/expected.toml), and those "unsettled" fail on the
standard library too when they are run again. What a test derives for itself from asyncio's base
classes runs on stook's scheduling; uvloop and rloop have no such classes, and there the tests run
on the standard library's. [conformance/](../conformance/README.md) says how a run goes.

Many of the tests reach into the standard library's loop: they replace its socket calls, its
selector or its private methods. Another loop need not have those, so a count is no measure of its
quality; it tells what a program that does the same would meet.
"""


def _summary(runs):
    """Return one line a run, for whoever wants to see the engines side by side."""
    lines = [
        _row("engine", ["CPython", "mode", "passed", "stock's", "listed", "flaky", "run on"]),
        _row("---", ["---", "---", "---:", "---:", "---:", "---:", "---"]),
    ]
    for run in runs:
        total = _sum(run["modules"].values())
        counts = [total["stock_passed"] - _differing(total), total["stock_passed"]]
        counts += [len(total["listed"]), len(total["flaky"])]
        cells = [run["version"], _title(run), *map(str, counts), run["date"]]
        lines.append(_row(_engine(run), cells))
    return "\n".join(lines) + "\n"


def _table(runs):
    """Return the modules of one engine and version, a column for each run."""
    modules = sorted({module for run in runs for module in run["modules"]})
    lines = [
        _row("module", [_title(run) for run in runs]),
        _row("---", ["---:" for _run in runs]),
    ]
    lines += [_row(name, [_cell(run["modules"].get(name)) for run in runs]) for name in modules]
    lines.append(_row("**all**", [_cell(_sum(run["modules"].values())) for run in runs]))
    return "\n".join(lines) + "\n"


def _row(first, cells):
    return f"| {first} | {' | '.join(cells)} |"


def _engine(run):
    return f"{run['engine']} {run['engine_version']}".strip()


def _title(run):
    flags = [flag for flag in ("debug", "poison") if run[flag]]
    return ", ".join([run["mode"], *flags])


DIFFERENT = ("regressions", "listed", "unsettled")


def _sum(modules):
    total = {"stock_passed": 0, "flaky": [], **{kind: [] for kind in DIFFERENT}}
    for module in modules:
        for key in total:
            total[key] += module[key]
    return total


def _differing(module):
    return sum(len(module[kind]) for kind in DIFFERENT)


def _cell(module):
    if module is None:
        return ""
    text = f"{module['stock_passed'] - _differing(module)} / {module['stock_passed']}"
    for kind in ("listed", "unsettled"):
        if module[kind]:
            text += f", {len(module[kind])} {kind}"
    return text
