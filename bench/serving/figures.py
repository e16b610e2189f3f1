"""What a run found, and the ratios; more is better in all of them.

As with the rows, a ratio compares two figures of one round, and the median over the rounds counts.
"""

import enum
import statistics
from dataclasses import dataclass, field

from driver.engines import Engine
from serving.wrk import Sample


class Measure(enum.Enum):
    """What is compared, by the field of `Sample`."""

    RATE = "rate"
    PROCESSOR = "processor"
    P50 = "p50"
    P90 = "p90"
    P99 = "p99"

    def of(self, sample: Sample) -> float:
        """The figure."""
        value: float = getattr(sample, self.value)
        return value

    def times(self, ours: Sample, theirs: Sample) -> float | None:
        """How many times better the first is: more requests, or less time for one."""
        better, worse = self.of(ours), self.of(theirs)
        if self is not Measure.RATE:
            better, worse = worse, better
        return better / worse if worse else None


@dataclass(slots=True)
class Figures:
    """The samples by server, implementation and round, and why there are none.

    Attributes:
        complaints: What servers wrote to their standard error although every answer was good.
        serves: The packages of each server.
    """

    servers: list[str]
    engines: list[Engine]
    samples: dict[tuple[str, str], dict[int, Sample]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    complaints: dict[tuple[str, str], str] = field(default_factory=dict)
    serves: dict[str, str] = field(default_factory=dict)

    def add(self, server: str, engine: str, number: int, sample: Sample) -> None:
        """Note what a round found."""
        self.samples.setdefault((server, engine), {})[number] = sample

    def failed(self, server: str, engine: str, reason: str) -> None:
        """Note that it cannot be measured, and drop what earlier rounds found."""
        self.failures[server, engine] = reason
        self.samples.pop((server, engine), None)

    def median(self, server: str, engine: str, measure: Measure) -> float | None:
        """The figure that is reported."""
        found = self._of(server, engine).values()
        return statistics.median(map(measure.of, found)) if found else None

    def spread(self, server: str, engine: str) -> float | None:
        """How far the rates of the rounds lie apart, as a part of the median."""
        rates = [sample.rate for sample in self._of(server, engine).values()]
        return (max(rates) - min(rates)) / statistics.median(rates) if rates else None

    def ratio(self, server: str, engine: str, base: str, measure: Measure) -> float | None:
        """How many times better the implementation is than the base."""
        ours, theirs = self._of(server, engine), self._of(server, base)
        ratios = [measure.times(ours[number], theirs[number]) for number in ours.keys() & theirs]
        known = [ratio for ratio in ratios if ratio is not None]
        return statistics.median(known) if known else None

    def lost(self, server: str, engine: str) -> str | None:
        """The rival that answers most requests, if it answers more than this implementation."""
        rates = {
            rival.name: rate
            for rival in self.engines
            if not rival.ours and (rate := self.median(server, rival.name, Measure.RATE))
        }
        rival = max(rates, key=rates.__getitem__, default=None)
        ratio = self.ratio(server, engine, rival, Measure.RATE) if rival else None
        return rival if ratio is not None and ratio < 1 else None

    def _of(self, server: str, engine: str) -> dict[int, Sample]:
        return self.samples.get((server, engine), {})
