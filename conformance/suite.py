"""Where the running interpreter keeps its asyncio tests, and which modules there are.

Nothing is copied: the tests are those of the interpreter that runs them. Some distributions ship
Python without them; then there is nothing to run, and ``find_package`` says so.
"""

import importlib.util
from pathlib import Path

PACKAGE = "test.test_asyncio"

TASK_CONTROL = (
    "test_futures",
    "test_futures2",
    "test_tasks",
    "test_taskgroups",
    "test_timeouts",
    "test_waitfor",
    "test_locks",
    "test_queues",
    "test_runners",
    "test_context",
    "test_pep492",
    "test_eager_task_factory",
)
"""The modules about tasks and what waits on them: the default."""

NOT_FOR_UNIX = ("test_windows_events", "test_windows_utils")
"""Modules that skip themselves everywhere but on Windows."""


class SuiteMissing(Exception):
    """This interpreter was installed without its tests."""


class UnknownModule(Exception):
    """A test module was asked for that this interpreter's tests do not have."""


def find_package():
    """Return the directory of the asyncio tests.

    Raises:
        SuiteMissing: The interpreter has none.
    """
    try:
        spec = importlib.util.find_spec(PACKAGE)
    except ImportError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise SuiteMissing(f"no test suite in this interpreter: {PACKAGE} is not installed")
    return Path(spec.submodule_search_locations[0])


def choose_modules(wanted, package=None):
    """Return the names of the modules that ``wanted`` stands for.

    Args:
        wanted: ``"all"``, names separated by commas, or ``None`` for ``TASK_CONTROL``, less those
            of it that came with a later Python.
        package: The directory of the tests; found when ``None``.

    Raises:
        UnknownModule: A name is not a module of this interpreter's tests.
    """
    package = package or find_package()
    present = sorted(path.stem for path in package.glob("test_*.py"))
    if wanted is None:
        return [name for name in TASK_CONTROL if name in present]
    if wanted == "all":
        return [name for name in present if name not in NOT_FOR_UNIX]
    names = wanted.split(",")
    for name in names:
        if name not in present:
            raise UnknownModule(f"no module {name!r} in the tests of this interpreter")
    return names
