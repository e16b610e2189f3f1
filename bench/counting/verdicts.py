"""Figures of now beside those that are committed."""

import enum
from dataclasses import dataclass

from counting.figures import Figures, Rows

TOLERATED = 0.03


class Verdict(enum.Enum):
    """What is said about one row; the first two fail."""

    RISEN = "RISEN"
    MISSING = "no longer counted"
    FALLEN = "fallen: commit the figure"
    NEW = "new: commit the figure"
    SAME = ""

    @property
    def fails(self) -> bool:
        return self in (Verdict.RISEN, Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, of which at least one side is there."""

    row: str
    committed: float | None
    now: float | None

    @property
    def change(self) -> float | None:
        """As a part of what is committed; ``None`` where there is nothing to compare."""
        if self.committed is None or self.now is None:
            return None
        if self.committed == 0:
            return float("inf") if self.now > 0 else 0.0
        return self.now / self.committed - 1

    @property
    def verdict(self) -> Verdict:
        change = self.change
        if change is None:
            return Verdict.NEW if self.committed is None else Verdict.MISSING
        if change > TOLERATED:
            return Verdict.RISEN
        return Verdict.FALLEN if change < -TOLERATED else Verdict.SAME


@dataclass(frozen=True, slots=True)
class Comparison:
    """All lines of one program.

    Attributes:
        everywhere: None where nothing is committed for this build of the interpreter.
        calls: They say where more instructions come from, and decide nothing.
    """

    own: list[Line]
    everywhere: list[Line]
    calls: list[Line]

    @classmethod
    def of(cls, committed: Figures, now: Figures) -> "Comparison":
        everywhere = compare(committed.everywhere, now.everywhere) if committed.everywhere else []
        return cls(compare(committed.own, now.own), everywhere, compare(committed.calls, now.calls))

    @property
    def lines(self) -> list[Line]:
        """Those that decide."""
        return self.own + self.everywhere

    @property
    def fails(self) -> bool:
        return any(line.verdict.fails for line in self.lines)

    @property
    def is_stale(self) -> bool:
        """Whether the committed figures should be written anew, though nothing is wrong."""
        return any(line.verdict in (Verdict.FALLEN, Verdict.NEW) for line in self.lines)


def compare(committed: Rows, now: Rows) -> list[Line]:
    """A line for each row of either side: those of now in their order, then what is missing."""
    rows = [*now, *(row for row in committed if row not in now)]
    return [Line(row, committed.get(row), now.get(row)) for row in rows]
