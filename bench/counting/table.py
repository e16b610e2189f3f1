"""Figures as people read them."""

from collections.abc import Sequence

from counting.figures import Figures
from counting.verdicts import Comparison, Line, Verdict


def shown(counted: Figures) -> str:
    """Figures that are compared with nothing."""
    lines = [("row", "in stook", "everywhere", "calls out", "")]
    for row, own in counted.own.items():
        figures = f"{own:.1f}", f"{counted.everywhere[row]:.1f}", f"{counted.calls[row]:.2f}"
        lines.append((row, *figures, ""))
    return _aligned(lines)


def compared(comparison: Comparison, counted: Figures) -> str:
    """Committed figures beside those of now, and what is to be said of each."""
    if not any(counted.calls.values()):
        # A program that calls nobody: everything is its own.
        alone = [(line.row, *_cells(line, 1), line.verdict.value) for line in comparison.own]
        return _aligned([("row", "committed", "now", "", ""), *alone])
    everywhere = {line.row: line for line in comparison.everywhere}
    calls = {line.row: line for line in comparison.calls}
    lines = [("row", "in stook", "now", "", "everywhere", "now", "", "calls out", "now", "", "")]
    for own in comparison.own:
        row = own.row
        others = everywhere.get(row, Line(row, None, counted.everywhere.get(row)))
        called = calls.get(row, Line(row, None, None))
        cells = (*_cells(own, 1), *_cells(others, 1), *_cells(called, 2))
        remark = _remark(own.verdict, others.verdict if row in everywhere else Verdict.SAME)
        lines.append((row, *cells, remark))
    return _aligned(lines)


def _cells(line: Line, digits: int) -> tuple[str, str, str]:
    change = "" if line.change is None else f"{line.change:+.1%}"
    return _number(line.committed, digits), _number(line.now, digits), change


def _number(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"


def _remark(own: Verdict, everywhere: Verdict) -> str:
    if everywhere is Verdict.SAME or own is everywhere:
        return own.value
    return "; ".join(filter(None, [own.value, f"everywhere {everywhere.value}"]))


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    """Columns: the first and the last are words, and between them are numbers."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        cells[-1] = line[-1]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
