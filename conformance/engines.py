"""Puts an engine where the tests look for asyncio's.

There are three modes:

``types``
    Our ``Task``, ``Future``, ``gather`` and the rest stand in the accelerator's place, so that the
    tests of the C variants test ours. Event loops are those of the standard library.
``loop``
    A test that makes an event loop gets ours; everything else is the standard library's.
``both``
    Both at once: what a program sees under the launcher.

A loop is replaced where it is made: the class that the default policy instantiates, and the public
names of that class. ``BaseEventLoop`` and ``BaseSelectorEventLoop``, from which tests derive loops
of their own, with a clock that stands still or a selector that answers what the test wants, get
stook's scheduling as well; uvloop and rloop have nothing to offer in their place.
"""

import asyncio
import sys
import threading

TYPES = "types"
LOOP = "loop"
BOTH = "both"
MODES = (TYPES, LOOP, BOTH)

ENGINES = {
    "stook": MODES,
    "asyncio": MODES,
    "uvloop": (LOOP,),
    "rloop": (LOOP,),
}
"""Every engine with the modes it has. The standard library is itself in every mode."""

RIVALS = ("uvloop", "rloop")
"""Other people's loops, which are only measured."""

_LOOP_NAMES = ("SelectorEventLoop", "EventLoop")
_MAKER_NAMES = (
    *_LOOP_NAMES,
    "DefaultEventLoopPolicy",
    "new_event_loop",
    "get_event_loop_policy",
    "set_event_loop_policy",
)


class EngineMissing(Exception):
    """The engine cannot be imported by this interpreter."""


def put_in_place(engine, mode):
    """Put ``engine`` in asyncio's place, and return a class that all its event loops have.

    Returns:
        The class, or ``None`` where loops stay those of the standard library.

    Raises:
        EngineMissing: The engine cannot be imported.
    """
    if engine == "asyncio":
        return None
    try:
        loop_class = _LOOP_CLASSES[engine]()
    except ImportError as error:
        raise EngineMissing(f"{engine} cannot be imported: {error}") from error
    if mode != LOOP:
        _install_types(keep_loops=mode == TYPES)
    if mode == TYPES:
        _check_place(mode, loop_class)
        return None
    use_loop_class(loop_class)
    _check_place(mode, loop_class)
    if engine != "stook":
        return loop_class
    from stook.events import Scheduling

    use_scheduling(Scheduling)
    return Scheduling


def use_loop_class(loop_class):
    """Make ``loop_class`` the loop wherever asyncio or a test makes one."""
    for module in _modules_with_makers():
        for name in _LOOP_NAMES:
            if hasattr(module, name):
                setattr(module, name, loop_class)
    asyncio.DefaultEventLoopPolicy._loop_factory = loop_class


def use_scheduling(scheduling):
    """Put ``scheduling`` before asyncio's base classes of loops, in what derives from them now."""
    places = {
        asyncio.BaseEventLoop: (asyncio, asyncio.base_events),
        asyncio.selector_events.BaseSelectorEventLoop: (asyncio.selector_events,),
    }
    for stock, modules in places.items():
        joined = _Joined(stock.__name__, (scheduling, stock), {"stock": stock})
        joined.__module__, joined.__qualname__ = stock.__module__, stock.__qualname__
        for module in modules:
            setattr(module, stock.__name__, joined)


class _Joined(type):
    """Takes for its instances what the standard library's class takes for them."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.stock)


def _install_types(*, keep_loops):
    import stook

    kept = [
        (module, name, getattr(module, name))
        for module in _modules_with_makers()
        for name in _MAKER_NAMES
        if hasattr(module, name)
    ]
    kept.append((asyncio.DefaultEventLoopPolicy, "_loop_factory", asyncio.SelectorEventLoop))
    stook.install()
    if keep_loops:
        for owner, name, value in kept:
            setattr(owner, name, value)
        asyncio.set_event_loop_policy(None)


def _check_place(mode, loop_class):
    """Make sure that the run is about the engine: stock would pass, and prove nothing."""
    loop = asyncio.new_event_loop()
    loop.close()
    if isinstance(loop, loop_class) is not (mode != TYPES):
        raise RuntimeError(f"in mode {mode!r} asyncio makes a loop of {type(loop)}")
    for task_type in (asyncio.Task, asyncio.tasks._CTask):
        if (task_type.__module__ == "_asyncio") is not (mode == LOOP):
            raise RuntimeError(f"in mode {mode!r} asyncio's task is {task_type}")


def _modules_with_makers():
    return asyncio, asyncio.events, asyncio.unix_events, sys.modules["asyncio.runners"]


def _stook_loop():
    from stook.events import EventLoop

    return EventLoop


def _uvloop_loop():
    import uvloop

    return _made_fit(uvloop.Loop)


def _rloop_loop():
    import rloop

    return _made_fit(rloop.RLoop)


def _made_fit(base):
    """Return ``base`` with the least that lets the tests use it at all.

    It takes, and ignores, the selector that some tests choose; and it has the private attribute
    that the tests' own clean-up looks at, which would otherwise fail hundreds of tests for nothing
    that they are about. For the same reason there is the method that rloop 0.5 misspells in its
    ``remove_signal_handler``, which the clean-up of child watchers calls.
    """

    class Loop(base):
        _default_executor = None
        _is_main_thread = staticmethod(_is_main_thread)

        def __new__(cls, selector=None):
            return super().__new__(cls)

        def __init__(self, selector=None):
            super().__init__()

    Loop.__name__ = Loop.__qualname__ = base.__name__
    Loop.__module__ = base.__module__
    return Loop


def _is_main_thread():
    return threading.current_thread() is threading.main_thread()


_LOOP_CLASSES = {"stook": _stook_loop, "uvloop": _uvloop_loop, "rloop": _rloop_loop}
