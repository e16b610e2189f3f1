"""Figures as people read them.

Of each operation: stook's own instructions, the calls out of its object file, and the instructions
everywhere.
"""

from collections.abc import Sequence

from counting.figures import Figures
from counting.verdicts import Comparison, Line, Verdict


def shown(counted: Figures) -> str:
    """Figures that are compared with nothing."""
    lines = [("row", "instructions", "calls out", "everywhere", "")]
    for row, own in counted.instructions.items():
        figures = f"{own:.1f}", f"{counted.calls[row]:.2f}", f"{counted.all[row]:.1f}"
        lines.append((row, *figures, ""))
    return _aligned(lines)


def compared(comparison: Comparison, counted: Figures) -> str:
    """Committed figures beside those of now, and what is to be said of each."""
    lines = [("row", "instructions", "now", "", "calls out", "now", "", "everywhere", "")]
    for own, calls in zip(comparison.instructions, comparison.calls, strict=True):
        everywhere = counted.all.get(own.row)
        lines.append((own.row, *_cells(own, 1), *_cells(calls, 2), _number(everywhere, 1)))
        lines[-1] += (_remark(own.verdict, calls.verdict),)
    return _aligned(lines)


def _cells(line: Line, digits: int) -> tuple[str, str, str]:
    change = "" if line.change is None else f"{line.change:+.1%}"
    return _number(line.committed, digits), _number(line.now, digits), change


def _number(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"


def _remark(own: Verdict, calls: Verdict) -> str:
    if own is calls:
        return own.value
    of_calls = "" if calls is Verdict.SAME else f"calls {calls.value}"
    return "; ".join(filter(None, [own.value, of_calls]))


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    """Columns: what is first and last is words, and between them are numbers."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        cells[-1] = line[-1]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)
