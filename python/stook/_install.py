"""Putting stook's names in the place of asyncio's, and taking them out again.

The table says which names of asyncio's modules stand for something of ours. ``asyncio`` itself
and the accelerator ``_asyncio`` have a part of the same names. Python functions of asyncio look
their names up when they run, so they work on ours from then on, those included that somebody
bound before.

Does not reach names of classes and C functions that somebody bound before: for these the
compiled part mirrors the running loop and the current task into the accelerator.

Invariant: ``_rebound`` is empty exactly when stook is not installed.
"""

import functools
import sys

from stook import _nesting, _platform

_EVENTS = {
    "_get_running_loop": "_get_running_loop",
    "_set_running_loop": "_set_running_loop",
    "get_running_loop": "get_running_loop",
    "get_event_loop": "get_event_loop",
    "_get_event_loop": "_get_event_loop",
    "_c__get_running_loop": "_get_running_loop",
    "_c__set_running_loop": "_set_running_loop",
    "_c_get_running_loop": "get_running_loop",
    "_c_get_event_loop": "get_event_loop",
    "_c__get_event_loop": "_get_event_loop",
}

_FUTURES = {"Future": "Future", "_CFuture": "Future"}

_TASKS = {
    "Task": "Task",
    "_CTask": "Task",
    "_GatheringFuture": "_GatheringFuture",
    "all_tasks": "all_tasks",
    "create_task": "create_task",
    "current_task": "current_task",
    "ensure_future": "ensure_future",
    "gather": "gather",
    "sleep": "sleep",
    "wait": "wait",
    "create_eager_task_factory": "create_eager_task_factory",
    "eager_task_factory": "eager_task_factory",
    "_all_tasks": "_all_tasks",
    "_current_tasks": "_current_tasks",
    "_eager_tasks": "_eager_tasks",
    "_scheduled_tasks": "_scheduled_tasks",
    "_enter_task": "_enter_task",
    "_leave_task": "_leave_task",
    "_register_task": "_register_task",
    "_register_eager_task": "_register_eager_task",
    "_swap_current_task": "_swap_current_task",
    "_unregister_task": "_unregister_task",
    "_unregister_eager_task": "_unregister_eager_task",
    "_c_current_task": "current_task",
    "_c_enter_task": "_enter_task",
    "_c_leave_task": "_leave_task",
    "_c_register_task": "_register_task",
    "_c_register_eager_task": "_register_eager_task",
    "_c_swap_current_task": "_swap_current_task",
    "_c_unregister_task": "_unregister_task",
    "_c_unregister_eager_task": "_unregister_eager_task",
}

_EVERYWHERE = {**_EVENTS, **_FUTURES, **_TASKS}

# Module -> its name -> the name in ``stook._core``. Not every version has every name.
TABLE = {
    "_asyncio": _EVERYWHERE,
    "asyncio": _EVERYWHERE,
    "asyncio.events": _EVENTS,
    "asyncio.futures": _FUTURES,
    "asyncio.streams": {"sleep": "sleep"},
    "asyncio.tasks": _TASKS,
}

_rebound: list = []


def _owner(module, name):
    """Return the class, or the module, that the dotted name stands in."""
    *path, _ = name.split(".")
    return functools.reduce(getattr, path, module)


def _is_somebodys(core, owner, name, ours):
    """Tell whether a function has been replaced since asyncio made it: then it stays."""
    original, present = core._original(ours), vars(owner)[name]
    if original is None or present is original:
        return False
    if name != "eager_task_factory" or getattr(present, "__code__", None) is not original.__code__:
        return True
    # The original of ours was made for our class, asyncio's own for the accelerator's.
    (made_for,) = present.__closure__
    return made_for.cell_contents is not sys.modules["_asyncio"].Task


def install():
    """Put stook in asyncio's place for the whole process.

    ``asyncio.Future``, ``asyncio.Task``, ``asyncio.gather`` and their like are stook's from then
    on, and new event loops are stook's too. Installing twice is installing once.

    DIFFERENCE: below the traceback of a `CancelledError` that ends the program stands who asked
    for it. For that `install()` and, when a cancellation leaves it, `stook.run` put a function of
    stook's into `sys.excepthook`, unless the program has put one there; the command does without.

    Raises:
        RuntimeError: An event loop is running in this thread.
        ImportError: The compiled part is missing.
    """
    rebind()
    from stook import _explained

    _explained.watch()


def rebind():
    """Bind asyncio's names to stook's, and touch nothing else: what the command needs."""
    if _rebound:
        return
    others_have_names = "asyncio" in sys.modules
    import asyncio

    if asyncio._get_running_loop() is not None:
        raise RuntimeError("stook.install() cannot be called while an event loop is running")
    core = _platform.load_core()
    from stook.events import EventLoop, EventLoopPolicy

    places = [
        (module, name, getattr(core, name_of_ours))
        for module, names in ((sys.modules[of], names) for of, names in TABLE.items())
        for name, name_of_ours in names.items()
        if hasattr(module, name)
    ]
    # Some make their loop by its class and ask no policy, uvicorn among them.
    places += [
        (module, name, EventLoop)
        for module in (asyncio, asyncio.unix_events)
        for name in ("SelectorEventLoop", "EventLoop")
        if hasattr(module, name)
    ]
    for home, name, ours in core._natives:
        owner = _owner(sys.modules[home], name)
        *_, name = name.split(".")
        places.append((owner, name, ours))
        if getattr(asyncio, name, None) is vars(owner)[name]:
            places.append((asyncio, name, ours))
    places = [place for place in places if not _is_somebodys(core, *place)]
    # The policy that is there may not have been made yet, so its name is rebound like the others.
    places.append((asyncio.events, "_event_loop_policy", EventLoopPolicy()))
    for owner, name, ours in places:
        _rebound.append((owner, name, vars(owner)[name], ours))
        setattr(owner, name, ours)
    core.make_natively(True)
    core.set_mirroring(others_have_names)


def uninstall():
    """Give asyncio its own names back, the same objects that it had.

    A name, or the event loop policy, that somebody else has bound since stays theirs. Loops and
    tasks that exist go on as they are.

    Raises:
        RuntimeError: An event loop is running in this thread.
    """
    if not _rebound:
        return
    import asyncio

    if asyncio._get_running_loop() is not None:
        raise RuntimeError("stook.uninstall() cannot be called while an event loop is running")
    from stook import _explained

    _explained.forget()
    _nesting.forbid_nesting()
    while _rebound:
        owner, name, stock, ours = _rebound.pop()
        if vars(owner).get(name) is ours:
            setattr(owner, name, stock)
    core = _platform.load_core()
    core.make_natively(False)
    core.set_mirroring(True)
