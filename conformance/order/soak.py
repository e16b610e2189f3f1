"""Runs random programs for a long time in one process and watches its memory.

The same programs run again and again: once all have run, a further round needs no memory that the
one before it did not.
"""

import argparse
import dataclasses
import sys
import time

from . import compare, engines
from .generate import generate
from .pair import Worker, WorkerMissing
from .render import program_text

FLAT, GROWING, UNUSABLE = 0, 1, 2

MEASURE = """
import gc, os, sys

class stage:
    @staticmethod
    def perform(program):
        gc.collect()
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return [resident, sys.getallocatedblocks(), len(gc.get_objects())]

def program(): pass
"""
"""A program that answers with what ``Memory`` has, instead of a trace."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """What a process has in use after a collection.

    Attributes:
        resident: Resident memory, in bytes.
        blocks: Blocks that the interpreter's allocator has given away.
        objects: Objects that the collector knows.
    """

    resident: int
    blocks: int
    objects: int


ALLOWED = {"resident": (0.02, 2**21), "blocks": (0.005, 500), "objects": (0.005, 100)}
"""How much more may be in use at the end, as a part and in bytes or numbers: the larger counts."""


class Died(Exception):
    """A program ended the process, or did not end."""


def growth(memories):
    """Return what has grown, as a dict of field to least use in the middle and at the end.

    The first third is left out: caches fill, and arenas are cut up. In the others the least counts,
    because what a round needs for a moment differs.

    Args:
        memories: A ``Memory`` for each round; at least six.
    """
    third = len(memories) // 3
    middle, end = memories[third : 2 * third], memories[2 * third :]
    grown = {}
    for field, (part, number) in ALLOWED.items():
        before, after = (min(getattr(each, field) for each in some) for some in (middle, end))
        if after - before > max(before * part, number):
            grown[field] = (before, after)
    return grown


def soak(engine, texts, go_on, tell):
    """Run the programs round after round; return a ``Memory`` for each.

    Args:
        engine: What runs them.
        texts: The programs.
        go_on: Called with the number of rounds so far; whether to run another one.
        tell: Called with each ``Memory``.

    Raises:
        Died: A program ended the process.
    """
    worker = Worker(engine)
    memories = []
    try:
        worker.check()
        while go_on(len(memories)):
            for number, text in enumerate(texts):
                trace = _run(worker, text)
                if compare.was_killed(trace):
                    raise Died("\n".join([f"program {number}:", *trace]))
            memories.append(Memory(*_run(worker, MEASURE)))
            tell(memories[-1])
    finally:
        worker.close()
    return memories


def _run(worker, text):
    worker.send(text)
    return worker.receive()


def main(arguments=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.check_arguments:
        return FLAT
    seeds = range(options.seed, options.seed + options.programs)
    texts = [program_text(generate(seed, clock="virtual")) for seed in seeds]
    began = time.monotonic()

    def go_on(rounds):
        return rounds < 6 or time.monotonic() - began < options.minutes * 60

    def tell(memory):
        minutes = (time.monotonic() - began) / 60
        print(
            f"{minutes:7.1f} min  {memory.resident / 2**20:8.1f} MiB  {memory.blocks:9} blocks"
            f"  {memory.objects:8} objects",
            flush=True,
        )

    try:
        memories = soak(engines.engine(options.loop), texts, go_on, tell)
    except WorkerMissing as error:
        print(f"soak: {error}", file=sys.stderr)
        return UNUSABLE
    except Died as error:
        print(f"soak: from seed {options.seed} on, {error}", file=sys.stderr)
        return GROWING
    grown = growth(memories)
    print(f"soak: {len(memories)} rounds of {options.programs} programs")
    for field, (before, after) in grown.items():
        print(f"soak: {field} grew from {before} to {after}")
    print("soak: memory grows" if grown else "soak: memory is flat")
    return GROWING if grown else FLAT


def _parser():
    parser = argparse.ArgumentParser(
        prog="conformance/order/run_soak.py",
        description="Run random programs for a long time in one process and watch its memory.",
    )
    add = parser.add_argument
    add(
        "--minutes", type=_minutes, default=60.0, help="how long; six rounds at least (default: 60)"
    )
    add("--programs", type=_number, default=1000, metavar="N", help="of a round (default: 1000)")
    add("--seed", type=int, default=0, help="of the first program; the next has the next number")
    add("--loop", default="stook", help="stook (default), uvloop, rloop, asyncio, MODULE:MAKER")
    # What `cargo xtask` asks before it builds: whether the command would refuse its arguments.
    add("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    return parser


def _minutes(text):
    """Return a time that is none before it began, and ends."""
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes")
    return minutes


def _number(text):
    """Return the number that the text is, at least one: of no program the memory is flat."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)
