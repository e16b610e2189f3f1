"""The figures as text, as a Markdown page and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from driver.machine import Context
from driver.text import BASES, figure, percent, times
from serving.figures import Figures, Measure

HEAD = (
    "implementation",
    "requests/s",
    "spread",
    *(f"× {base}" for base in BASES),
    *(
        title
        for name in ("processor µs", "p50 ms", "p90 ms", "p99 ms")
        for title in (name, *(f"× {base}" for base in BASES))
    ),
)


def table(figures: Figures, server: str) -> list[list[str]]:
    """A line of cells for each implementation that was measured."""
    return [
        _cells(figures, server, engine.name)
        for engine in figures.engines
        if (server, engine.name) in figures.samples
    ]


def verdicts(figures: Figures) -> Iterator[str]:
    """Which servers answer fewer requests on stook than on the best rival, and what failed."""
    for engine in figures.engines:
        if engine.ours:
            lost = [
                f"{server} to {rival} ({_ratio(figures, server, engine.name, rival)})"
                for server in figures.servers
                if (rival := figures.lost(server, engine.name))
            ]
            yield f"Servers {engine.name} loses, by requests: {'; '.join(lost) or 'none'}."
    for (server, engine_name), reason in figures.failures.items():
        yield f"Failed: {server} on {engine_name}: {reason}."
    for (server, engine_name), complaint in figures.complaints.items():
        yield f"Errors written by {server} on {engine_name}: {complaint}."


def text(figures: Figures) -> Iterator[str]:
    """The lines for the terminal."""
    for server in figures.servers:
        yield figures.serves.get(server, server)
        lines = [list(HEAD), *table(figures, server)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for name, *cells in lines:
            rest = "  ".join(
                f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)
            )
            yield f"  {name:<{widths[0]}}  {rest}"
    yield from verdicts(figures)


def markdown(figures: Figures, context: Context, load: str) -> str:
    """The page; ``load`` says how the servers were asked."""
    parts = [
        f"# HTTP servers on {context.machine['python']}",
        f"{context.date}; {load}. How it is measured, and how to do it again: "
        "[benchmarks](../benchmarks.md). Ratios say how many times better than the base an "
        "implementation is.",
        _bullets([f"{name}: {value}" for name, value in context.machine.items()]),
        "Implementations:",
        _bullets([f"{name}: {version}" for name, version in context.versions.items()]),
    ]
    if context.left_out:
        reasons = [f"{name}: {reason}" for name, reason in context.left_out.items()]
        parts += ["Left out:", _bullets(reasons)]
    parts.append(_bullets(list(verdicts(figures))))
    for server in figures.servers:
        lines = [HEAD, ["---", *["--:"] * (len(HEAD) - 1)], *table(figures, server)]
        parts.append(f"## {figures.serves.get(server, server)}")
        parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    return "\n\n".join(parts) + "\n"


def as_json(figures: Figures, context: Context, load: str) -> str:
    """Every figure of every round."""
    found = [
        {
            "server": figures.serves.get(server, server),
            "implementation": engine.name,
            "failed": figures.failures.get((server, engine.name)),
            "rounds": [
                asdict(sample) for sample in figures.samples.get((server, engine.name), {}).values()
            ],
        }
        for server in figures.servers
        for engine in figures.engines
    ]
    return json.dumps({**asdict(context), "load": load, "servers": found}, indent=1) + "\n"


def _cells(figures: Figures, server: str, engine: str) -> list[str]:
    cells = [engine]
    for measure in Measure:
        cells.append(figure(figures.median(server, engine, measure)))
        if measure is Measure.RATE:
            cells.append(percent(figures.spread(server, engine)))
        cells += [times(figures.ratio(server, engine, base, measure)) for base in BASES]
    return cells


def _ratio(figures: Figures, server: str, engine: str, rival: str) -> str:
    return times(figures.ratio(server, engine, rival, Measure.RATE))


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
