"""The figures of a run and the ratios between them.

A ratio compares two figures of the same round and row, measured one after the other; the median of
those over all rounds is what is reported. It says how many times less time (or memory, or objects)
an implementation needs than the base, so that more is better.
"""

import statistics
from dataclasses import dataclass, field

from driver.engines import Engine
from driver.row import Row


@dataclass(slots=True)
class Results:
    """What was measured: `figures` by row, implementation and round, in the unit of the row.

    Where there are none, the reason is in `failures`, or in `lacking` when a rival does not have
    what the row measures. `interrupted` is whether there are rounds that were never measured.
    """

    rows: list[Row]
    engines: list[Engine]
    rounds: int
    figures: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    lacking: dict[tuple[str, str], str] = field(default_factory=dict)
    interrupted: bool = False

    def add(self, row: Row, engine: Engine, number: int, figure: float) -> None:
        """Note the figure of one process."""
        self.figures.setdefault((row.name, engine.name), {})[number] = figure

    def failed(self, row: Row, engine: Engine, reason: str) -> None:
        """Note that a row cannot be measured there, and drop what earlier rounds found."""
        self.failures[row.name, engine.name] = reason
        self.figures.pop((row.name, engine.name), None)

    def lacks(self, row: Row, engine: Engine, reason: str) -> None:
        """Note that a rival does not have what the row measures."""
        self.lacking[row.name, engine.name] = reason

    def not_measured(self) -> dict[tuple[str, str], str]:
        """Why there are no figures, by row and implementation."""
        missing = {key: f"failed: {reason}" for key, reason in self.failures.items()}
        return missing | {key: f"not there: {reason}" for key, reason in self.lacking.items()}

    def of_task_control(self, yes: bool = True) -> list[Row]:
        """The rows that count, or those that are reported apart."""
        return [row for row in self.rows if row.counts is yes]

    def median(self, row: Row, engine: str) -> float | None:
        """The figure that is reported."""
        found = self._of(row, engine)
        return statistics.median(found.values()) if found else None

    def spread(self, row: Row, engine: str) -> float | None:
        """How far the rounds lie apart: worst less best, as a part of the median."""
        found = self._of(row, engine).values()
        middle = self.median(row, engine)
        return (max(found) - min(found)) / middle if middle else None

    def ratio(self, row: Row, engine: str, base: str) -> float | None:
        """How many times better the implementation is than the base."""
        ours, theirs = self._of(row, engine), self._of(row, base)
        ratios = [theirs[number] / ours[number] for number in ours.keys() & theirs if ours[number]]
        return statistics.median(ratios) if ratios else None

    def mean_ratio(self, rows: list[Row], engine: str, base: str) -> float | None:
        """The geometric mean of the ratios over those of the rows that count time."""
        ratios = [self.ratio(row, engine, base) for row in rows if row.timed]
        known = [ratio for ratio in ratios if ratio]
        return statistics.geometric_mean(known) if known else None

    def best_rival(self, row: Row) -> str | None:
        """The rival that is best at this row."""
        medians = {
            engine.name: median
            for engine in self.engines
            if engine.is_rival and (median := self.median(row, engine.name)) is not None
        }
        return min(medians, key=medians.__getitem__, default=None)

    def lost(self, row: Row, engine: str) -> str | None:
        """The best rival, if it is better than this implementation of ours."""
        rival = self.best_rival(row)
        if rival is None:
            return None
        ratio = self.ratio(row, engine, rival)
        return rival if ratio is not None and ratio < 1 else None

    def _of(self, row: Row, engine: str) -> dict[int, float]:
        return self.figures.get((row.name, engine), {})
