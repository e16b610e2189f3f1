"""What an object is, told by its type alone.

A report comes upon objects of the program that nobody has given it. Some are proxies: asked for
their class or for an attribute they fetch what they stand for, or raise because that is not there.
"""

import types
from typing import Any

from stook import _platform

_core = _platform.load_core()

FUNCTIONS: tuple[Any, ...] = (types.FunctionType, type(_core.sleep))
METHODS: tuple[Any, ...] = (types.MethodType, types.BuiltinMethodType)


def is_a(thing: Any, *kinds: type) -> bool:
    """Whether an object is truly of one of these classes, whatever it says that it is.

    Args:
        thing: The object.
        kinds: The classes.
    """
    return issubclass(type(thing), kinds)


def is_future(thing: Any) -> bool:
    """Whether an object is a future, as ``asyncio.isfuture`` says of one that is no proxy.

    Source:
        ``asyncio.isfuture``, CPython 3.13.
    """
    marked = hasattr(type(thing), "_asyncio_future_blocking")
    return marked and thing._asyncio_future_blocking is not None


def is_task(thing: Any) -> bool:
    """Whether an object is a task, stook's, asyncio's or one of the program's own class."""
    return is_future(thing) and hasattr(type(thing), "get_coro")


def function_name(thing: Any) -> str:
    """Return the qualified name of a function; nothing of what else may be called."""
    return thing.__qualname__ if type(thing) in FUNCTIONS else ""
