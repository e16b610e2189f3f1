"""Tells a test that fails now and then from one that fails, by running it again.

Some of CPython's tests depend on the clock, on the order of two processes, or on how much a socket
takes at once. What failed is therefore run again, each time in a new process: on the engine, and,
where a baseline is to be judged by, on the standard library too, now and on this machine.

Crashes and hangs have no second chance.
"""

import dataclasses

from . import results, supervise

RETRIED = (results.FAILED, results.ERROR, results.UNEXPECTED_SUCCESS)
MOST_SETTLED = 20
"""With more failures than this in a module something is broken: one more round has to do."""


@dataclasses.dataclass(frozen=True)
class Retries:
    """How what failed is run again.

    Attributes:
        rounds: How often.
        stock: How to run it on the standard library; ``None`` where that is not asked again.
    """

    rounds: int = 1
    stock: supervise.Settings | None = None


def run(settings, module, retries, *, only=None, passed_before=None):
    """Run a module, and what failed of it again.

    A test that then passes at least half as often as on stock counts as passed and flaky. One that
    stock no longer passes either is marked so: the two are not told apart by it.

    Args:
        settings: How to run it.
        module: The module's name.
        retries: How to run again what failed.
        only: Ids of the tests to run; all when ``None``.
        passed_before: Ids of the tests that are worth another run; all when ``None``.
    """
    result = supervise.run_module(settings, module, only)
    failed = [
        name
        for name, test in result.tests.items()
        if test.outcome in RETRIED and (passed_before is None or name in passed_before)
    ]
    if len(failed) > MOST_SETTLED:
        retries = Retries()
    if failed:
        here = _count(settings, module, failed, retries.rounds)
        stock = retries.stock and _count(retries.stock, module, failed, retries.rounds)
        for name in failed:
            _settle(result.tests[name], here[name], stock and stock[name], retries.rounds)
    return result


def _count(settings, module, names, rounds):
    """Return how often each test passes in so many rounds."""
    passes = dict.fromkeys(names, 0)
    for _round in range(rounds):
        again = supervise.run_module(settings, module, names)
        for name in names:
            test = again.tests.get(name)
            passes[name] += test is not None and test.outcome == results.PASSED
    return passes


def _settle(test, here, stock, rounds):
    test.again = f"run again it passes {here} of {rounds} times"
    if stock is not None:
        test.again += f", on stock {stock}"
        test.stock_fails_too = stock == 0
    if here > 0 and 2 * here >= (stock or 0):
        test.outcome, test.flaky = results.PASSED, True
