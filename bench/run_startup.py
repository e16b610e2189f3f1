"""What `stook script.py` adds to `python script.py`, for a script that imports asyncio.

    python bench/run_startup.py
    python bench/run_startup.py --pairs 100

The two are started in turn, many times; what counts is the median of what one takes longer than the
other right beside it. A third script that runs nothing says what starting Python costs. The exit
status is 1 when more than ``--limit`` milliseconds are added, and 2 where stook cannot run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from driver import campaign
from driver.arguments import amount, count, parse
from driver.processes import SLOWING

WITHOUT = "pass\n"
IMPORTS = "import asyncio\n"
RUNS = "import asyncio\nasyncio.run(asyncio.sleep(0))\n"


def main() -> int:
    """Measure what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure what starting by stook adds.")
    parser.add_argument("--pairs", type=count, default=40, help="how often each is started (40)")
    parser.add_argument("--limit", type=amount, default=15.0, help="milliseconds (15)")
    arguments = parse(parser)
    if arguments.check_arguments:
        return 0
    if not campaign.has_stook():
        return 2
    with tempfile.TemporaryDirectory() as directory:
        bare, imports, runs = (
            _script(Path(directory, name), text)
            for name, text in (("bare.py", WITHOUT), ("imports.py", IMPORTS), ("runs.py", RUNS))
        )
        python = [sys.executable]
        stook = [sys.executable, "-m", "stook"]
        bare_time = statistics.median(_seconds([*python, bare]) for _ in range(arguments.pairs))
        print(f"python, an empty script: {bare_time * 1e3:.1f} ms")
        added = 0.0
        kinds = (("a script that imports asyncio", imports), ("one that runs a loop", runs))
        for name, script in kinds:
            pairs = [_pair([*python, script], [*stook, script]) for _ in range(arguments.pairs)]
            alone, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
            more = statistics.median(mine - other for other, mine in pairs) * 1e3
            print(f"{name}: python {alone * 1e3:.1f} ms, stook {ours * 1e3:.1f} ms, {more:+.1f} ms")
            added = max(added, more)
    if added > arguments.limit:
        print(f"stook adds {added:.1f} ms, at most {arguments.limit:g} wanted")
        return 1
    return 0


def _script(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _pair(one: list[str], other: list[str]) -> tuple[float, float]:
    return _seconds(one), _seconds(other)


def _seconds(command: list[str]) -> float:
    environment = {name: value for name, value in os.environ.items() if name not in SLOWING}
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
