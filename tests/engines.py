"""The engines one test body runs on.

A test asks for the ``engine`` fixture and spells asyncio's names through it, ``engine.gather(…)``
where a program would write ``asyncio.gather(…)``. On the stock engine that is the standard
library, so a test first proves that it describes asyncio; on ours it is stook's own name.

Three environment variables change the list:

``STOOK_TESTS_STOCK_ONLY=1``
    Only the standard library's engines: for writing tests where stook is not built. Without it a
    stook that cannot be imported is an error, never a skip.
``STOOK_TESTS_OURS_ONLY=1``
    Only stook's engines: for runs that look for misuse of memory, which is none of the standard
    library's.
``STOOK_TESTS_INSTALLED=1``
    ``stook.install()`` is called before the first test and every body runs on what the names of
    ``asyncio`` then are.
"""

import asyncio
import importlib.util
import os
import sys

STOCK_ONLY = os.environ.get("STOOK_TESTS_STOCK_ONLY") == "1"
OURS_ONLY = os.environ.get("STOOK_TESTS_OURS_ONLY") == "1"
INSTALLED = os.environ.get("STOOK_TESTS_INSTALLED") == "1"
HAS_EAGER = sys.version_info >= (3, 12)


class Engine:
    """A set of asyncio's names together with a maker of event loops.

    Args:
        name: What the test ids show.
        sources: Modules in which a name is looked up, the first that has it wins.
        make_loop: Makes one event loop.
        eager: Whether the loops start their tasks eagerly (3.12 and later).
        ours: Whether the loop is stook's.
        native: Whether the names, not only the loop, are stook's.
    """

    def __init__(self, name, sources, make_loop, *, eager=False, ours=False, native=False):
        self.name = name
        self.eager = eager
        self.ours = ours
        self.native = native
        self._sources = sources
        self._make_loop = make_loop

    def __repr__(self):
        return f"<Engine {self.name}>"

    def __getattr__(self, name):
        for source in self._sources:
            try:
                return getattr(source, name)
            except AttributeError:
                continue
        raise AttributeError(f"no source of the engine {self.name!r} has {name!r}")

    def new_event_loop(self):
        """Return a loop of this engine, not set as anyone's current loop."""
        loop = self._make_loop()
        if self.eager:
            loop.set_task_factory(self.eager_task_factory)
        return loop

    def run(self, main, *, debug=None):
        """Run ``main`` as ``asyncio.run`` would, on a loop of this engine."""
        with asyncio.Runner(loop_factory=self.new_event_loop, debug=debug) as runner:
            return runner.run(main)


def loops_of_others():
    """Return makers of the loops of others, with stook's tasks on them, by their names."""
    import stook

    def with_tasks(make_loop):
        def make():
            loop = make_loop()
            loop.set_task_factory(stook.task_factory)
            return loop

        return make

    loops = {"asyncio": with_tasks(asyncio.SelectorEventLoop)}
    if importlib.util.find_spec("uvloop"):
        import uvloop

        loops["uvloop"] = with_tasks(uvloop.new_event_loop)
    return loops


def recording_engines(engines):
    """Return the engines on which cancellations have records.

    Those among ``engines`` that are ours and, beside them, stook's tasks on loops of others.
    """
    ours = [engine for engine in engines if engine.ours]
    if OURS_ONLY or STOCK_ONLY or INSTALLED:
        return ours
    sources = _standard_sources()
    others = loops_of_others().items()
    return ours + [Engine(f"{name}_tasks", sources, make) for name, make in others]


def _standard_sources():
    return (asyncio, asyncio.tasks, asyncio.futures, asyncio.events)


def _with_eager(name, sources, make_loop, **traits):
    engines = [Engine(name, sources, make_loop, **traits)]
    if HAS_EAGER:
        engines.append(Engine(f"{name}-eager", sources, make_loop, eager=True, **traits))
    return engines


def engines_anywhere():
    """Return engines for what is stook's alone: its loop, and loops of others with its tasks."""
    if STOCK_ONLY:
        return []
    import stook

    sources = (stook, stook._core, *_standard_sources())
    engines = [Engine("stook", sources, stook.new_event_loop, ours=True, native=True)]
    if not OURS_ONLY:
        engines += [Engine(name, sources, make) for name, make in loops_of_others().items()]
    return engines


def available_engines():
    """Return the engines of this run, the reference first if it is among them.

    Raises:
        ImportError: stook is wanted and cannot be imported.
    """
    standard = _standard_sources()
    if INSTALLED:
        import stook

        stook.install()
        return _with_eager("installed", standard, asyncio.new_event_loop, ours=True, native=True)
    engines = []
    if not OURS_ONLY:
        engines += _with_eager("asyncio", standard, asyncio.SelectorEventLoop)
    if STOCK_ONLY:
        return engines
    import stook

    sources = (stook, stook._core, *standard)
    engines += _with_eager("stook", sources, stook.new_event_loop, ours=True, native=True)
    engines.append(Engine("loop_factory", standard, stook.new_event_loop, ours=True))
    return engines
