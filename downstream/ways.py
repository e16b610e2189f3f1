"""The ways in which a suite is run: on stock, and on stook as users get it."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent

STOCK = "stock"
WAYS = {
    "launcher": "`stook -m pytest`; what the tests start is on stook as well",
    "loop": "plain pytest with `stook.EventLoop` for every loop that is made; nothing installed",
    "watched": "as `loop`, and a test fails where stook reports something that hangs",
}
"""The ways to run on stook, with what they are."""


def command(python, way):
    """Return how pytest is started, without its arguments."""
    if way == "launcher":
        return [python, "-m", "stook", "-m", "pytest"]
    return [python, "-m", "pytest"]


def plugin(way):
    """Return the pytest plugin that belongs to a way, or ``None``."""
    return None if way == STOCK else f"on_{way}"


def environment(way, stook):
    """Return the environment of a run.

    Args:
        way: ``STOCK`` or a key of ``WAYS``.
        stook: The directory in which stook's package, and nothing else, is found.
    """
    variables = {**os.environ, "PYTHONHASHSEED": "0"}
    for name in list(variables):
        if name.startswith(("PYTEST_", "DOWNSTREAM_")) or name in _OTHERS:
            del variables[name]
    paths = [HERE / "plugins"]
    if way != STOCK:
        paths.append(stook)
    variables["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    return variables


_OTHERS = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONSTARTUP", "VIRTUAL_ENV")
