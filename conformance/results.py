"""The words for what became of a test, and what one run of one module produced."""

import dataclasses

PASSED = "passed"
FAILED = "failed"
ERROR = "error"
SKIPPED = "skipped"
EXPECTED_FAILURE = "xfail"
UNEXPECTED_SUCCESS = "xpass"
CRASHED = "crashed"
HUNG = "hung"
NOT_RUN = "not run"

OUTCOMES = (
    PASSED,
    FAILED,
    ERROR,
    SKIPPED,
    EXPECTED_FAILURE,
    UNEXPECTED_SUCCESS,
    CRASHED,
    HUNG,
    NOT_RUN,
)


@dataclasses.dataclass
class TestResult:
    """What became of one test.

    Attributes:
        outcome: One of ``OUTCOMES``.
        detail: A traceback, the reason of a skip, or the end of the log of a crash.
        flaky: Whether the test failed at first, and passed often enough when it was run again.
        again: What became of it when it was run again.
        stock_fails_too: Whether the standard library, asked again, did not pass either.
    """

    outcome: str
    detail: str = ""
    flaky: bool = False
    again: str = ""
    stock_fails_too: bool = False

    __test__ = False  # pytest would take the name for a test class


@dataclasses.dataclass
class ModuleResult:
    """What one test module gave: test id, without the package's name, to its result."""

    module: str
    tests: dict[str, TestResult] = dataclasses.field(default_factory=dict)

    def count(self, outcome):
        """Return how many tests had ``outcome``."""
        return sum(result.outcome == outcome for result in self.tests.values())

    def as_json(self):
        """Return the result as what ``json`` can write."""
        return {name: dataclasses.asdict(result) for name, result in self.tests.items()}

    @classmethod
    def from_json(cls, module, tests):
        """Make a result from what ``as_json`` returned."""
        return cls(module, {name: TestResult(**fields) for name, fields in tests.items()})
