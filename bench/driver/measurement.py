"""Measures one row on one implementation, in this process.

A timed workload runs once to warm up and then again and again until enough time was measured. The
best repetition is the figure: on a machine that has other work to do, a disturbance only ever adds.
Garbage is collected before each repetition; while it runs, the collector is on, as in a normal
program. A workload that counts bytes or objects runs once, because
memory that was used before is not new.
"""

import asyncio
import gc
import statistics
import time
from dataclasses import asdict, dataclass

from driver.engines import Engine
from driver.row import Clock, Lap, Row

FEWEST_REPETITIONS = 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one process found, in the unit of its row."""

    best: float
    median: float
    repetitions: int

    def as_dictionary(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def measure(row: Row, engine: Engine, seconds: float, clock: Clock) -> Measurement:
    """Run the row's workload on the engine for about so many seconds."""
    with asyncio.Runner(loop_factory=engine.loop_factory(), debug=False) as runner:
        engine.prepare(runner.get_loop())
        if not row.timed:
            return _summary([row.figure(runner.run(row.workload()))])
        runner.run(row.workload())
        figures: list[float] = []
        measured = 0.0
        started = time.perf_counter()
        while len(figures) < FEWEST_REPETITIONS or (
            measured < seconds and time.perf_counter() - started < 3 * seconds
        ):
            gc.collect()
            lap = runner.run(row.workload())
            if not isinstance(lap, Lap):
                raise TypeError(f"the workload of {row.name} has to return a lap")
            figures.append(row.figure(lap, clock))
            measured += lap.wall
        return _summary(figures)


def _summary(figures: list[float]) -> Measurement:
    return Measurement(min(figures), statistics.median(figures), len(figures))
