"""How figures are written, and the report on the terminal."""

from collections.abc import Iterator

from driver.engines import Engine
from driver.results import Results
from driver.row import Row

BASES = ("uvloop", "asyncio")
"""What ratios are given to."""


def figure(value: float | None) -> str:
    """A figure with three digits or, when it has more, with all of its whole part."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(ratio: float | None) -> str:
    """A ratio."""
    if ratio is None:
        return "–"
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def percent(part: float | None) -> str:
    """A spread."""
    return "–" if part is None else f"{part:.0%}"


def report(results: Results) -> Iterator[str]:
    """The lines for the terminal: one for each row and implementation, ``area/case/name``."""
    width = max(
        len(f"{row.name}/{engine.name}") for row in results.rows for engine in results.engines
    )
    missing = results.not_measured()
    for row in results.rows:
        yield f"{row.summary}{_aim(row)}"
        for engine in results.engines:
            name = f"{row.name}/{engine.name}"
            if (reason := missing.get((row.name, engine.name))) is not None:
                yield f"  {name:<{width}}  {reason}"
                continue
            ratios = "".join(
                f"  {times(results.ratio(row, engine.name, base)):>6} × {base}" for base in BASES
            )
            median = f"{figure(results.median(row, engine.name)):>9} {row.unit.value:<7}"
            spread = f"spread {percent(results.spread(row, engine.name)):>4}"
            yield f"  {name:<{width}}{ratios}  {median}  {spread}{_mark(results, row, engine)}"


def _aim(row: Row) -> str:
    aims = []
    if row.goal is not None:
        aims.append(f"{row.goal:g} × uvloop")
    if row.limit is not None:
        aims.append(f"at most {figure(row.limit)} {row.unit.value}")
    return f"  (goal: {', '.join(aims)})" if aims else ""


def _mark(results: Results, row: Row, engine: Engine) -> str:
    rival = results.lost(row, engine.name) if engine.ours else None
    return f"  LOST to {rival}" if rival else ""
