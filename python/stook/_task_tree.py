"""The tasks of a loop as a tree that is read: who waits is above what it waits for."""

import asyncio
import sys
from typing import Any, TextIO

from stook import _platform, _wait_graph
from stook._cancellation import Place, _name_of, _named, _place
from stook._wait_graph import WaitEdge, WaitGraph
from stook._waits import Taker, TaskInfo, Wait

_core = _platform.load_core()

_DEEPEST = 20
"""What is further down is not indented further."""


def print_tasks(
    loop: asyncio.AbstractEventLoop | None = None, *, file: TextIO | None = None
) -> None:
    """Print the tasks of a loop as a tree: what each waits for, and the lines that led there.

    A task stands below the one that waits for it. Where tasks wait for each other, lines at the end
    name each cycle.

    Args:
        loop: As for ``stook.tasks``.
        file: Where to print; ``sys.stdout`` when ``None``.

    Raises:
        RuntimeError: No loop is given and none runs in this thread.
        TypeError: It is no event loop.

    Source:
        ``asyncio.print_call_graph``, CPython 3.14.
    """
    text = tree(_wait_graph.wait_graph(loop))
    print(text, file=sys.stdout if file is None else file)


def tree(graph: WaitGraph, most: int | None = None) -> str:
    """Return the tree of a graph.

    Args:
        graph: The tasks.
        most: So many tasks are shown, and how many more there are; all of them when ``None``.
    """
    if not graph.tasks:
        return "no tasks"
    with _wait_graph.without_collections():
        return "\n".join(_lines(graph, most))


def _lines(graph: WaitGraph, most: int | None) -> list[str]:
    below: dict[int, list[Any]] = {}
    waited_for = set()
    for edge in graph.edges:
        below.setdefault(id(edge.waiter), []).append(edge.on)
        waited_for.add(id(edge.on))
    # Those whom nobody waits for, and then what only leads to itself.
    roots = [info for info in graph.tasks if id(info.task) not in waited_for]
    lines: list[str] = []
    shown: set[int] = set()
    for root in [*roots, *graph.tasks]:
        left = [(root, 0)] if id(root.task) not in shown else []
        while left:
            info, depth = left.pop()
            indent = "  " * min(depth, _DEEPEST)
            if id(info.task) in shown:
                lines.append(f"{indent}{_named(info.name)}, shown above")
                continue
            shown.add(id(info.task))
            if most is None or len(shown) <= most:
                lines += [indent + line for line in _task(info, graph.now)]
                children = map(graph.info, below.get(id(info.task), ()))
                others = [child for child in children if child is not None and child is not info]
                left += [(child, depth + 1) for child in others[::-1]]
    if most is not None and len(graph.tasks) > most:
        lines.append(f"and {len(graph.tasks) - most} more tasks")
    lines += [cycle(way) for way in graph.cycles]
    return lines


def _task(info: TaskInfo, now: float) -> list[str]:
    if info.wait is None:
        said = {
            "created": "has not begun",
            "running": "is running",
            "ready": "is ready to go on",
        }[info.state]
    else:
        said = f"waits for {what(info.wait, now)}"
    if info.cancelling:
        said += f"; asked to cancel {_times(info.cancelling)}"
    return [f"{_named(info.name)} {said}", *(f"  at {_place(place)}" for place in info.stack[::-1])]


def one(info: TaskInfo, now: float) -> list[str]:
    """Return the lines of one task, at a time of the loop's clock."""
    return _task(info, now)


def cancelled(loop: Any, tasks: Any, most: int) -> list[str]:
    """Return lines on tasks that were asked to cancel and have not ended.

    Args:
        loop: Their loop.
        tasks: The tasks.
        most: So many are shown.
    """
    graph = _wait_graph.wait_graph(loop)
    infos = [info for info in graph.tasks if info.task in tasks]
    lines = []
    for info in infos[:most]:
        lines += _task(info, graph.now)
        lines += [f"  {line}" for line in _survived(info.task)]
    if len(infos) > most:
        lines.append(f"and {len(infos) - most} more")
    return lines


def _survived(task: Any) -> list[str]:
    """Return where a task has gone on after it was cancelled, and who asked last."""
    record = _core.cancellation(task)
    said = [] if record is None else record.explain().splitlines()
    places: dict[Place, int] = {}
    for where in _core._survived(task):
        places[where] = places.get(where, 0) + 1
    for where, count in places.items():
        said.append(f"it went on after a cancellation {_times(count)} at {_place(where)}")
    return said


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


_NOUNS = {
    "cancel_and_wait": "the ends of what it cancels",
    "condition": "a condition to be notified",
    "detect_cancel": "a task",
    "event": "an event to be set",
    "executor": "a job of an executor",
    "first_success": "the first success",
    "future": "a future",
    "gather": "a gather",
    "group": "its task group",
    "io": "input or output",
    "lock": "a lock",
    "process": "a process to end",
    "queue": "a queue",
    "race": "a race",
    "semaphore": "a semaphore",
    "server": "a server to end",
    "shield": "a shield",
    "sleep": "a sleep to end",
    "wait": "several",
    "wait_any": "the first",
    "barrier": "others at a barrier",
}


_IN_QUEUES = {
    "get": "an item of a queue",
    "put": "a place in a queue",
    "join": "the items of a queue to be done",
}


def what(wait: Wait, now: float) -> str:
    """Return in words what is waited for, at a time of the loop's clock."""
    names = ", ".join(_name_of(task) for task in wait.on[:5])
    if len(wait.on) > 5:
        names += f" and {len(wait.on) - 5} more"
    if wait.kind == "task":
        said = names
    else:
        said = _IN_QUEUES.get(wait.method or "") or _NOUNS[wait.kind]
        if wait.fd is not None:
            said += f" on descriptor {wait.fd}"
        if wait.kind in ("lock", "semaphore"):
            said += f" held by {names}" if names else taken_by(wait.taken_by)
        elif names:
            said += f" of {names}"
    if wait.until is not None:
        said += f", for {max(wait.until - now, 0.0):.1f} seconds at most"
    return said


def taken_by(taker: Taker | None) -> str:
    """Return in words who took the lock that is waited for."""
    if taker is None:
        return ", nobody knows held by whom"
    if taker.task is not None:
        return f" taken by {_named(taker.name or '')}"
    if taker.name is None:
        return " taken by a task that has ended"
    return f" taken by {_named(taker.name)}, which has ended"


def cycle(way: tuple[WaitEdge, ...]) -> str:
    """Return in words who waits for whom, round and round."""
    lines = ["these wait for each other:" if len(way) > 1 else "this one waits for itself:"]
    for edge in way:
        where = "" if edge.where is None else f" at {place(edge.where)}"
        waiter, on = (_name_of(task) for task in (edge.waiter, edge.on))
        verb = "awaits" if edge.kind == "task" else f"waits ({edge.kind}) for"
        lines.append(f"  {waiter} {verb} {on}{where}")
    return "\n".join(lines)


def place(where: Place) -> str:
    """Return a place as the other reports show it."""
    return _place(where)
