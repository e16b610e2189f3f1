"""The command line: runs random programs on stock and on an engine, and shows what differs."""

import argparse
import sys
from pathlib import Path

from . import compare, engines
from .generate import generate
from .pair import Pair, WorkerMissing
from .render import comment, program_part, program_text, script_text
from .search import Search

NO_LINT = ("ruff: noqa", "fmt: off")
"""What a kept program says to the linter: its names are those of ``stage``."""

SAME, DIFFERENT, UNUSABLE = 0, 1, 2


def main(arguments=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.check_arguments:
        return SAME
    engine = engines.engine(options.loop, options.way)
    try:
        if options.script is not None:
            return _print_script(options.script, options.clock)
        if options.replay:
            return _replay(engine, options.replay)
        return _search(engine, options)
    except (WorkerMissing, OSError) as error:
        print(f"order: {error}", file=sys.stderr)
        return UNUSABLE


def _number(text):
    """Return the number that the text is, at least one: with less, nothing is compared."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _kept(text):
    """Return the path of a program that is there."""
    if not (path := Path(text)).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _parser():
    parser = argparse.ArgumentParser(
        prog="conformance/order/run.py",
        description="Run random programs on stock asyncio and on an engine; compare their traces.",
    )
    add = parser.add_argument
    add("--programs", type=_number, default=5000, metavar="N")
    add("--seed", type=int, default=0, help="of the first program; the next has the next number")
    add("--loop", default="stook", help="stook (default), uvloop, rloop, asyncio, MODULE:MAKER")
    add("--way", choices=(engines.LAUNCHER, engines.LOOP_FACTORY), default=engines.LAUNCHER)
    add("--clock", choices=("virtual", "real"), help="default: real in one program of ten")
    add("--jobs", type=_number, default=1, metavar="N", help="pairs of processes at a time")
    add("--most", type=_number, default=1, metavar="N", help="divergences after which to stop")
    add("--shrink", action=argparse.BooleanOptionalAction, default=True)
    add("--keep", type=Path, metavar="DIR", help="write the divergent programs to files there")
    add("--replay", type=_kept, nargs="+", metavar="FILE", help="compare programs kept before")
    add("--script", metavar="SEED|FILE", help="print the script of a program and run nothing")
    # What `cargo xtask` asks before it builds: whether the command would refuse its arguments.
    add("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    return parser


def _search(engine, options):
    seeds = range(options.seed, options.seed + options.programs)
    search = Search(
        engine,
        seeds,
        clock=options.clock,
        most=options.most,
        shrink=options.shrink,
        tell=lambda divergence: _tell(engine, divergence, options.keep),
    )
    search.run(options.jobs)
    print(
        f"order: {engine.name}: {search.programs} programs, {search.lines} lines,"
        f" {search.left_out} left out, {len(search.divergences)} divergences,"
        f" {search.seconds:.1f} s",
        file=sys.stderr,
    )
    return DIFFERENT if search.divergences else SAME


def _tell(engine, divergence, directory):
    title = [
        f"seed {divergence.seed}: the order differs between stock asyncio and {engine.name}",
        f"compare: {engines.stock(engine).script_command()}",
        f"    and: {engine.script_command()}",
    ]
    if not divergence.lasting:
        title.append("not every time: now and then, or only after other programs in one process")
    title += ["", *compare.first_difference(divergence.expected, divergence.found, engine.name)]
    program = program_text(divergence.program)
    print(script_text(program, title), flush=True)
    if directory:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"seed_{divergence.seed}.py"
        path.write_text(comment([*title, *NO_LINT]) + "\n" + program, encoding="utf-8")


def _print_script(which, clock):
    if which.isdecimal():
        text = program_text(generate(int(which), clock=clock))
    else:
        text = program_part(Path(which).read_text(encoding="utf-8"))
    print(script_text(text, [which]))
    return SAME


def _replay(engine, paths):
    different = 0
    with Pair(engine) as pair:
        pair.check()
        for path in paths:
            traces = pair.run(program_part(path.read_text(encoding="utf-8")))
            if compare.differ(*traces):
                different += 1
                print("\n".join([f"{path}:", *compare.first_difference(*traces, engine.name)]))
    print(f"order: {engine.name}: {len(paths)} programs, {different} differ")
    return DIFFERENT if different else SAME
