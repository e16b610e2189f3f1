"""A pytest plugin: the project's own tests with asyncio's engine made unusable.

``python -m pytest -p conformance.pytest_poison``. stook is installed for the whole run, as it is by
``STOOK_TESTS_INSTALLED=1``; tests that run on the standard library, to prove that they describe it,
are left out. The traps spare what runs on a loop that is not stook's.
"""

import os

import pytest

from conformance import poison

os.environ["STOOK_TESTS_INSTALLED"] = "1"


def pytest_report_header():
    """Say that this is no ordinary run."""
    return "asyncio's own engine: poisoned"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what runs on the standard library, then put the traps in place."""
    import stook

    left_out = [item for item in items if not _is_on_ours(item)]
    items[:] = [item for item in items if _is_on_ours(item)]
    config.hook.pytest_deselected(items=left_out)
    poison.apply(only_for=stook.EventLoop)


def _is_on_ours(item):
    engine = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
    return engine is None or engine.ours


@pytest.fixture(autouse=True)
def no_trap_is_reached():
    """Fail a test in which a trap was reached, even if the error was caught."""
    del poison.reached[:]
    yield
    assert poison.reached == []
