"""The command line: runs the suites on stock and on stook, and says what differs."""

import argparse
import sys
import time

from . import compare, page, place, projects, supervise, ways

SAME, DIFFERENT, UNUSABLE = 0, 1, 2


def main(arguments=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    known = projects.read()
    chosen = options.projects.split(",") if options.projects else list(known)
    ways_to_run = options.ways.split(",") if options.ways else list(ways.WAYS)
    for name, among in [(n, known) for n in chosen] + [(n, ways.WAYS) for n in ways_to_run]:
        if name not in among:
            print(f"downstream: {name!r} is none of {', '.join(among)}", file=sys.stderr)
            return UNUSABLE
    if options.check_arguments:
        return SAME
    if options.page:
        page.write(known)
        return SAME
    origin = page.circumstances()
    try:
        same = [_run(known[name], ways_to_run, options.match, origin) for name in chosen]
    except (place.CannotPlace, supervise.CannotRun) as error:
        print(f"downstream: {error}", file=sys.stderr)
        return UNUSABLE
    return SAME if all(same) else DIFFERENT


def _parser():
    parser = argparse.ArgumentParser(
        prog="downstream/run.py",
        description="Run other packages' own tests on stock asyncio and on stook, and compare.",
    )
    add = parser.add_argument
    add("--projects", metavar="NAMES", help="with commas; default: those of projects.toml")
    add("--ways", metavar="NAMES", help=f"with commas, of {', '.join(ways.WAYS)}; default: all")
    add("--match", metavar="PATTERN", help="only tests whose id matches; nothing is kept")
    add("--page", action="store_true", help=f"only write {page.PAGE.name} from what is kept")
    # What `cargo xtask` asks before it builds: whether the command would refuse its arguments.
    add("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    return parser


def _run(project, ways_to_run, match, origin):
    """Run one suite on stock and on each way; return whether nothing differs."""
    suite = place.prepare(project)
    print(f"\n{project.name} {project.version}", flush=True)
    for entry in project.left_out:
        print(f"  left out: {' '.join(entry['ids'])}: {entry['reason']}")
    only = None if match is None else [match]
    stock = _timed(suite, ways.STOCK, only)
    if not any("::" in name for name in stock):
        raise supervise.CannotRun(f"{project.name} has no test that matches {match!r}")
    same = True
    for way in ways_to_run:
        ours = _timed(suite, way, only)
        comparison = compare.settle(
            stock,
            ours,
            lambda names, way=way: [_timed(suite, each, names) for each in (ways.STOCK, way)],
            project.expected_on(way),
        )
        _show(way, comparison)
        same = same and comparison.is_clean
        if match is None:
            page.keep(project, way, comparison, origin)
    return same


def _timed(suite, way, only):
    begun = time.monotonic()
    outcomes = supervise.run(suite, way, only)
    seconds = time.monotonic() - begun
    print(f"  {way}: {len(outcomes)} tests in {seconds:.0f} seconds", flush=True)
    return outcomes


def _show(way, comparison):
    for engine, counts in comparison.counts.items():
        counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        print(f"  {engine if engine == ways.STOCK else way}: {counted}")
    for name in comparison.flaky:
        print(f"  differed once, not again: {name}")
    for name, kind in comparison.differences.items():
        print(f"  {kind}: {name}")
        for line in comparison.details[name].splitlines()[-12:]:
            print(f"      {line}")
    for name, kind in comparison.expected.items():
        print(f"  {kind}, as expected: {name}")
    for name in comparison.stale:
        print(f"  expected to differ, and does not: {name}")
    print(f"  {way}: {len(comparison.differences)} differences", flush=True)
