"""The instructions that one operation takes on asyncio, on uvloop and on stook.

    python bench/compare_instructions.py

Everything that is executed counts, but for the system. Compares nothing with committed figures; see
`instructions.py`. It needs valgrind, and runs on an interpreter that has stook and uvloop.
"""

import argparse
import re
import sys
from pathlib import Path

from counting import callgrind
from driver import campaign
from driver.arguments import parse
from driver.engines import ENGINES, Engine

COMPARED = ("asyncio", "uvloop", "stook")
COUNTED = Path(__file__).resolve().parent / "counted.py"
MADE_BY_FACTORY = """
import asyncio, gc, sys
sys.path.insert(0, {directory!r})
import counted, {factory}
gc.disable()
with asyncio.Runner(loop_factory={factory}.new_event_loop) as runner:
    runner.run(counted.main())
"""


def main() -> int:
    """Count on each, and print a line for each row; return the exit status."""
    arguments = parse(argparse.ArgumentParser(description="Count instructions beside others'."))
    if arguments.check_arguments:
        return 0
    if not callgrind.is_installed():
        print(f"error: {callgrind.MISSING}", file=sys.stderr)
        return 1
    try:
        campaign.available(COMPARED, all_wanted=True)
        counted = {name: _count(ENGINES[name]) for name in COMPARED}
    except (callgrind.CountingFailed, campaign.CannotCompare) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{'one operation':<30}" + "".join(f"{name:>10}" for name in counted))
    for row in counted["stook"]:
        print(f"{row:<30}" + "".join(f"{counted[name][row]:>10,.0f}" for name in counted))
    return 0


def _count(engine: Engine) -> dict[str, float]:
    import counted

    launcher: list[str | Path] = [part for module in engine.launcher for part in ("-m", module)]
    program: list[str | Path] = [COUNTED]
    if engine.factory:
        text = MADE_BY_FACTORY.format(directory=str(COUNTED.parent), factory=engine.factory)
        program = ["-c", text]
    command = [sys.executable, *launcher, *program]
    printed, parts = callgrind.run(command, re.compile("python"))
    rows = printed.splitlines()
    return {
        row: (parts[3 * number + 1].all - parts[3 * number].all) / counted.COUNT
        for number, row in enumerate(rows)
    }


if __name__ == "__main__":
    sys.exit(main())
