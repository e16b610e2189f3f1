"""Fixtures of the Python tests: the engine, its loop, and programs run in their own interpreter.

A test may be a coroutine function; it then runs on the ``loop`` fixture. Warnings are errors, a
test that runs too long is interrupted, and what reaches a loop's exception handler fails the test
unless the test takes the ``reports`` fixture and looks at it itself.
"""

import asyncio
import contextlib
import faulthandler
import gc
import inspect
import signal
import sys

import pytest

pytest.register_assert_rewrite("side_by_side")

import engines  # noqa: E402
from programs import run_python  # noqa: E402
from slowness import GC_STRESS, SLOWNESS  # noqa: E402

TIME_LIMIT_SECONDS = 30.0 * SLOWNESS
GRACE_SECONDS = 10.0 * SLOWNESS
MARKERS = {
    "lazy": "only engines that start a task at the next turn of the loop",
    "eager": "only engines that start a task at once",
    "ours": "only engines with stook's event loop",
    "recorded": "engines on which cancellations have records, stook's tasks on loops of others too",
    "anywhere": "stook's loop, and stook's tasks on loops of others",
    "native": "only engines in which the names, not only the loop, are stook's",
    "needs_stook": "the test runs stook outside the engines; left out where stook is not built",
    "time_limit(seconds)": "another limit than the usual one",
}


def pytest_configure(config):
    """Make warnings errors, declare the markers, and take interrupts."""
    # Where this runs in the background they are ignored, and would be by every program run here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("filterwarnings", "error")
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    try:
        config.stook_engines = engines.available_engines()
    except ImportError as error:
        raise pytest.UsageError(
            f"stook cannot be imported ({error}); build it, or set STOOK_TESTS_STOCK_ONLY=1 to "
            "run the tests on the standard library alone"
        ) from error


def pytest_report_header(config):
    """Name the engines, so that a run without stook shows what it is."""
    return "engines: " + ", ".join(engine.name for engine in config.stook_engines)


def pytest_generate_tests(metafunc):
    """Give the ``engine`` fixture every engine that the test's markers allow."""
    if "engine" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.stook_engines
    if metafunc.definition.get_closest_marker("recorded"):
        wanted = engines.recording_engines(wanted)
    if metafunc.definition.get_closest_marker("anywhere"):
        wanted = engines.engines_anywhere()
    for marker, keep in (
        ("lazy", lambda engine: not engine.eager),
        ("eager", lambda engine: engine.eager),
        ("ours", lambda engine: engine.ours),
        ("native", lambda engine: engine.native),
    ):
        if metafunc.definition.get_closest_marker(marker):
            wanted = [engine for engine in wanted if keep(engine)]
    ids = [engine.name for engine in wanted] or ["none"]
    metafunc.parametrize("engine", wanted or [None], ids=ids)


def pytest_collection_modifyitems(config, items):
    """Leave out, visibly, what cannot run without stook or has no engine on this version."""

    def runs(item):
        if engines.STOCK_ONLY and item.get_closest_marker("needs_stook"):
            return False
        return not hasattr(item, "callspec") or item.callspec.params.get("engine", True)

    left_out = [item for item in items if not runs(item)]
    if left_out:
        items[:] = [item for item in items if runs(item)]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish():
    """Set aside what was collected."""
    set_aside()


def set_aside():
    """Hide what exists by now from the collector, so that collecting after each test is quick.

    What pytest keeps of each test grows; looking through it was most of the time of a run.
    """
    gc.collect()
    gc.freeze()


class TookTooLong(BaseException):
    """Raised in the main thread when a test passes its time limit."""


@contextlib.contextmanager
def limited(what, limit):
    """Interrupt what runs longer than ``limit`` seconds; kill the run when that does not help."""

    def interrupt(_number, _frame):
        raise TookTooLong(f"{what} ran for {limit} seconds")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit)
    faulthandler.dump_traceback_later(limit + GRACE_SECONDS, exit=True)
    try:
        yield
    except KeyboardInterrupt as error:
        if not error.args:  # Ctrl-C has none; those that tests raise say something.
            raise
        raise AssertionError(f"an interrupt got out of {what}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Limit the time of a test, and make its collections where they are asked for."""
    marker = item.get_closest_marker("time_limit")
    limit = max(marker.args[0] if marker else 0, TIME_LIMIT_SECONDS)
    with limited(item.nodeid, limit), collecting_at_allocations():
        return (yield)


@contextlib.contextmanager
def collecting_at_allocations():
    """Run the collector whenever stook makes an object, if that is what this run is for."""
    if not GC_STRESS:
        yield
        return
    from stook import _core

    _core._collect_at_allocations(True)
    try:
        yield
    finally:
        _core._collect_at_allocations(False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Limit the time of ending what a test left."""
    with limited(f"the end of {item.nodeid}", GRACE_SECONDS):
        result = yield
    if nextitem is None or nextitem.path != item.path:
        set_aside()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a coroutine function on the loop of the test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    loop = pyfuncitem._request.getfixturevalue("loop")
    names = pyfuncitem._fixtureinfo.argnames
    loop.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def reports():
    """Collect the contexts given to the exception handler of ``loop``."""
    return []


@pytest.fixture
def loop(engine, reports, request):
    """Give a loop of the engine; afterwards end its tasks, close it, and check what it left."""
    loop = engine.new_event_loop()
    loop.set_exception_handler(lambda _loop, context: reports.append(context))
    yield loop
    if "reports" in request.node._fixtureinfo.argnames:
        reports.clear()
    gc.collect()
    if not loop.is_closed():
        try:
            end_tasks(engine, loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()
        gc.collect()
    assert asyncio._get_running_loop() is None
    assert engine._get_running_loop() is None
    assert reports == []


def end_tasks(engine, loop):
    """Cancel what is left on ``loop`` and give it a second to end."""
    left = engine.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        waiting = engine.wait(left, timeout=1.0)
        done, pending = loop.run_until_complete(waiting)
        for task in done:
            task.cancelled() or task.exception()
        assert not pending


@pytest.fixture
def quiet_loop(loop):
    """Give a loop out of debug mode, for tests of texts that debug mode makes longer."""
    loop.set_debug(False)
    return loop


@pytest.fixture
def many():
    """Say how many are many: fewer where each costs a collection, which looks at all of them."""
    return 300 if GC_STRESS else 10_000


@pytest.fixture
def turns(loop):
    """Run a loop from outside: ``turns()`` makes one turn of it, ``turns(3)`` three."""

    def run(count=1):
        for _ in range(count):
            loop.call_soon(loop.stop)
            loop.run_forever()

    return run


@pytest.fixture
def program(tmp_path):
    """Write a program to a file and run it: ``program(source, way="launcher")``.

    The way is ``stock`` for the interpreter alone and ``launcher`` for ``python -m stook``.
    Warnings are errors in the program, and debug mode is off unless ``debug`` is true.
    """

    def run(source, *arguments, way="launcher", debug=False, options=("-Werror",), **more):
        path = tmp_path / "program.py"
        path.write_text(source, encoding="utf-8")
        front = {"stock": [], "launcher": ["-m", "stook"]}[way]
        environment = dict(more.pop("environment", {}))
        environment["PYTHONASYNCIODEBUG"] = "1" if debug else ""
        command = [*options, *front, str(path), *arguments]
        return run_python(command, environment=environment, cwd=tmp_path, **more)

    return run


@pytest.fixture
def python():
    """Return this interpreter's path."""
    return sys.executable
