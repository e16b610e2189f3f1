"""What the record of a cancellation says in words.

The record itself is in the compiled part. Here are the two small things that it hands out, and its
explanation.
"""

import asyncio
import contextlib
import itertools
from asyncio.log import logger
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple


class ChildCancelled(asyncio.CancelledError):
    """What was awaited was cancelled, and not the task that awaited it.

    ``__cause__`` is the child's own ``CancelledError``; ``stook.cancellation()`` gives its record.

    To ``asyncio.TaskGroup`` an exception of a class derived from ``CancelledError`` that its block
    raises is a failure of the block before CPython 3.13, and is raised in a group.
    """


class Requester(NamedTuple):
    """The task that asked for a cancellation.

    Attributes:
        name: Its name.
        id: Its ``id()``; that of another object once the task is gone.
    """

    name: str
    id: int


class Place(NamedTuple):
    """Where a cancellation was asked for.

    Attributes:
        file: The file, as its code has it.
        line: The line; ``None`` where the code has none.
        function: The qualified name of the function.
    """

    file: str
    line: int | None
    function: str


_REASONS = {
    "explicit": "cancel() was called",
    "timeout": "a timeout expired",
    "sibling failed": "another task of the group, or its block, failed",
    "parent cancelled": "what waited for it was cancelled",
    "group": "what it was gathered in was cancelled",
    "token": "a token was cancelled",
    "lost race": "another one was first",
    "shutdown": "the loop was to end",
    "interrupt": "the program was interrupted",
    "remote": "somebody outside the program asked",
    "unknown": "who asked is not known",
}


def explain(record: Any) -> str:
    """Return a paragraph that says who asked, why, from where, and what that followed from."""
    chain = record.chain
    lines = [_sentence(record)]
    for step, cause in itertools.pairwise(chain):
        if step._leaves_out:
            lines.append("  because of others, which are left out here")
        lines.append(f"  because {_sentence(cause)}")
    lines += [f"  and at the same time {_sentence(other)}" for other in record.others]
    if record.swallowed is not None:
        lines.append(f"  it was raised at {_place(record.swallowed)}, and did not end the task")
    return "\n".join(lines)


def warn_of_swallowed(task: asyncio.Future[Any], record: Any) -> None:
    """Warn of a task that was cancelled and went on; called by the compiled part in debug mode.

    Not where the whole program was to end, which it does; and not where whoever asked waits for the
    end and takes the outcome as it comes.

    DIFFERENCE: in debug mode a task that was cancelled, and ends otherwise without having taken the
    request back, is logged.
    """
    if not _is_expected(task, record):
        # The text alone: whoever collects what is logged keeps no task alive.
        logger.warning("%s has swallowed a cancellation: %s", repr(task), explain(record))


swallowed_watchers: list[Callable[[Any, Any], object]] = []
"""Functions of the task and the record, for each that ``warn_of_swallowed`` would warn of."""


def tell_of_swallowed(task: asyncio.Future[Any], record: Any) -> None:
    """Tell the watchers of a task that was cancelled and went on; called by the compiled part."""
    if not _is_expected(task, record):
        for watcher in tuple(swallowed_watchers):
            watcher(task, record)


def _is_expected(task: asyncio.Future[Any], record: Any) -> bool:
    """Tell whether whoever asked is content with any end."""
    # What `async with asyncio.timeout()` asks for is taken back at its end: this is of `wait_for`.
    if record.kind == "timeout" or _is_of_wait_for(task, record):
        return True
    if any(step.kind in ("interrupt", "shutdown", "lost race") for step in record.chain):
        return True
    return any(_is_same(record, other) for other in _waited_for.get(task, ()))


def _is_of_wait_for(task: asyncio.Future[Any], record: Any) -> bool:
    """Tell whether who waits for the task does so in `wait_for`, as that does from 3.12 on."""
    if [step.kind for step in record.chain] != ["parent cancelled", "timeout"]:
        return False
    for other in asyncio.all_tasks(task.get_loop()):
        if record.who is not None and id(other) == record.who.id:
            coroutine: Any = other.get_coro()
            # Of one that runs CPython 3.11 and 3.12 may give what is no object.
            while not getattr(coroutine, "cr_running", False) and hasattr(
                awaited := getattr(coroutine, "cr_await", None), "cr_await"
            ):
                coroutine = awaited
            return getattr(coroutine, "__qualname__", None) == "wait_for"
    return False


def _is_same(record: Any, other: Any) -> bool:
    return (record.when, record.who, record.where) == (other.when, other.who, other.where)


_waited_for: dict[asyncio.Future[Any], list[Any]] = {}


@contextlib.contextmanager
def outcome_awaited(tasks: Iterable[asyncio.Future[Any]], record: Any) -> Iterator[None]:
    """Do not warn, in this block, of tasks that swallow the request of this record."""
    tasks = list(tasks)
    for task in tasks:
        _waited_for.setdefault(task, []).append(record)
    try:
        yield
    finally:
        for task in tasks:
            _waited_for[task].remove(record)
            if not _waited_for[task]:
                del _waited_for[task]


def _place(place: Place) -> str:
    line = "" if place.line is None else f":{place.line}"
    return f"{place.file}{line}, in {place.function}"


def _named(name: str) -> str:
    """Return a name, by its repr where it would not be seen, or would break the line."""
    return name if name and name.isprintable() else repr(name)


def _name_of(task: Any) -> str:
    """Return the name of a task as it is shown, whatever a class of the program's does instead."""
    try:
        name = task.get_name()
    except Exception:
        name = None
    return _named(name) if isinstance(name, str) else shown(task)


def _sentence(record: Any) -> str:
    words = [_REASONS[record.kind]]
    if record.who is not None:
        words.append(f"by {_named(record.who.name)}")
    if record.where is not None:
        if record.kind == "timeout":
            # On loops of others nobody knows where it was set.
            words.append("while the task waited" if record._waited_there else "that was set")
        words.append(f"at {_place(record.where)}")
    elif record.who is None and record.kind == "explicit":
        words.append("by a callback of the loop")
    if record.reason is not None:
        words.append(f"({shown(record.reason)})")
    return " ".join(words)


def shown(reason: object) -> str:
    """Return the repr of a reason; what stands for it where that fails.

    Source:
        ``_safe_string``, CPython 3.13 ``traceback.py``.
    """
    try:
        return repr(reason)
    except Exception:
        return f"<{type(reason).__name__} object at {id(reason):#x} whose repr failed>"
