"""Compares HTTP servers on stook, asyncio, uvloop and rloop, under wrk's load.

    python bench/run_http.py
    python bench/run_http.py --seconds 5 --rounds 3 --connections 100 --out docs/benchmarks/NAME

aiohttp and uvicorn serve one page, each on each implementation in a process of its own, round after
round; what counts are ratios of figures of one round. A request that is not answered well fails the
server, and so do errors that stook's process writes; those of a rival's are reported. The exit
status is 1 when a process failed, whatever the figures are, 2 when there is no wrk or no stook, and
130 when the run was interrupted, which prints what was measured and writes nothing.
"""

import argparse
import datetime
import sys

from driver import campaign, machine
from driver.arguments import count, implementations, outputs, parse
from driver.engines import ENGINES, Engine
from driver.processes import WorkerFailed
from serving import report, wrk
from serving.figures import Figures
from serving.process import served
from serving.servers import SERVERS

DEFAULT = ("asyncio", "uvloop", "rloop", "stook", "stook-loop")
"""What is measured when nothing is asked for."""

WARMING = 1
"""Seconds of load before a server is measured."""


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    arguments = _arguments()
    if not wrk.is_installed():
        print(f"bench: {wrk.MISSING}", file=sys.stderr)
        return 2
    if arguments.check_arguments:
        return 0
    try:
        versions, reasons = campaign.available(
            arguments.implementations or DEFAULT, all_wanted=arguments.implementations is not None
        )
    except campaign.CannotCompare as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    for name, reason in reasons.items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    figures = Figures(list(SERVERS), [ENGINES[name] for name in versions])
    interrupted = False
    try:
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            one_round(figures, number, arguments.connections, arguments.seconds)
    except KeyboardInterrupt:
        interrupted = True
    for line in report.text(figures):
        print(line)
    if interrupted:
        print("interrupted: the figures are of fewer rounds, and are not written", file=sys.stderr)
        return 130
    if arguments.out:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        context = machine.Context(today, "wall", machine.shape(), versions, reasons)
        load = (
            f"{arguments.rounds} rounds of {arguments.seconds} seconds, "
            f"{arguments.connections} connections"
        )
        page = report.markdown(figures, context, load)
        arguments.out.with_name(f"{arguments.out.name}.md").write_text(page, encoding="utf-8")
        found = report.as_json(figures, context, load)
        arguments.out.with_name(f"{arguments.out.name}.json").write_text(found, encoding="utf-8")
    return 1 if figures.failures else 0


def one_round(figures: Figures, number: int, connections: int, seconds: int) -> None:
    """Measure each server on each implementation; another one begins each round."""
    first = number % len(figures.engines)
    for server in figures.servers:
        for engine in figures.engines[first:] + figures.engines[:first]:
            if (server, engine.name) not in figures.failures:
                _measure(figures, server, engine, number, connections, seconds)


def _measure(
    figures: Figures, server: str, engine: Engine, number: int, connections: int, seconds: int
) -> None:
    try:
        with served(engine, server) as found:
            wrk.measure(found, connections, WARMING)
            sample = wrk.measure(found, connections, seconds)
        if found.complaint and engine.ours:
            raise WorkerFailed(f"errors were written: {found.complaint}")
    except WorkerFailed as failure:
        figures.failed(server, engine.name, str(failure))
        print(f"  {server}/{engine.name} failed: {failure}", file=sys.stderr)
    else:
        if found.complaint:
            figures.complaints[server, engine.name] = found.complaint
        figures.serves[server] = found.serves
        figures.add(server, engine.name, number, sample)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare HTTP servers under wrk's load.")
    parser.add_argument("--seconds", type=count, default=3, help="measured in a process (3)")
    parser.add_argument("--rounds", type=count, default=5, help="processes for each figure (5)")
    parser.add_argument("--connections", type=count, default=64, help="all the time (64)")
    parser.add_argument(
        "--implementations",
        type=implementations,
        help=f"comma-separated; default: {','.join(DEFAULT)}",
    )
    parser.add_argument("--out", type=outputs(".md", ".json"), help="write OUT.md and OUT.json")
    return parse(parser)


if __name__ == "__main__":
    sys.exit(main())
