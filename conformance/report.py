"""Writes the kept results as tables: module × mode, one for each engine and version.

``python conformance/run.py`` keeps what it found in ``target/conformance/results``; the table is
made of whatever is there, so it is written after all runs that shall be in it.
"""

import itertools
import json

from . import baseline, engines

KEPT = baseline.STORE / "results"


def keep(run, directory=KEPT):
    """Keep the results of one run, beside those of other modules in the same circumstances.

    Args:
        run: What ``describe`` returned.
        directory: Where results are kept.
    """
    flags = "".join(f"-{flag}" for flag in ("debug", "poison") if run[flag])
    path = directory / f"{run['engine']}-{run['mode']}-{run['version']}{flags}.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        run = {**run, "modules": {**before["modules"], **run["modules"]}}
    baseline.write_json(path, run)


def describe(settings, verdicts):
    """Return one run, its circumstances and what it found, as what ``json`` can write."""
    return {
        "engine": settings.engine,
        "mode": settings.mode,
        "version": baseline.version_name(),
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
        "stale": verdict.stale,
        "flaky": verdict.flaky,
    }


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
    path.write_text(render(read_kept(directory)), encoding="utf-8")


def render(runs):
    """Return the table of ``runs`` as Markdown."""
    parts = [_INTRODUCTION]
    for (engine, version), group in itertools.groupby(
        runs, lambda run: (run["engine"], run["version"])
    ):
        parts.append(f"\n## {engine}, CPython {version}\n\n{_table(list(group))}")
    return "".join(parts)


_INTRODUCTION = """\
# CPython's asyncio tests, by engine

Made by `python conformance/run.py --report`. A cell says how many of the tests that pass on the
standard library, with the same interpreter, pass on the engine; "listed" are those that differ for
a reason given in `conformance/expected.toml`. Modes: `types`, the engine's Task and Future on the
standard library's loop; `loop`, the engine's loop alone; `both`.
"""


def _table(runs):
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


def _title(run):
    flags = [flag for flag in ("debug", "poison") if run[flag]]
    return ", ".join([run["mode"], *flags])


def _sum(modules):
    total = {"stock_passed": 0, "regressions": [], "listed": []}
    for module in modules:
        total["stock_passed"] += module["stock_passed"]
        total["regressions"] += module["regressions"]
        total["listed"] += module["listed"]
    return total


def _cell(module):
    if module is None:
        return ""
    differing = len(module["regressions"]) + len(module["listed"])
    text = f"{module['stock_passed'] - differing} / {module['stock_passed']}"
    if module["listed"]:
        text += f", {len(module['listed'])} listed"
    return text
