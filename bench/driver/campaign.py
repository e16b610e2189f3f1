"""One run over rows, implementations and rounds.

Every measurement is a new process. Within a round the implementations take turns on each row, and
the round decides who goes first, so that a slow minute of the machine falls on all of them.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from driver.engines import ENGINES, Engine
from driver.processes import WorkerFailed, ask
from driver.results import Results
from driver.row import Row


class CannotCompare(Exception):
    """An implementation that must not be left out cannot run here."""


def available(names: Iterable[str], *, all_wanted: bool) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the implementations that run here, and the reasons of those that do not.

    Raises:
        CannotCompare: One does not, and all were wanted or it is stook.
    """
    versions: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            answer = ask(ENGINES[name])
        except WorkerFailed as failure:
            answer = {"unavailable": str(failure)}
        if "version" in answer:
            versions[name] = answer["version"]
        else:
            reasons[name] = answer["unavailable"]
    if any(all_wanted or ENGINES[name].ours for name in reasons):
        raise CannotCompare("; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
    return versions, reasons


def has_stook() -> bool:
    """Whether stook runs here; else standard error is told why it does not."""
    try:
        available(("stook",), all_wanted=True)
    except CannotCompare as error:
        print(f"bench: {error}", file=sys.stderr)
        return False
    return True


def run(
    rows: Sequence[Row],
    engines: Sequence[Engine],
    rounds: int,
    options: Sequence[str],
    progress: TextIO,
) -> Results:
    """Measure everything; what fails is noted, left out of later rounds and stops nothing else.

    Who interrupts it gets what was measured until then.

    Args:
        rows: What is measured.
        engines: On what.
        rounds: How many processes there are for each figure.
        options: Further arguments of every worker.
        progress: Where it is told how far the run is.
    """
    results = Results(list(rows), list(engines), rounds)
    try:
        for number in range(rounds):
            _one_round(results, number, options, progress)
    except KeyboardInterrupt:
        results.interrupted = True
    return results


def _one_round(results: Results, number: int, options: Sequence[str], progress: TextIO) -> None:
    engines, rows = results.engines, results.rows
    order = engines[number % len(engines) :] + engines[: number % len(engines)]
    for place, row in enumerate(rows, start=1):
        where = f"round {number + 1} of {results.rounds}, row {place} of {len(rows)}"
        print(f"{where}: {row.name}", file=progress)
        for engine in order:
            if (row.name, engine.name) in results.not_measured():
                continue
            try:
                answer = ask(engine, row.name, *options)
            except WorkerFailed as failure:
                results.failed(row, engine, str(failure))
                print(f"  {row.name}/{engine.name} failed: {failure}", file=progress)
            else:
                _note(results, row, engine, number, answer)


def _note(results: Results, row: Row, engine: Engine, number: int, answer: dict[str, Any]) -> None:
    """Note what a process answered; only rivals may lack what a row measures."""
    if "lacks" not in answer:
        results.add(row, engine, number, answer["best"])
    elif engine.ours:
        results.failed(row, engine, answer["lacks"])
    else:
        results.lacks(row, engine, answer["lacks"])
