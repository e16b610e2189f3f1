"""The plugin: what pytest calls.

Each phase of a test is limited and watched; after the test and after its fixtures stands what is
to be said of it. A test that has failed by itself is left so, and that is shown below.
"""

import asyncio
import traceback
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import pytest

from stook import _cancellation, _install, _task_tree
from stook._testing import hangs, leaks, losses, runs, settings
from stook._testing.watched import WatchedTest, owner

_TEST = pytest.StashKey[WatchedTest]()
_AT_THE_END = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    settings.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Put stook in asyncio's place, if that is asked for, before a ``conftest.py`` is imported."""
    _install_if_wanted(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    checks = ", ".join(f"{name}=bool" for name in settings.CHECKS)
    config.addinivalue_line(
        "markers",
        f"{settings.MARKER}(timeout=seconds, {checks}): the time limit of a test, and what stook "
        "looks for in it",
    )
    settings.time_limit(config)
    _install_if_wanted(config)
    at_the_end = config.stash.setdefault(_AT_THE_END, ExitStack())
    losses.watch()
    at_the_end.callback(losses.forget)
    runs.watch()
    at_the_end.callback(runs.forget)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End that, and give asyncio its names back."""
    if _AT_THE_END in config.stash:
        config.stash[_AT_THE_END].close()


def _install_if_wanted(config: pytest.Config) -> None:
    if settings.wants_loop(config) and not _install._rebound:
        _install.install()
        config.stash.setdefault(_AT_THE_END, ExitStack()).callback(_install.uninstall)


def pytest_report_header(config: pytest.Config) -> str:
    """Say on which loop the tests run, and for how long."""
    loop = "stook's" if _install._rebound else "as without it"
    limit = settings.time_limit(config)
    return f"stook: loop {loop}, " + ("no time limit" if limit is None else f"limit {limit:g} s")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse markers that cannot be understood before anything runs."""
    for item in items:
        settings.of(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Limit the time of fixtures."""
    __tracebackhide__ = True
    test = item.stash[_TEST] = WatchedTest(item, settings.of(item))
    with _phase(test, "setup"):
        try:
            return (yield)
        except BaseException as error:
            _end_as_stopped(test, error)
            raise


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Watch a test, and fail it for what it leaves behind."""
    __tracebackhide__ = True
    test = item.stash[_TEST]
    with _phase(test, "call"):
        try:
            with runs.coroutine_watched(test):
                result = yield
        except BaseException as error:
            _look_back(test, "over")
            _show_findings(test)
            _end_as_stopped(test, error)
            raise
        _look_back(test, "over")
        _fail_by_findings(test)
        return result


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Watch the ends of fixtures, and what the test has left behind when they are over."""
    __tracebackhide__ = True
    test = item.stash.get(_TEST, None)
    if test is None:
        # It was never set up.
        return (yield)
    with _phase(test, "teardown"):
        try:
            result = yield
        except BaseException as error:
            _look_back(test, "end")
            _show_findings(test)
            _end_as_stopped(test, error)
            raise
        _look_back(test, "end")
        _fail_by_findings(test)
        return result


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, Any, Any]:
    """Let what fixtures make belong to nobody, also where a test asks for one while it runs."""
    token = owner.set(None)
    try:
        return (yield)
    finally:
        owner.reset(token)


def pytest_enter_pdb() -> None:
    """Let a test be looked at for as long as it takes."""
    hangs.stop_alarm()


@contextmanager
def _phase(test: WatchedTest, phase: str) -> Iterator[None]:
    test.phase = phase
    test.stopped = None
    WatchedTest.current = test
    try:
        with hangs.watched_for_deadlocks(test), hangs.limited(test):
            yield
    finally:
        WatchedTest.current = None


def _look_back(test: WatchedTest, when: Literal["over", "end"]) -> None:
    losses.collect(test)
    leaks.look(test, when)


# The frames of these two stay in tracebacks: pytest has something to say of those that are empty.


def _end_as_stopped(test: WatchedTest, error: BaseException) -> None:
    """Fail a test that was ended by that, and say what it has raised itself."""
    if test.stopped is None or isinstance(error, (KeyboardInterrupt, pytest.exit.Exception)):
        return
    said = [test.stopped]
    for own in _own_errors(error, test.stopped):
        raised = losses.raised_at(own)
        at = "" if raised is None else f" at {_task_tree.place(raised)}"
        said.append(f"it has raised {_cancellation.shown(own)}{at}")
        test.item.add_report_section(test.phase, "the test's own failure", _shown(test, own))
    # Such as the example for which it fails.
    said += getattr(error, "__notes__", ())
    raise pytest.fail.Exception("\n".join(said), pytrace=False) from None


def _shown(test: WatchedTest, own: BaseException) -> str:
    """Return an exception with its traceback, from the test's own file on."""
    at = own.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename != str(test.item.path):
        at = at.tb_next
    return "".join(traceback.format_exception(type(own), own, at or own.__traceback__, chain=False))


def _fail_by_findings(test: WatchedTest) -> None:
    said = [] if test.stopped is None else [test.stopped]
    said += _taken(test.findings)
    if said:
        raise pytest.fail.Exception("\n\n".join(said), pytrace=False)


def _show_findings(test: WatchedTest) -> None:
    """Show below a failure, a skip or an interrupt, which is left as it is, what was found too."""
    if test.findings:
        test.item.add_report_section(test.phase, "stook", "\n\n".join(_taken(test.findings)))


def _taken(findings: list[str]) -> list[str]:
    """Take findings out; one that was made several times, as by examples of one test, once."""
    times = Counter(findings)
    findings.clear()
    return [said if count == 1 else f"{said}\n({count} times)" for said, count in times.items()]


def _own_errors(error: BaseException | None, stopped: str) -> list[BaseException]:
    """Return what a test has raised before it was ended, or when it was: the first one first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    ends = (asyncio.CancelledError, hangs.TimeUp)
    return [own for own in found[::-1] if not isinstance(own, ends) and str(own) != stopped]
