"""Looks for programs whose traces differ between stock asyncio and an engine."""

import itertools
import threading
import time
from dataclasses import dataclass, field

from . import compare
from .generate import generate
from .pair import PROGRAM_LIMIT, Pair
from .render import program_text
from .shrink import shrink
from .tree import PLAIN_SETTINGS, Program

SHRINK_LIMIT = 5.0
"""Seconds a program may take while it is made smaller."""


@dataclass
class Divergence:
    """A program that behaves differently.

    Args:
        seed: What gives the program.
        program: The program, made smaller if that was asked for.
        expected: Its trace on stock.
        found: Its trace on the engine.
        lasting: Whether it differs every time, not only now and then or after other programs.
    """

    seed: int
    program: Program
    expected: list
    found: list
    lasting: bool = True


@dataclass
class Search:
    """A search through programs, and what came of it.

    Args:
        engine: What to compare with stock.
        seeds: Which programs to run.
        clock: As for ``generate``.
        most: Divergences after which to stop.
        shrink: Whether to make the programs smaller.
        tell: Called with each divergence as it is found.
        limit: Seconds a program may take.
    """

    engine: object
    seeds: range
    clock: str | None = None
    most: int = 1
    shrink: bool = True
    tell: object = None
    limit: float = PROGRAM_LIMIT
    divergences: list = field(default_factory=list)
    programs: int = 0
    left_out: int = 0
    lines: int = 0
    seconds: float = 0.0

    def __post_init__(self):
        self._left = iter(self.seeds)
        self._lock = threading.Lock()
        if not self.engine.has_virtual_time:
            self.clock = "real"

    def run(self, jobs=1):
        """Run the programs, ``jobs`` pairs of workers at a time."""
        began = time.monotonic()
        failures = []
        threads = [threading.Thread(target=self._run_some, args=(failures,)) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.monotonic() - began
        if failures:
            raise failures[0]

    def _run_some(self, failures):
        try:
            with Pair(self.engine, self.limit) as pair:
                pair.check()
                self._compare_each(pair)
        except BaseException as error:
            failures.append(error)

    def _compare_each(self, pair):
        """Run programs one after the other, the next one drawn while the workers are busy."""
        begun = None
        for seed, program in itertools.chain(self._programs(), [(None, None)]):
            traces = pair.traces() if begun else None
            if program:
                pair.begin(program_text(program))
            if begun:
                self._count(*begun, *traces)
            begun = (seed, program) if program else None

    def _programs(self):
        while True:
            with self._lock:
                seed = next(self._left, None)
                if seed is None or len(self.divergences) >= self.most:
                    return
            yield seed, generate(seed, clock=self.clock)

    def _count(self, seed, program, expected, found):
        differs = compare.differ(expected, found)
        with self._lock:
            self.programs += 1
            self.lines += len(expected)
            self.left_out += not compare.comparable(expected)
            if not differs:
                return
        divergence = self._examine(Divergence(seed, program, expected, found))
        with self._lock:
            if len(self.divergences) < self.most:
                self.divergences.append(divergence)
                if self.tell:
                    self.tell(divergence)

    def _examine(self, divergence):
        """Run a divergent program once more in new processes, and make it smaller there."""
        with Pair(self.engine, min(self.limit, SHRINK_LIMIT)) as pair:
            traces = pair.run(program_text(divergence.program))
            if not compare.differ(*traces):
                divergence.lasting = False
                return divergence
            divergence.expected, divergence.found = traces
            if self.shrink:
                self._make_smaller(divergence, pair)
        return divergence

    def _make_smaller(self, divergence, pair):
        """Shrink the program; one that kills the engine's process must go on doing so."""
        killing = compare.was_killed(divergence.found)

        def diverges(program):
            expected, found = pair.run(program_text(program))
            return compare.differ(expected, found) and compare.was_killed(found) == killing

        settings = PLAIN_SETTINGS | ({} if self.engine.has_virtual_time else {"clock": "real"})
        smaller = shrink(divergence.program, diverges, settings)
        traces = pair.run(program_text(smaller))
        if compare.differ(*traces):
            divergence.program = smaller
            divergence.expected, divergence.found = traces
        else:
            divergence.lasting = False
