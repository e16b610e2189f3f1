"""Tells a test that fails now and then from one that fails, by running it again.

Some of CPython's tests depend on the clock, on the order of two processes, or on how much a socket
takes at once. What failed is therefore run again, each time in a new process: on the engine, and,
where a baseline is to be judged by, on the standard library too, now and on this machine. There the
first of the rounds has the whole module in it, as the first run had: what fails after other tests,
and never by itself, is no less wrong.

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
        company: Whether the first round runs all that the first run did, not the failed alone.
    """

    rounds: int = 1
    stock: supervise.Settings | None = None
    company: bool = False


def run(settings, module, retries, *, only=None, passed_before=None):
    """Run a module, and what failed of it again.

    A test that then passes as often as on stock, in company above all, counts as passed and flaky.
    One that stock no longer passes either is marked so: the two are not told apart by it.

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
        retries = Retries(company=retries.company)
    if failed:
        here = _rounds(settings, module, only, failed, retries)
        stock = retries.stock and _rounds(retries.stock, module, only, failed, retries)
        for name in failed:
            _settle(result.tests[name], here[name], stock and stock[name], retries)
    return result


def _rounds(settings, module, only, names, retries):
    """Return for each test whether it passes, round by round."""
    passes = {name: [] for name in names}
    for number in range(retries.rounds):
        in_company = retries.company and number == 0
        again = supervise.run_module(settings, module, only if in_company else names)
        for name in names:
            test = again.tests.get(name)
            passes[name].append(test is not None and test.outcome == results.PASSED)
    return passes


def _settle(test, here, stock, retries):
    test.again = f"run again it passes {sum(here)} of {retries.rounds} times"
    if stock is not None:
        test.again += f", on stock {sum(stock)}"
        test.stock_fails_too = not any(stock)
    fails_in_company = retries.company and not here[0] and (stock is None or stock[0])
    if fails_in_company:
        test.again += ", and fails again after the tests before it"
    elif any(here) and sum(here) >= sum(stock or ()):
        test.outcome, test.flaky = results.PASSED, True
