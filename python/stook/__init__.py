"""asyncio's task control, in Rust.

The names here are a list of what there is; each is loaded when it is first used. That keeps
``import stook`` from importing asyncio, so that :func:`install` can tell whether somebody bound
asyncio's own names before.

PYTEST_DONT_REWRITE: there are no assertions, and who runs pytest by ``stook`` has it imported.
"""

import sys

from stook import _platform

_platform.require_supported()

from stook import _late, _nest_asyncio  # noqa: E402

_nest_asyncio.watch_imports()

_HOMES = {
    "_core": (
        "Cancellation",
        "Future",
        "Task",
        "all_tasks",
        "as_completed",
        "cancel",
        "cancellation",
        "create_eager_task_factory",
        "current_task",
        "detect_cancel",
        "eager_task_factory",
        "ensure_future",
        "first_success",
        "gather",
        "get_running_loop",
        "race",
        "run_coroutine_threadsafe",
        "shield",
        "sleep",
        "timeout",
        "wait",
        "wait_any",
        "wait_for",
        "__version__",
    ),
    "_cancellation": ("ChildCancelled", "Place", "Requester"),
    "_combining": ("when_all", "when_any"),
    "_deadlock": ("DeadlockError", "on_deadlock", "refuse_deadlocks"),
    "_ending": ("Ended", "cancel_and_wait"),
    "_factory": ("task_factory",),
    "_install": ("install", "uninstall"),
    "_nesting": ("allow_nesting",),
    "_slow_callbacks": ("SlowCallback", "on_slow_callback"),
    "_stuck_cancellations": ("StuckCancellation", "on_stuck_cancellation"),
    "_task_tree": ("print_tasks",),
    "_token_tasks": ("create_task",),
    "_tokens": ("CancellationRegistration", "CancellationSource", "CancellationToken"),
    "_unretrieved": ("Unretrieved", "on_unretrieved"),
    "_wait_graph": ("WaitEdge", "WaitGraph", "tasks", "wait_graph"),
    "_waits": ("Taker", "TaskInfo", "Wait"),
    "events": ("EventLoop", "EventLoopPolicy", "new_event_loop"),
    "runners": ("run",),
}
_ELSEWHERE = {"gather": "_gather"}
"""Names that stand for something of asyncio's in the compiled part."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

pytest_plugins = ("stook._testing.plugin",)
"""What ``pytest -p stook`` imports."""

__all__ = sorted(_HOME_OF)
if sys.version_info < (3, 12):
    __all__ = [name for name in __all__ if "eager" not in name]


def __getattr__(name):
    home = _HOME_OF.get(name, name)
    if home == "_core":
        module = _platform.load_core()
    elif home in _HOMES:
        module = _late.load(f"stook.{home}")
    else:
        raise AttributeError(f"module 'stook' has no attribute {name!r}")
    if home == name:
        return module
    value = getattr(module, _ELSEWHERE.get(name, name))
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
