"""Does the cost of one operation stay what it is, from a hundred of them to a million?

    python bench/run_growth.py
    python bench/run_growth.py --series '^gather/' --implementations asyncio,uvloop,stook
    python bench/run_growth.py --out docs/benchmarks/NAME

Each size of each series is measured in a process of its own, round after round. ``growth`` is what
one operation costs at the largest size, in terms of the cheapest. What fails at one size is not
tried at a larger one. With ``--out`` a page is written, too. The exit status is 1 when a
process failed, or when stook grows by more than a series allows and by more than the part of it
that is no work of the loop, such as making the coroutines; 130 when the run was interrupted, which
prints what was measured until then.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

from driver import campaign, engines, machine
from driver.arguments import count, implementations, outputs, parse, pattern
from driver.processes import WorkerFailed, ask
from driver.row import Clock
from growth.measurement import measure
from growth.report import Figures, lines, markdown, verdicts
from growth.series import SERIES, Collector


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    arguments = _arguments()
    if arguments.check_arguments:
        return 0
    if arguments.worker:
        name, collector, size = arguments.worker
        engine = engines.ENGINES[arguments.implementations[0]]
        series = SERIES[name]
        found = measure(series, int(size), engine, Collector(collector), arguments.clock)
        print(json.dumps({"nanoseconds": found}))
        return 0
    try:
        versions, _ = campaign.available(arguments.implementations, all_wanted=True)
    except campaign.CannotCompare as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    figures = Figures()
    interrupted = False
    try:
        _run(arguments, figures)
    except KeyboardInterrupt:
        interrupted = True
    found = [] if interrupted else list(verdicts(figures, "stook"))
    text = [
        *lines(figures, arguments.implementations),
        *(
            f"failed: {series} of {size:,} on {engine}, collector {collector.value}: {reason}"
            for (series, engine, collector, size), reason in figures.failures.items()
        ),
        *(f"stook: {verdict}" for verdict in found),
    ]
    print("\n".join(text))
    if interrupted:
        print("interrupted: the figures are of fewer rounds, and are not written", file=sys.stderr)
        return 130
    if arguments.out:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        context = machine.Context(today, arguments.clock.value, machine.shape(), versions)
        page = markdown(text, context, arguments.rounds)
        arguments.out.with_name(f"{arguments.out.name}.md").write_text(page, encoding="utf-8")
    failed = any(engine == "stook" for _, engine, _, _ in figures.failures)
    return 1 if failed or any(verdict.is_ours for verdict in found) else 0


def _run(arguments: argparse.Namespace, figures: Figures) -> None:
    wanted = [series for name, series in SERIES.items() if arguments.series.search(name)]
    needed = {series.without for series in wanted} - {None}
    wanted += [SERIES[name] for name in needed if name and SERIES[name] not in wanted]
    collectors = {series.name: list(series.limits) or list(Collector) for series in SERIES.values()}
    for number in range(arguments.rounds):
        for series in wanted:
            sizes = [size for size in series.sizes if size <= arguments.largest]
            print(f"round {number + 1} of {arguments.rounds}: {series.name}", file=sys.stderr)
            for size in sizes:
                for collector in collectors[series.name]:
                    for engine in arguments.implementations:
                        key = (series.name, engine, collector, size)
                        if not _has_failed(figures, key):
                            _measure(figures, key, arguments.clock)


def _has_failed(figures: Figures, key: tuple[str, str, Collector, int]) -> bool:
    """Whether this size cannot be measured: because it could not, or a smaller one."""
    return any(other[:3] == key[:3] and other[3] <= key[3] for other in figures.failures)


def _measure(figures: Figures, key: tuple[str, str, Collector, int], clock: Clock) -> None:
    series, engine, collector, size = key
    try:
        answer = ask(
            engines.ENGINES[engine],
            "--worker",
            series,
            collector.value,
            str(size),
            "--clock",
            clock.value,
            worker=Path(__file__).resolve(),
            leading=("--implementations",),
        )
    except WorkerFailed as failure:
        figures.failures[key] = str(failure)
    else:
        figures.add(key, answer["nanoseconds"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how costs grow with size.")
    parser.add_argument(
        "--series", type=pattern(SERIES), default="", help="only those this regex finds"
    )
    parser.add_argument("--rounds", type=count, default=5, help="processes for each figure (5)")
    parser.add_argument(
        "--largest", type=count, default=10**9, help="leave out sizes greater than this"
    )
    parser.add_argument(
        "--implementations",
        type=implementations,
        default=("stook",),
        help="comma-separated (stook)",
    )
    parser.add_argument("--clock", type=Clock, default=Clock.WALL, help="wall or processor")
    parser.add_argument("--out", type=outputs(".md"), help="write OUT.md")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parse(parser)
    wanted = [series for name, series in SERIES.items() if arguments.series.search(name)]
    smallest = min(min(series.sizes) for series in wanted)
    if arguments.largest < smallest:
        parser.error(f"argument --largest: the smallest size is {smallest:,}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
