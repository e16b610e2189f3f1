"""What the figures say about stook, as lines of text: the rows it loses come first.

Only what the rows of task control say counts; of the others (input and output) it is reported apart
what was won and lost.
"""

from driver.results import Results
from driver.row import Row
from driver.text import BASES, figure, times


def verdicts(results: Results) -> list[str]:
    """Losses, missed goals, means and required rows; empty when stook was not measured."""
    lines = _won_and_lost(results, results.of_task_control())
    if any(engine.name == "stook" for engine in results.engines):
        lines += [_goals(results), required(results)]
    return lines


def verdicts_apart(results: Results) -> list[str]:
    """Losses and means of the rows that are no task control; empty when none was measured."""
    return _won_and_lost(results, results.of_task_control(False))


def required(results: Results) -> str:
    """Which of the rows that have to be so many times faster than asyncio are."""
    parts = []
    for row in results.rows:
        if row.floor is None:
            continue
        ratio = results.ratio(row, "stook", "asyncio")
        if ratio is None:
            parts.append(f"{row.name} was not measured")
            continue
        word = "holds" if ratio >= row.floor else "DOES NOT HOLD"
        parts.append(f"{row.name} {word} ({times(ratio)} of {row.floor:g} × asyncio)")
    return "Required of stook: " + ("; ".join(parts) or "nothing in these rows") + "."


def _won_and_lost(results: Results, rows: list[Row]) -> list[str]:
    lines = []
    for engine in results.engines:
        if engine.ours and rows:
            lines += [_losses(results, rows, engine.name), _mean(results, rows, engine.name)]
    return lines


def _losses(results: Results, rows: list[Row], engine: str) -> str:
    lost = [
        f"{row.name} to {rival} ({times(results.ratio(row, engine, rival))})"
        for row in rows
        if (rival := results.lost(row, engine))
    ]
    return f"Rows {engine} loses: " + ("; ".join(lost) or "none") + "."


def _mean(results: Results, rows: list[Row], engine: str) -> str:
    means = [
        f"{times(mean)} × {base}"
        for base in BASES
        if (mean := results.mean_ratio(rows, engine, base)) is not None
    ]
    found = " and ".join(means) or "none"
    return f"Geometric mean of {engine} over the timed rows: {found}."


def _goals(results: Results) -> str:
    missed = []
    bases = {engine.name for engine in results.engines}
    for row in results.rows:
        if row.limit is not None or (row.goal is not None and "uvloop" in bases):
            failed = [name for name in ("stook", "uvloop") if (row.name, name) in results.failures]
            missed += [f"{row.name} (not measured: {name} failed)" for name in failed]
        ratio, median = results.ratio(row, "stook", "uvloop"), results.median(row, "stook")
        if row.goal is not None and ratio is not None and ratio < row.goal:
            missed.append(f"{row.name} ({times(ratio)} of {row.goal:g} × uvloop)")
        if row.limit is not None and median is not None and median > row.limit:
            missed.append(f"{row.name} ({figure(median)} of {figure(row.limit)} {row.unit.value})")
    return "Goals stook misses: " + ("; ".join(missed) or "none") + "."
