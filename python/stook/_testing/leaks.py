"""Tasks that a test leaves behind.

Whether a task was left behind depends on who else may end it:

- One that the very function of the test has made, when the coroutine of the test is over.
- Any other one of a test without fixtures of the program's own: then, too.
- Else it may belong to a fixture. Where all of them are fixtures of this test alone, it was left
  behind when those are over. Where others outlive the test, only when its loop is closed.
- When a loop is closed by its runner nobody ends its tasks but the runner, so all are left behind.
"""

import asyncio
import inspect
import unittest
from typing import Any, Literal

import pytest

from stook import _platform, _task_tree, _wait_graph
from stook._testing.watched import WatchedTest, pending_tasks

_core = _platform.load_core()

_OWN_NO_TASKS = ("_pytest", "anyio", "pytest_asyncio", "stook")
"""Packages whose fixtures make no task that outlives a test, or loops alone."""
_OF_PLUGINS = ("anyio_backend", "event_loop", "event_loop_policy", "request")
"""Fixtures by which a program tells the plugins what to run tests on."""


def look(test: WatchedTest, when: Literal["over", "closing", "end"], loop: Any = None) -> None:
    """Add the tasks that a test has left behind to its findings.

    Args:
        test: The test.
        when: ``"over"``: its function has returned. ``"closing"``: the loop is going to be closed.
            ``"end"``: its fixtures are over.
        loop: The loop to look at; all of them when ``None``.
    """
    if not test.settings.leaks:
        return
    mine = [task for task in pending_tasks(test, loop) if id(task) not in test.told]
    if mine and when != "closing":
        owners = _owners(test.item)
        if owners == "others" or (owners == "its own" and when == "over"):
            mine = [task for task in mine if task.get_loop().is_closed() or _is_made_by(test, task)]
    if mine:
        test.told.update(map(id, mine))
        test.findings.append(_said(mine))


def _owners(item: pytest.Item) -> Literal["nobody", "its own", "others"]:
    """Return which fixtures of the program's may own tasks: of the test alone, or of others too."""
    if isinstance(item, pytest.Function) and is_unittest(item):
        # Its `asyncSetUp` and `asyncTearDown` run as part of the test.
        return "its own"
    request = getattr(item, "_request", None)
    used = getattr(request, "_fixture_defs", None)
    if used is None:
        return "nobody" if not isinstance(item, pytest.Function) else "others"
    scopes = {
        fixture.scope
        for name, fixture in used.items()
        if name not in _OF_PLUGINS and _package(fixture.func) not in _OWN_NO_TASKS
    }
    if not scopes:
        return "nobody"
    return "its own" if scopes == {"function"} else "others"


def is_unittest(item: pytest.Function) -> bool:
    """Whether a test is one of ``unittest``'s."""
    return isinstance(item.instance, unittest.TestCase)


def _package(function: Any) -> str:
    return str(getattr(function, "__module__", "")).partition(".")[0]


def _is_made_by(test: WatchedTest, task: Any) -> bool:
    """Whether the very function of the test has made a task, or a function inside it."""
    made = _core._made_at(task)
    code = getattr(inspect.unwrap(getattr(test.item, "function", _nothing)), "__code__", None)
    if made is None or code is None or made.file != code.co_filename:
        return False
    return bool(
        made.function == code.co_qualname
        or made.function.startswith(f"{code.co_qualname}.<locals>.")
    )


def _nothing() -> None:
    """Stand for the function of an item that has none."""


def _said(tasks: list[Any]) -> str:
    count = "1 task has" if len(tasks) == 1 else f"{len(tasks)} tasks have"
    lines = [f"stook: {count} not ended with the test:"]
    graphs: dict[asyncio.AbstractEventLoop, Any] = {}
    for task in tasks:
        loop = task.get_loop()
        if loop not in graphs:
            graphs[loop] = _wait_graph.wait_graph(loop)
        info = graphs[loop].info(task)
        lines += _task_tree.one(info, graphs[loop].now) if info is not None else [repr(task)]
        made = _core._made_at(task)
        if made is not None:
            lines.append(f"  made at {_task_tree.place(made)}")
    return "\n".join(lines)
