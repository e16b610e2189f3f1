"""Measures one row on one implementation; `run.py` starts it and reads the line it prints.

    python bench/worker.py uvloop task/create_await --seconds 0.3
    python -m stook bench/worker.py stook task/create_await

Without a row it prints the implementation's version.
"""

import argparse
import asyncio
import json

from driver import engines
from driver.measurement import measure
from driver.row import Clock, Row
from rows import ROWS


def main() -> None:
    """Measure what the command line asks for and print it as one line of JSON."""
    parser = argparse.ArgumentParser(description="Measure one row on one implementation.")
    parser.add_argument("implementation", choices=engines.ENGINES)
    parser.add_argument("row", nargs="?", choices=ROWS)
    parser.add_argument("--seconds", type=float, default=0.3, help="measured time to aim for")
    parser.add_argument("--clock", type=Clock, default=Clock.WALL, help="wall or processor")
    arguments = parser.parse_args()
    engine = engines.ENGINES[arguments.implementation]
    if arguments.row is None:
        print(json.dumps(describe(engine)))
    else:
        print(json.dumps(answer(ROWS[arguments.row], engine, arguments.seconds, arguments.clock)))


def answer(row: Row, engine: engines.Engine, seconds: float, clock: Clock) -> dict[str, object]:
    """The figures, or what the loop does not have: a row may need what not every loop can do."""
    try:
        return {**measure(row, engine, seconds, clock).as_dictionary()}
    except NotImplementedError as error:
        return {"lacks": str(error) or "the loop has no such method"}


def describe(engine: engines.Engine) -> dict[str, str]:
    """The version, or why there is none: both are answers, an error is not."""
    try:
        with asyncio.Runner(loop_factory=engine.loop_factory()) as runner:
            engine.prepare(runner.get_loop())
    except engines.Unavailable as reason:
        return {"unavailable": str(reason)}
    return {"version": engine.version()}


if __name__ == "__main__":
    main()
