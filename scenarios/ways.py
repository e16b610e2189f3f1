"""The ways to run a scenario: on stock asyncio, and by every way in to stook."""

import asyncio

from .stage import Stage
from .steps import needs_stook

STOCK = "asyncio"
BY_STOCK = "asyncio"
BY_FACTORY = "stook's tasks on asyncio's loop"


def by(scenario):
    """Return, in words, what gives the observations of a scenario."""
    asks_stook = any(map(needs_stook, scenario.tasks.values()))
    return BY_FACTORY if asks_stook else BY_STOCK


def _reference(scenario):
    if by(scenario) == BY_STOCK:
        return Stage(scenario)
    return _tasks(scenario)


def _tasks(scenario):
    import stook

    return Stage(scenario, factory=stook.task_factory)


def _loop_factory(scenario):
    return Stage(scenario, maker="stook:new_event_loop")


def _names(scenario):
    import stook
    from stook import _core

    names = _Names(stook, _core, asyncio)
    return Stage(scenario, names=names, maker="stook:new_event_loop")


def _installed(scenario):
    import stook

    stook.install()
    return Stage(scenario, maker="asyncio:new_event_loop")


class _Names:
    """Names of several modules; the first that has one wins."""

    def __init__(self, *modules):
        self._modules = modules

    def __getattr__(self, name):
        for module in self._modules:
            try:
                return getattr(module, name)
            except AttributeError:
                continue
        raise AttributeError(name)


WAYS = {
    STOCK: _reference,
    "tasks": _tasks,
    "loop_factory": _loop_factory,
    "names": _names,
    "installed": _installed,
}
"""Stock asyncio; stook's tasks on its loop; stook's loop with asyncio's names, with stook's, and
after ``install()``, which cannot be taken back here."""


def observe(scenario, way=STOCK):
    """Run a scenario and return its observations."""
    return stage(scenario, way).perform()


def stage(scenario, way=STOCK):
    """Return the stage of a scenario, to be run."""
    return WAYS[way](scenario)
