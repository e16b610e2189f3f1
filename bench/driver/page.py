"""The results as a Markdown page and as JSON."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial

from driver.machine import Context
from driver.results import Results
from driver.row import Row
from driver.text import BASES, figure, percent, times
from driver.verdicts import verdicts, verdicts_apart


def markdown(results: Results, context: Context, plot: str | None) -> str:
    """The page; ``plot`` is the name of the picture beside it."""
    names = [engine.name for engine in results.engines]
    parts = [
        f"# Task control on {context.machine['python']}",
        f"{context.date}; {results.rounds} rounds, {context.clock} time. How it is "
        "measured, and how to do it again: [benchmarks](../benchmarks.md).",
        _bullets(f"{name}: {value}" for name, value in context.machine.items()),
        "Implementations:",
        _bullets(f"{name}: {version}" for name, version in context.versions.items()),
    ]
    if context.left_out:
        reasons = (f"{name}: {reason}" for name, reason in context.left_out.items())
        parts += ["Left out:", _bullets(reasons)]
    if plot:
        parts.append(f"![Times faster than the base, row by row]({plot})")
    said = verdicts(results)
    if said:
        parts += ["## What it says", _bullets(said)]
    apart = verdicts_apart(results)
    if apart:
        parts += [
            "## Outside task control",
            "Input and output is measured and reported; it is no part of what is said above.",
            _bullets(apart),
        ]
    for base in BASES:
        if base in names:
            parts += [
                f"## Times better than {base}",
                _table(results, partial(_ratio, results, base)),
            ]
    parts += [
        "## Figures",
        "For one operation: time in nanoseconds unless the row says otherwise, and how far the "
        "rounds lie apart.",
        _table(results, partial(_figure, results), explained=True),
    ]
    missing = results.not_measured()
    if missing:
        reasons = (f"{row}/{name}: {why}" for (row, name), why in missing.items())
        parts += ["## Not measured", _bullets(reasons)]
    return "\n\n".join(parts) + "\n"


def as_json(results: Results, context: Context) -> str:
    """Every figure of every round, with what is computed from them."""
    rows = [
        {
            "name": row.name,
            "summary": row.summary,
            "unit": row.unit.value,
            "goal": row.goal,
            "limit": row.limit,
            "counts": row.counts,
            "implementations": {
                engine.name: _cell(results, row, engine.name) for engine in results.engines
            },
        }
        for row in results.rows
    ]
    return json.dumps({**asdict(context), "rounds": results.rounds, "rows": rows}, indent=1) + "\n"


def _cell(results: Results, row: Row, name: str) -> dict[str, object]:
    if (reason := results.not_measured().get((row.name, name))) is not None:
        return {"not_measured": reason}
    found = results.figures.get((row.name, name), {})
    return {
        "figures": [round(value, 3) for value in found.values()],
        "median": results.median(row, name),
        "spread": results.spread(row, name),
        **{f"times_{base}": results.ratio(row, name, base) for base in BASES},
    }


def _ratio(results: Results, base: str, row: Row, name: str) -> str:
    text = times(results.ratio(row, name, base))
    ours = any(engine.ours and engine.name == name for engine in results.engines)
    return f"**{text}** (lost)" if ours and results.lost(row, name) else text


def _figure(results: Results, row: Row, name: str) -> str:
    median = results.median(row, name)
    return "–" if median is None else f"{figure(median)} ({percent(results.spread(row, name))})"


def _table(results: Results, cell: Callable[[Row, str], str], *, explained: bool = False) -> str:
    names = [engine.name for engine in results.engines]
    lines = [
        "| row | " + " | ".join(names) + (" | one operation |" if explained else " |"),
        "|---|" + "--:|" * len(names) + ("---|" if explained else ""),
    ]
    for row in results.rows:
        unit = "" if row.timed else f" ({row.unit.value})"
        cells = " | ".join(cell(row, name) for name in names)
        lines.append(f"| {row.name}{unit} | {cells} |" + (f" {row.summary} |" if explained else ""))
    return "\n".join(lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
