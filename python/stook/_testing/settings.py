"""What is looked for in a test, and how long it may take.

The marker of a test comes before the command line, and that before the ini file.
"""

import math
from typing import Any, NamedTuple

import pytest

from stook import _seconds

MARKER = "stook"
CHECKS = {
    "deadlocks": "end a test at once when nothing on its loop can go on",
    "leaks": "fail tests that leave tasks behind which have not ended",
    "swallowed": "fail tests whose tasks swallow a cancellation",
    "unretrieved": "fail tests whose tasks end with an exception that nobody reads",
}
"""What is looked for, each by a keyword of the marker and an option of the ini file."""


class Settings(NamedTuple):
    """What holds for one test.

    Attributes:
        timeout: For how many seconds each of set-up, test and teardown may run; ``None`` for as
            long as it takes.
        deadlocks: Whether the test is ended when its loop can never go on.
        leaks: Whether tasks that it leaves behind fail it.
        swallowed: Whether swallowed cancellations do.
        unretrieved: Whether exceptions that nobody reads do.
    """

    timeout: float | None
    deadlocks: bool
    leaks: bool
    swallowed: bool
    unretrieved: bool


def add_options(parser: pytest.Parser) -> None:
    """Declare the options of the command line and of the ini file."""
    group = parser.getgroup("stook")
    group.addoption(
        "--stook-timeout",
        type=float,
        metavar="SECONDS",
        help="end what runs longer, set-up, test or teardown, and show who waits for whom",
    )
    group.addoption(
        "--stook-loop", action="store_true", default=None, help="run the tests on stook's loop"
    )
    parser.addini("stook_timeout", "default of --stook-timeout, in seconds")
    parser.addini("stook_loop", "default of --stook-loop", type="bool", default=False)
    for name, text in CHECKS.items():
        parser.addini(f"stook_{name}", text, type="bool", default=True)


def wants_loop(config: pytest.Config) -> bool:
    """Whether the tests are to run on stook's loop."""
    return bool(config.getoption("--stook-loop") or config.getini("stook_loop"))


def time_limit(config: pytest.Config) -> float | None:
    """Return the limit of tests that have none of their own, in seconds.

    Raises:
        pytest.UsageError: It is no number of seconds.
    """
    given: Any = config.getoption("--stook-timeout")
    if given is not None:
        return _checked("--stook-timeout", given)
    text = config.getini("stook_timeout")
    if not text:
        return None
    try:
        given = float(text)
    except ValueError:
        raise pytest.UsageError(f"stook_timeout has to be in seconds, not {text!r}") from None
    return _checked("stook_timeout", given)


def of(item: pytest.Item) -> Settings:
    """Return what holds for a test.

    Raises:
        pytest.UsageError: Its marker, or the limit of all tests, cannot be understood.
    """
    given: dict[str, Any] = {}
    for marker in item.iter_markers(MARKER):  # The closest one first.
        unknown = sorted(marker.kwargs.keys() - {"timeout", *CHECKS})
        if marker.args or unknown:
            what = f"no {unknown[0]!r}" if unknown else "no positional argument"
            allowed = ", ".join(["timeout", *CHECKS])
            raise pytest.UsageError(f"{item.nodeid}: the marker stook takes {allowed}, and {what}")
        for name, value in marker.kwargs.items():
            given.setdefault(name, value)
    if "timeout" in given:
        timeout = given["timeout"]
        if timeout is not None:
            timeout = _checked(f"{item.nodeid}: the timeout of the marker stook", timeout)
    else:
        timeout = time_limit(item.config)
    return Settings(
        timeout,
        **{name: bool(given.get(name, item.config.getini(f"stook_{name}"))) for name in CHECKS},
    )


def _checked(name: str, given: Any) -> float | None:
    """Return a limit; ``None`` for zero and infinity, which set none."""
    try:
        seconds = _seconds.seconds(name, given)
    except (TypeError, ValueError, OverflowError) as error:
        raise pytest.UsageError(str(error)) from None
    if seconds < 0:
        raise pytest.UsageError(f"{name} has to be zero or more seconds, not {seconds:g}")
    return None if seconds in (0, math.inf) else seconds
