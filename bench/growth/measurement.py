"""Measures one series at one size on one implementation, in this process."""

import asyncio
import gc
import time

from driver.engines import Engine
from driver.row import Clock
from growth.series import Collector, Series

SECONDS = 0.3
"""For how long, about, one process measures."""
FEWEST = 3
"""At least so many repetitions are made, and the best one counts; fewer where they take long."""
LONG = 5.0
"""Seconds after which none is added."""
OPERATIONS = 20_000
"""A repetition runs a small workload so often that it comes to so many operations."""


def measure(series: Series, size: int, engine: Engine, collector: Collector, clock: Clock) -> float:
    """Nanoseconds for one operation at this size."""
    with asyncio.Runner(loop_factory=engine.loop_factory(), debug=False) as runner:
        engine.prepare(runner.get_loop())
        figures: list[float] = []
        started = time.perf_counter()
        while _goes_on(len(figures), time.perf_counter() - started):
            gc.enable()
            gc.collect()
            if collector is Collector.OFF:
                gc.disable()
            figures.append(runner.run(_repetition(series, size, clock)))
        return min(figures)


async def _repetition(series: Series, size: int, clock: Clock) -> float:
    seconds, operations = 0.0, 0
    while operations < OPERATIONS:
        lap = await series.workload(size)
        seconds += lap.wall if clock is Clock.WALL else lap.processor
        operations += lap.operations
    return seconds / operations * 1e9


def _goes_on(repetitions: int, seconds: float) -> bool:
    if seconds > LONG:
        return repetitions == 0
    return repetitions < FEWEST or seconds < SECONDS
