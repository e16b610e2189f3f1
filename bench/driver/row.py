"""What a row is: one workload with a name, a unit and a goal.

A workload is a coroutine function without arguments. It does its work, checks that it was done
(`expect`) and returns what it measured: a `Lap` for time, a number for bytes or objects.
"""

import enum
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


class Unit(enum.Enum):
    """What the figure of a row counts. Less is better in all of them."""

    NANOSECONDS = "ns"
    BYTES = "bytes"
    OBJECTS = "objects"


class Clock(enum.Enum):
    """Which time counts.

    Processor time is for workloads that must wait for a timer, because what they wait is no cost,
    and for machines that do other work meanwhile.
    """

    WALL = "wall"
    PROCESSOR = "processor"


@dataclass(frozen=True, slots=True)
class Lap:
    """One repetition of a timed workload; times in seconds."""

    operations: int
    wall: float
    processor: float


class Stopwatch:
    """Times the body of a ``with`` statement by both clocks."""

    def __enter__(self) -> "Stopwatch":
        self._processor = time.process_time()
        self._wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._wall = time.perf_counter() - self._wall
        self._processor = time.process_time() - self._processor

    def lap(self, operations: int) -> Lap:
        """What was measured, for so many operations."""
        return Lap(operations, self._wall, self._processor)


Workload = Callable[[], Coroutine[Any, Any, Lap | float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results.

    Attributes:
        name: ``area/case``.
        summary: What one operation is, for the reader of the table.
        goal: How many times better than uvloop stook is meant to be.
        limit: The figure stook is meant to stay below, in the row's unit.
        floor: How many times faster than asyncio stook has to be in any case.
        counts: Whether it is task control: part of the mean and of what is said of it. Rows that
            are not are reported apart.
    """

    name: str
    summary: str
    workload: Workload
    unit: Unit = Unit.NANOSECONDS
    clock: Clock = Clock.WALL
    goal: float | None = None
    limit: float | None = None
    floor: float | None = None
    counts: bool = True

    @property
    def timed(self) -> bool:
        """Whether the figure is a time, so that repeating it makes it better."""
        return self.unit is Unit.NANOSECONDS

    def figure(self, measured: Lap | float, clock: Clock = Clock.WALL) -> float:
        """The figure in the row's unit for one operation, by this clock or by the row's own."""
        if not isinstance(measured, Lap):
            return measured
        by_wall = clock is Clock.WALL and self.clock is Clock.WALL
        seconds = measured.wall if by_wall else measured.processor
        return seconds / measured.operations * 1e9


_rows: dict[str, Row] = {}


def row(
    name: str,
    summary: str,
    *,
    unit: Unit = Unit.NANOSECONDS,
    clock: Clock = Clock.WALL,
    goal: float | None = None,
    limit: float | None = None,
    floor: float | None = None,
    counts: bool = True,
) -> Callable[[Workload], Workload]:
    """Make the decorated coroutine function the workload of a new row; see `Row`."""

    def register(workload: Workload) -> Workload:
        if name in _rows:
            raise ValueError(f"two rows are named {name}")
        _rows[name] = Row(name, summary, workload, unit, clock, goal, limit, floor, counts)
        return workload

    return register


def registered() -> list[Row]:
    """All rows whose modules were imported, in the order of import."""
    return list(_rows.values())


class WorkNotDone(Exception):
    """A workload ended without the result it was meant to have."""


def expect(result: object, wanted: object) -> None:
    """Refuse a measurement whose workload has another result than ``wanted``.

    Raises:
        WorkNotDone: They differ.
    """
    if result != wanted:
        raise WorkNotDone(f"the workload gave {result!r}, not {wanted!r}")
