"""Counts instructions, and compares them with what is committed.

    python bench/instructions.py [--write]

It runs the kernel's machines (`kernel/main.rs`) and steps of tasks (`counted.py`) under callgrind,
and fails where an operation takes over 3 % more than in `instructions.toml`. Where that file has no
figures for this compiler and Python it shows them, and that is all.
"""

import argparse
import sys

from counting import callgrind, figures, programs, table
from counting.callgrind import CountingFailed
from counting.figures import Committed, Figures, Kept
from counting.programs import PROGRAMS, Program
from counting.verdicts import Comparison
from driver.arguments import parse

RUNS = 3
"""So often a program is run before a figure counts as risen."""


def main() -> int:
    """Count everything and say what has changed; the exit status is 1 where something has risen."""
    parser = argparse.ArgumentParser(description="Count instructions under callgrind.")
    parser.add_argument("--write", action="store_true", help="commit the figures of this setting")
    arguments = parse(parser)
    write = arguments.write
    otherwise = programs.otherwise_built()
    if not callgrind.is_installed():
        return _refuse(callgrind.MISSING)
    if otherwise is not None and write:
        return _refuse(f"{otherwise} is set: figures are of the compiler's ways without it")
    committed = figures.load()
    if arguments.check_arguments:
        return 0
    try:
        if write:
            for program in [make() for make in PROGRAMS]:
                kept = committed.get(program.setting, Kept({}))
                committed[program.setting] = kept.replaced(_least(program), program.build)
            figures.FILE.write_text(figures.dump(committed))
            print(f"written: {figures.FILE.name}")
            return 0
        if otherwise is not None:
            print(f"{otherwise} is set: nothing is compared with the committed figures")
            committed = {}
        # Each program is counted, whatever becomes of the others.
        passed = [passes(make(), committed) for make in PROGRAMS]
        return 0 if all(passed) else 1
    except CountingFailed as reason:
        return _refuse(str(reason))


def _refuse(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1


def _least(program: Program) -> Figures:
    """The least of some runs: the loop looks at the clock, and that is no work."""
    least = program.count()
    for _ in range(RUNS - 1):
        least = least.lower(program.count())
    return least


def passes(program: Program, committed: Committed) -> bool:
    """Count one program, say what was found, and whether nothing has risen."""
    kept = committed.get(program.setting)
    counted = program.count()
    print(f"\n{program.setting}")
    if kept is None:
        print(table.shown(counted))
        print("No figures are committed for this setting: nothing is compared.")
        return True
    known = kept.of_build(program.build)
    comparison = Comparison.of(known, counted)
    for _ in range(RUNS - 1):
        if comparison.fails:
            counted = counted.lower(program.count())
            comparison = Comparison.of(known, counted)
    print(table.compared(comparison, counted))
    if program.build is not None and not comparison.everywhere:
        print("Everywhere is not compared: nothing is committed for this build of the interpreter.")
    if comparison.fails:
        print("More than 3 % over the committed figures. Where that is meant, commit these:")
        print("    cargo xtask instructions --write")
    elif comparison.is_stale:
        print("The committed figures are not those of this code any more: write them anew, with")
        print("    cargo xtask instructions --write")
    return not comparison.fails


if __name__ == "__main__":
    sys.exit(main())
