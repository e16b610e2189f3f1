"""What becomes of an exception that nobody reads, and of a task that is lost.

The compiled part calls ``report`` instead of the loop's exception handler while there is a policy,
and notes then for each new task which line made it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from stook import _explained, _platform

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
_collecting: dict[asyncio.AbstractEventLoop, list[dict[str, Any]]] = {}
_watchers: list[Callable[[Unretrieved], object]] = []


def on_unretrieved(how: str | Callable[[Unretrieved], object] | None) -> None:
    """Say what is to be done about exceptions that nobody reads.

    Args:
        how: ``None``: what asyncio does, a report to the loop's exception handler when the task is
            collected. ``"log"``: the same, with the line that created the task, under
            ``"created_at"``. ``"raise"``: ``stook.run`` raises them as a group when its program has
            ended; they are reported as ever where the program itself raises, and on a loop that
            ``stook.run`` does not run; so are those of tasks that are still held when ``stook.run``
            ends, or that fail while they are cancelled at its end. A function: it is called with an
            ``Unretrieved``.

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
    _core._set_reporting(_policy is not None or bool(_watchers))


def watch(watcher: Callable[[Unretrieved], object]) -> None:
    """Have a function told too of what nobody read; what the policy says is done all the same."""
    _watchers.append(watcher)
    _core._set_reporting(True)


def forget(watcher: Callable[[Unretrieved], object]) -> None:
    """Tell that function no longer."""
    _watchers.remove(watcher)
    _core._set_reporting(_policy is not None or bool(_watchers))


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any], created: Any) -> None:
    """Do what the policy says; called by the compiled part."""
    future = context.get("task") or context.get("future")
    exception = context.get("exception")
    for watcher in tuple(_watchers):
        watcher(Unretrieved(future, exception, created))
    if _policy is None:
        if not isinstance(loop, _core.LoopCore):
            _explained.add_where_logged(loop, context)
        loop.call_exception_handler(context)
        return
    if created is not None:
        file, line, function = created
        context["created_at"] = f"{file}:{line}, in {function}"
    if callable(_policy):
        _policy(Unretrieved(future, exception, created))
    elif _policy == "raise" and exception is not None and loop in _collecting:
        # Not the future itself: it is going.
        kept = {key: value for key, value in context.items() if value is not future}
        _collecting[loop].append(kept)
    else:
        loop.call_exception_handler(context)


class Collected:
    """What nobody read while a program ran on a loop; raised when the block is left."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> "Collected":
        """Return itself, to be told the loop."""
        return self

    def of(self, loop: asyncio.AbstractEventLoop) -> None:
        """Collect from here on what this loop's tasks leave behind."""
        self._loop = loop
        _collecting[loop] = []

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Raise what was collected, or report it beside the error that is raised already."""
        if self._loop is None:
            return
        contexts = _collecting.pop(self._loop, [])
        if error is None and contexts:
            unread = [context["exception"] for context in contexts]
            raise BaseExceptionGroup("exceptions that nobody read", unread)
        for context in contexts:
            self._loop.call_exception_handler(context)
