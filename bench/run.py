"""Compares stook with asyncio, uvloop and rloop.

    python bench/run.py
    python bench/run.py --rows '^gather/' --rounds 3 --implementations asyncio,uvloop,stook
    python bench/run.py --out docs/benchmarks/cpython-3.13

Each row is measured on each implementation in a process of its own, round after round; what counts
are ratios of figures of one round. A rival that is not installed is left out, unless it was asked
for by name. With ``--out`` a page, a picture and the figures are written too. The exit status is 1
when a process failed, whatever the figures are; 130 when the run was interrupted, which prints what
was measured until then and writes nothing.
"""

import argparse
import datetime
import sys
from pathlib import Path

from driver import campaign, machine, page, plot, text, verdicts
from driver.arguments import amount, count, implementations, outputs, parse, pattern
from driver.engines import DEFAULT, ENGINES
from driver.results import Results
from driver.row import Clock
from rows import ROWS


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    arguments = _arguments()
    if arguments.check_arguments:
        return 0
    rows = [row for name, row in ROWS.items() if arguments.rows.search(name)]
    names = arguments.implementations or DEFAULT
    try:
        versions, reasons = campaign.available(
            names, all_wanted=arguments.implementations is not None
        )
    except campaign.CannotCompare as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    for name, reason in reasons.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    engines = [ENGINES[name] for name in versions]
    options = ("--seconds", str(arguments.seconds), "--clock", arguments.clock.value)
    results = campaign.run(rows, engines, arguments.rounds, options, sys.stderr)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    context = machine.Context(today, arguments.clock.value, machine.shape(), versions, reasons)
    _print(results)
    if results.interrupted:
        print("interrupted: the figures are of fewer rounds, and are not written", file=sys.stderr)
        return 130
    if arguments.out:
        _write(results, context, arguments.out)
    return 1 if results.failures else 0


def _print(results: Results) -> None:
    for line in text.report(results):
        print(line)
    for line in verdicts.verdicts(results):
        print(line)
    apart = verdicts.verdicts_apart(results)
    if apart:
        print("Outside task control:")
    for line in apart:
        print(line)


def _write(results: Results, context: machine.Context, out: Path) -> None:
    """Write ``out.md``, ``out.json`` and, where there is something to compare with, ``out.svg``."""
    names = [engine.name for engine in results.engines]
    base = next((base for base in text.BASES if base in names), None)
    picture = f"{out.name}.svg" if base else None
    if base and picture:
        out.with_name(picture).write_text(plot.svg(results, base), encoding="utf-8")
    out.with_name(f"{out.name}.json").write_text(page.as_json(results, context), encoding="utf-8")
    content = page.markdown(results, context, picture)
    out.with_name(f"{out.name}.md").write_text(content, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare stook with asyncio, uvloop and rloop.")
    parser.add_argument("--rows", type=pattern(ROWS), default="", help="only rows this regex finds")
    parser.add_argument("--rounds", type=count, default=5, help="processes for each figure (5)")
    parser.add_argument(
        "--implementations",
        type=implementations,
        help=f"comma-separated; default: {','.join(DEFAULT)}",
    )
    parser.add_argument("--seconds", type=amount, default=0.3, help="measured in a process (0.3)")
    parser.add_argument(
        "--clock",
        type=Clock,
        default=Clock.WALL,
        help="wall (default), or processor on a busy machine",
    )
    parser.add_argument(
        "--out", type=outputs(".md", ".json", ".svg"), help="write OUT.md, OUT.json and OUT.svg"
    )
    parser.add_argument("--list", action="store_true", help="print the rows and do nothing else")
    arguments = parse(parser)
    if arguments.list:
        for name, row in ROWS.items():
            print(f"{name:<26} {row.summary}")
        parser.exit()
    return arguments


if __name__ == "__main__":
    sys.exit(main())
