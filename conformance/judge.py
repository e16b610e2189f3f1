"""Compares what an engine gave with what stock gave, knowing which differences are expected."""

import dataclasses

from . import results

DIED = (results.CRASHED, results.HUNG)
"""Outcomes that no entry excuses."""


@dataclasses.dataclass
class Verdict:
    """The comparison of one module.

    Attributes:
        module: Its name.
        total: How many tests it has.
        passed: How many passed on the engine.
        stock_passed: How many passed on stock.
        regressions: Tests that pass on stock, do not here, and are not expected; and whatever
            went wrong outside a test.
        listed: Tests that pass on stock, do not here, and are expected, with the reason.
        stale: Tests that an entry expects to differ and that do not, and entries for no test.
        unsettled: Tests that passed on stock once, and now on neither, with what was seen.
        flaky: Tests that failed and passed when they were run again, with what was seen.
    """

    module: str
    total: int
    passed: int
    stock_passed: int
    regressions: dict[str, results.TestResult] = dataclasses.field(default_factory=dict)
    listed: dict[str, str] = dataclasses.field(default_factory=dict)
    stale: list[str] = dataclasses.field(default_factory=list)
    unsettled: dict[str, str] = dataclasses.field(default_factory=dict)
    flaky: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_good(self):
        """Whether nothing is there that nobody expected."""
        return not self.regressions and not self.stale

    @property
    def differing(self):
        """How many tests pass on stock and not here."""
        return len(self.regressions) + len(self.listed) + len(self.unsettled)


def judge(stock, here, entries):
    """Compare two ``ModuleResult`` of one module.

    Args:
        stock: What the standard library gave.
        here: What the engine gave.
        entries: The entries of ``expected`` that apply to this run.
    """
    verdict = Verdict(
        module=here.module,
        total=len(set(stock.tests) | set(here.tests)),
        passed=here.count(results.PASSED),
        stock_passed=stock.count(results.PASSED),
        flaky={name: test.again for name, test in sorted(here.tests.items()) if test.flaky},
    )
    entries = [entry for entry in entries if entry.is_about_module(here.module)]
    for name in sorted(set(stock.tests) | set(here.tests)):
        _judge_test(verdict, name, stock, here, entries)
    for entry in entries:
        if not any(entry.matches(name) for name in stock.tests):
            verdict.stale.append(f"{entry.id} (matches no test)")
    return verdict


def _judge_test(verdict, name, stock, here, entries):
    before = stock.tests.get(name)
    now = here.tests.get(name) or results.TestResult(results.NOT_RUN, "it was not found")
    differs = now.outcome != results.PASSED and _was_good(before, now)
    entry = next((entry for entry in entries if entry.matches(name)), None)
    if not differs:
        if entry is not None:
            verdict.stale.append(name)
    elif entry is not None and now.outcome not in DIED:
        verdict.listed[name] = entry.reason
    elif now.stock_fails_too:
        verdict.unsettled[name] = now.again
    else:
        verdict.regressions[name] = now


def _was_good(before, now):
    """Return whether stock did better: it passed, or it knows of nothing going wrong here.

    What stock skips or is known to fail on may do either here, but may not crash or hang.
    """
    if before is None or before.outcome == results.PASSED:
        return True
    return now.outcome in DIED and before.outcome not in DIED
