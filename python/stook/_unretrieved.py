"""What becomes of an exception that nobody reads, and of a task that is lost.

The compiled part calls ``report`` instead of the loop's exception handler while there is a policy,
and notes then for each new task which line made it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from stook import _platform

_core = _platform.load_core()


class Unretrieved(NamedTuple):
    """An exception that nobody read, or a task that was lost.

    Attributes:
        future: The task or future, which is going.
        exception: The exception; ``None`` for a task that was destroyed while it was pending.
        created: The ``Place`` that made the task; ``None`` where that is not known.
    """

    future: Any
    exception: BaseException | None
    created: Any


_policy: str | Callable[[Unretrieved], object] | None = None
_collected: list[BaseException] = []


def on_unretrieved(how: str | Callable[[Unretrieved], object] | None) -> None:
    """Say what is to be done about exceptions that nobody reads.

    Args:
        how: ``None``: what asyncio does, a report to the loop's exception handler when the task is
            collected. ``"log"``: the same, with the line that created the task, under
            ``"created_at"``. ``"raise"``: ``stook.run`` raises them as a group when its program has
            ended. A function: it is called with an ``Unretrieved``.

    Raises:
        TypeError: It is none of these.

    Example:
        >>> import asyncio, stook
        >>> async def fails():
        ...     raise OSError("lost")
        >>> async def main():
        ...     asyncio.create_task(fails())
        ...     await asyncio.sleep(0)
        >>> stook.on_unretrieved(lambda lost: print(lost.exception, lost.created.function))
        >>> stook.run(main())
        lost main
        >>> stook.on_unretrieved(None)

    Source:
        ``Task.__del__`` and ``Future.__del__``, CPython 3.13.
    """
    global _policy
    if how not in (None, "log", "raise") and not callable(how):
        raise TypeError(f"on_unretrieved() takes None, 'log', 'raise' or a function, not {how!r}")
    _policy = how
    _core._set_reporting(how is not None)


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any], created: Any) -> None:
    """Do what the policy says; called by the compiled part."""
    future = context.get("task") or context.get("future")
    exception = context.get("exception")
    if created is not None:
        file, line, function = created
        context["created_at"] = f"{file}:{line}, in {function}"
    if callable(_policy):
        _policy(Unretrieved(future, exception, created))
    elif _policy == "raise" and exception is not None:
        _collected.append(exception)
    else:
        loop.call_exception_handler(context)


def take() -> list[BaseException]:
    """Return the exceptions that are to be raised, once."""
    taken = _collected.copy()
    _collected.clear()
    return taken
