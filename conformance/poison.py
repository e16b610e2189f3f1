"""Makes asyncio's own engine unusable, to prove that stook's does the work.

The methods of ``_asyncio.Future`` and ``_asyncio.Task`` (their constructors and ``__await__``
included), the scheduling methods of ``BaseEventLoop``, and the Python functions ``gather``,
``wait`` and ``sleep`` of ``asyncio.tasks`` are replaced by traps: a trap notes that it was reached
and raises ``RuntimeError`` with the name of what it stands for. The functions are trapped by their
code, so a reference taken earlier is trapped as well.

``python conformance/poison.py script.py [arguments]`` runs a program under stook's launcher that
way; README.md tells the other ways. A program that ends after a trap was reached, even if it
caught the error, exits with status 70.
"""

import atexit
import ctypes
import functools
import gc
import inspect
import os
import sys
import types

SCHEDULING = ("call_soon", "_call_soon", "_add_callback", "_run_once")
FUNCTIONS = ("gather", "wait", "sleep")
SLOTS = ("__init__", "__await__", "__iter__")
ALL = "all"
LOOP = "loop"
TRAPPED = 70

_TRAP = """\
{is_async}def trap(*args, **kwargs):
    from sys import modules
    return {wait}modules[{module!r}].reach({name!r}, args, kwargs)
"""
_MODULE = "stook_conformance_poison"
_TYPE_FLAGS_OFFSET = 21 * ctypes.sizeof(ctypes.c_void_p)
_IMMUTABLE_TYPE = 1 << 8

reached = []
"""The names of the traps that were reached, in order."""

_spared = {}


def apply(*, level=ALL, only_for=None):
    """Put the traps in place; there is no way back within the process.

    Args:
        level: ``ALL``, or ``LOOP`` for what may not run when only the event loop is stook's: the
            scheduling of ``BaseEventLoop`` and the accelerator's ``Task``.
        only_for: A class of event loop. Scheduling and the functions of ``asyncio.tasks`` then
            still work for other loops, and for other loops' tasks.
    """
    import asyncio

    future_type, task_type = _accelerator_types()
    sys.modules[_MODULE] = types.SimpleNamespace(reach=reach)
    _poison_type(task_type, "_asyncio.Task")
    for name in SCHEDULING:
        method = getattr(_base_event_loop(), name)
        _poison_function(method, f"BaseEventLoop.{name}", _spare_by_owner(only_for))
    if level == LOOP:
        return
    _poison_type(future_type, "_asyncio.Future")
    for function in _functions_of(asyncio.tasks):
        name = f"asyncio.tasks.{function.__name__}"
        _poison_function(function, name, _spare_by_running_loop(only_for))


def reach(name, args, kwargs):
    """Note that a trap was reached and raise, unless the caller is spared."""
    if name in _spared:
        spares, original = _spared[name]
        if spares(args):
            return original(*args, **kwargs)
    reached.append(name)
    raise RuntimeError(f"{name} was reached, but asyncio's own engine must not run")


def _poison_type(cls, label):
    """Replace the methods of a type that Python will not let anyone change.

    The bit that says so is cleared for as long as it takes. Assigning to the type, rather than to
    its dictionary, also replaces the C slots behind special methods.
    """
    names = [
        name
        for name, value in vars(cls).items()
        if isinstance(value, types.MethodDescriptorType) or name in SLOTS
    ]
    flags = ctypes.c_ulong.from_address(id(cls) + _TYPE_FLAGS_OFFSET)
    if flags.value != cls.__flags__:
        raise RuntimeError("the layout of a type object is not the one known here")
    before = flags.value & _IMMUTABLE_TYPE
    flags.value &= ~_IMMUTABLE_TYPE
    try:
        for name in names:
            setattr(cls, name, _method_trap(f"{label}.{name}", getattr(cls, name)))
    finally:
        flags.value |= before


def _method_trap(name, original):
    def trap(*args, **kwargs):
        return reach(name, args, kwargs)

    return functools.wraps(original)(trap)


def _poison_function(function, name, spares):
    """Replace the code of ``function``; ``spares`` decides who may still run the old one.

    What the code names stays readable: stook reads there how this micro version behaves. A
    coroutine function stays one; its trap is reached when the coroutine runs.
    """
    code = function.__code__
    if spares is not None:
        original = types.FunctionType(
            code, function.__globals__, function.__name__, function.__defaults__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        _spared[name] = spares, original
    namespace = {}
    is_async, wait = ("async ", "await ") if inspect.iscoroutinefunction(function) else ("", "")
    exec(_TRAP.format(is_async=is_async, wait=wait, module=_MODULE, name=name), namespace)
    trap = namespace["trap"].__code__
    locals_of_both = tuple(dict.fromkeys(trap.co_varnames + code.co_varnames))
    function.__code__ = trap.replace(
        co_name=code.co_name,
        co_names=trap.co_names + code.co_names,
        co_varnames=locals_of_both,
        co_nlocals=len(locals_of_both),
    )


def _accelerator_types():
    """Return the accelerator's ``Future`` and ``Task``, even when its names are bound to others."""
    [future_type] = [
        cls
        for cls in object.__subclasses__()
        if (cls.__module__, cls.__qualname__) == ("_asyncio", "Future")
    ]
    [task_type] = [
        cls
        for cls in future_type.__subclasses__()
        if (cls.__module__, cls.__qualname__) == ("_asyncio", "Task")
    ]
    return future_type, task_type


def _functions_of(module):
    """Return the functions of ``FUNCTIONS``, even when their names are bound to others now."""
    return [
        found
        for found in gc.get_objects()
        if type(found) is types.FunctionType
        and found.__globals__ is vars(module)
        and found.__qualname__ in FUNCTIONS
    ]


def _base_event_loop():
    """Return the standard library's class, whatever its name stands for by now."""
    from asyncio.unix_events import _UnixSelectorEventLoop

    *_, base, _abstract, _object = _UnixSelectorEventLoop.__mro__
    return base


def _spare_by_owner(only_for):
    return only_for and (lambda args: not isinstance(args[0], only_for))


def _spare_by_running_loop(only_for):
    import asyncio

    return only_for and (lambda args: not isinstance(asyncio._get_running_loop(), only_for))


def exit_if_reached():
    """End the process with ``TRAPPED`` if a trap was reached; for ``atexit``."""
    if reached:
        print(f"poison: reached {', '.join(dict.fromkeys(reached))}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(TRAPPED)


def apply_at_start_of_program():
    """Do what ``STOOK_TEST_POISON`` asks for; called by ``poisoned/sitecustomize.py``."""
    level = os.environ.get("STOOK_TEST_POISON", "")
    if level in ("", "0"):
        return
    import stook.events  # noqa: F401 - it may read what the traps replace while it is imported

    apply(level=LOOP if level == LOOP else ALL)
    atexit.register(exit_if_reached)


def environment_for(level=ALL):
    """Return the environment in which every interpreter started has the traps."""
    here = os.path.dirname(os.path.abspath(__file__))
    paths = [os.path.join(here, "poisoned"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "STOOK_TEST_POISON": level,
    }


if __name__ == "__main__":
    os.execve(
        sys.executable,
        [sys.executable, "-m", "stook", *sys.argv[1:]],
        environment_for(),
    )
