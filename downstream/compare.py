"""Says in what a run on stook differs from the run on stock, test by test.

A difference is a test that fails, crashes or hangs "only on stook", one that is "newly skipped", or
one that is "missing". A test that fails on stock too, or is there on stook alone, is none, unless
it crashes or hangs.
"""

import dataclasses
import re

DIED = ("crashed", "hung")
"""Outcomes that have no second chance on stook, and are a difference where stock merely fails."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One suite on one way.

    Attributes:
        counts: How many tests have which outcome on stook, and on stock.
        differences: Kind of difference by test id.
        details: What pytest said about each of these.
        failing_on_both: Ids of tests that pass on neither.
        expected: Kind of difference by test id, of those that are expected.
        stale: Ids of tests that are expected to differ and do not.
        flaky: Ids of tests that differed, and no longer did when they were run again.
    """

    counts: dict
    differences: dict
    details: dict
    failing_on_both: list
    expected: dict
    stale: list
    flaky: list

    @property
    def is_clean(self):
        """Whether there is nothing to be mended."""
        return not self.differences and not self.stale


def kind(stock, ours):
    """Return what kind of difference two outcomes are, ``None`` for none.

    Args:
        stock: The outcome on stock, ``None`` where the test is not there.
        ours: The same on stook.
    """
    if stock not in ("passed", "skipped"):
        return "only on stook" if ours in DIED and stock not in DIED else None
    if ours is None:
        return "missing"
    if ours == "skipped":
        return "newly skipped" if stock == "passed" else None
    return None if ours == "passed" else "only on stook"


def differences(stock, ours):
    """Return the kind of difference by test id; the arguments are ``supervise.run``'s results."""
    kinds = {name: kind(_outcome(stock, name), _outcome(ours, name)) for name in stock}
    # A file that cannot be read on stook alone has an id that stock does not know.
    for name in ours.keys() - stock.keys():
        if ours[name]["outcome"] not in ("passed", "skipped"):
            kinds[name] = "only on stook"
    return {name: found for name, found in sorted(kinds.items()) if found}


def settle(stock, ours, run_again, expected=()):
    """Compare, running again on both what passed on one alone: some tests depend on the clock.

    A test has passed if it did in either run and did not crash or hang on stook. With it run all
    tests of its file, because some fail only after others.

    Args:
        stock: Outcomes on stock.
        ours: Outcomes on stook.
        run_again: Runs the tests that match these patterns and returns new outcomes, on stock and
            on stook.
        expected: Ids of tests that differ.
    """
    ours = _as_on_stock(ours)
    doubtful = sorted(
        name for name in stock.keys() | ours.keys() if _outcome(stock, name) != _outcome(ours, name)
    )
    first = differences(stock, ours)
    if doubtful:
        stock_again, ours_again = run_again(_whole_files(doubtful))
        stock = _better(stock, stock_again, doubtful)
        ours = _better(ours, _as_on_stock(ours_again), doubtful, lasting=DIED)
    every = differences(stock, ours)
    excused = {name for name in expected if _outcome(ours, name) not in DIED}
    found = {name: each for name, each in every.items() if name not in excused}
    return Comparison(
        counts={"stock": _count(stock), "stook": _count(ours)},
        differences=found,
        details={name: ours.get(name, {}).get("detail", "") for name in found},
        failing_on_both=sorted(
            name for name in stock if _fails(stock, name) and _fails(ours, name)
        ),
        expected={name: each for name, each in every.items() if name in excused},
        stale=sorted(name for name in expected if name in stock and name not in every),
        flaky=sorted(first.keys() - every.keys()),
    )


# In some ids stands the name of the loop's class.
_CLASS, _CLASS_OF_OURS = "_UnixSelectorEventLoop", "EventLoop"


def _as_on_stock(outcomes):
    """Return outcomes on stook with the ids that the tests have on stock."""
    pattern = re.compile(rf"(?<=[\[-]){_CLASS_OF_OURS}(?=[\]-])")
    return {pattern.sub(_CLASS, name): result for name, result in outcomes.items()}


def _whole_files(names):
    """Return patterns for the tests of the files in which these are."""
    return list(dict.fromkeys(name.partition("::")[0] + "::*" for name in names))


def _better(once, again, names, lasting=()):
    """Return the outcomes of the first run, with the second's for ``names`` where it is better.

    Outcomes in ``lasting`` stay.
    """
    merged = dict(once)
    for name in names:
        if name not in again or _outcome(once, name) in lasting:
            continue
        if name not in once or _rank(again[name]) < _rank(once[name]):
            merged[name] = again[name]
    return merged


def _rank(result):
    return _RANKS.index(result["outcome"])


_RANKS = ("passed", "skipped", "failed", "error", "hung", "crashed", "not run")


def _outcome(outcomes, name):
    return outcomes[name]["outcome"] if name in outcomes else None


def _fails(outcomes, name):
    return _outcome(outcomes, name) not in ("passed", "skipped", None)


def _count(outcomes):
    counts = {}
    for each in outcomes.values():
        counts[each["outcome"]] = counts.get(each["outcome"], 0) + 1
    return dict(sorted(counts.items()))
