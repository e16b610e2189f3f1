"""What the figures of a run say about growth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from driver.machine import Context
from driver.text import figure, times
from growth.series import SERIES, Collector, Series


@dataclass(slots=True)
class Figures:
    """What was measured, in nanoseconds for one operation, and what could not be."""

    found: dict[tuple[str, str, Collector, int], list[float]] = field(default_factory=dict)
    failures: dict[tuple[str, str, Collector, int], str] = field(default_factory=dict)

    def add(self, key: tuple[str, str, Collector, int], value: float) -> None:
        """Note a figure of ``(series, implementation, collector, size)``."""
        self.found.setdefault(key, []).append(value)

    def at(self, series: Series, engine: str, collector: Collector, size: int) -> float | None:
        """The median over the rounds."""
        found = self.found.get((series.name, engine, collector, size))
        return median(found) if found else None

    def own(self, series: Series, engine: str, collector: Collector) -> tuple[float, float] | None:
        """What the loop's own work costs where it is cheapest, and at the largest size.

        It is what one operation costs beyond that of the series without any loop; with the
        collector on nobody knows, because its full passes fall where they fall.
        """
        if series.without is None or collector is Collector.ON:
            return None
        without = SERIES[series.without]
        own: list[float] = []
        for size in series.sizes:
            whole = self.at(series, engine, collector, size)
            part = self.at(without, engine, collector, size)
            if whole is None or part is None:
                return None
            own.append(whole - part)
        return min(own), own[-1]

    def growth(self, series: Series, engine: str, collector: Collector) -> float | None:
        """How many times more one operation costs at the largest size than where it is cheapest."""
        costs = [self.at(series, engine, collector, size) for size in series.sizes]
        measured = [cost for cost in costs if cost is not None]
        if len(measured) < 2 or costs[-1] is None:
            return None
        return costs[-1] / min(measured)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A series that grows by more than it may.

    Attributes:
        without: By how much the part grows that is no work of the loop, where there is one.
        own: What the rest costs where it is cheapest and at the largest size, in nanoseconds.
    """

    series: Series
    collector: Collector
    growth: float
    limit: float
    without: float | None
    own: tuple[float, float] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it grows by more than that part does."""
        return self.without is None or self.growth > self.without

    def __str__(self) -> str:
        text = (
            f"{self.series.name}, collector {self.collector.value}: one operation costs "
            f"{times(self.growth)} times the cheapest, at most {self.limit:g} wanted"
        )
        if self.without is not None:
            text += f"; {self.series.without} alone, {times(self.without)} times"
        if self.own is not None:
            text += f"; the rest goes from {figure(self.own[0])} to {figure(self.own[1])} ns"
        return text


def verdicts(figures: Figures, engine: str) -> Iterator[Verdict]:
    """The series of this implementation that grow by more than they may."""
    for series in SERIES.values():
        for collector, limit in series.limits.items():
            growth = figures.growth(series, engine, collector)
            if growth is None or growth <= limit:
                continue
            without = (
                figures.growth(SERIES[series.without], engine, collector)
                if series.without
                else None
            )
            own = figures.own(series, engine, collector)
            yield Verdict(series, collector, growth, limit, without, own)


def lines(figures: Figures, engines: Sequence[str]) -> Iterator[str]:
    """The table, a line for each series, implementation and collector."""
    for series in SERIES.values():
        rows = [
            (engine, collector)
            for collector in Collector
            for engine in engines
            if any(key[:3] == (series.name, engine, collector) for key in _keys(figures))
        ]
        if not rows:
            continue
        yield f"{series.name}: {series.summary} (ns)"
        sizes = "".join(f"{size:>12,}" for size in series.sizes)
        yield f"  {'implementation':<16}{'collector':<10}{sizes}{'growth':>9}"
        for engine, collector in rows:
            cells = "".join(
                f"{_cell(figures, series, engine, collector, size):>12}" for size in series.sizes
            )
            growth = times(figures.growth(series, engine, collector))
            yield f"  {engine:<16}{collector.value:<10}{cells}{growth:>9}"


def markdown(text: Sequence[str], context: Context, rounds: int) -> str:
    """The page: the lines as they are printed, and what they mean nothing without."""
    parts = [
        f"# Growth on {context.machine['python']}",
        f"{context.date}; {rounds} rounds, {context.clock} time. How it is measured, and how to do "
        "it again: [benchmarks](../benchmarks.md).",
        "\n".join(f"- {name}: {value}" for name, value in context.machine.items()),
        "Implementations:",
        "\n".join(f"- {name}: {version}" for name, version in context.versions.items()),
        "\n".join(["```", *text, "```"]),
    ]
    return "\n\n".join(parts) + "\n"


def _keys(figures: Figures) -> list[tuple[str, str, Collector, int]]:
    return [*figures.found, *figures.failures]


def _cell(figures: Figures, series: Series, engine: str, collector: Collector, size: int) -> str:
    if (series.name, engine, collector, size) in figures.failures:
        return "failed"
    return figure(figures.at(series, engine, collector, size))
