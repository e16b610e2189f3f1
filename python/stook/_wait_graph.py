"""Who waits for whom: the tasks of a loop, and the waits between them.

It is put together when it is asked for. What a cycle is, and who cannot go on, is the kernel's to
say; what a task waits for, that of :mod:`stook._waits`.
"""

import asyncio
import contextlib
import gc
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from stook import _platform, _waits
from stook._cancellation import Place
from stook._waits import TaskInfo

_core = _platform.load_core()


class WaitEdge(NamedTuple):
    """One task waits for another.

    Attributes:
        waiter: The task that waits.
        on: The one that it waits for: to end or, of a lock or semaphore, to release it.
        kind: What it waits for, as ``Wait.kind``.
        where: The line at which it waits, as ``Wait.where``.
    """

    waiter: Any
    on: Any
    kind: str
    where: Place | None


class WaitGraph:
    """The tasks of a loop that have not ended, and who waits for whom.

    It is what was so when it was made, and holds on to its tasks.

    Attributes:
        now: When it was made, in seconds of the loop's clock.
        tasks: A ``TaskInfo`` of each task, those with short names first.
        edges: A ``WaitEdge`` for each pair of which one waits for the other.
        cycles: For each group of tasks that wait for each other, the edges of one way round.
        stuck: The tasks that cannot go on before one of them is cancelled: those that wait for each
            other, and those that wait for these alone. Whatever nobody knows counts as able to go
            on, and so does a task with a timeout.
    """

    def __init__(self, tasks: Iterable[TaskInfo], now: float) -> None:
        """Take what is known of each task, and the loop's time."""
        self.tasks = tuple(tasks)
        self.now = now
        self._places = {id(info.task): place for place, info in enumerate(self.tasks)}
        self._needs, edges, waiters, on = _core._edges(self.tasks)
        self.edges: tuple[WaitEdge, ...] = tuple(edges)
        numbers, able = _core._find_cycles(self._needs, waiters, on)
        self.stuck = tuple(
            info.task for info, goes_on in zip(self.tasks, able, strict=True) if not goes_on
        )
        self.cycles = self._ways_round(numbers, waiters, on)

    def _ways_round(
        self, numbers: list[int | None], waiters: list[int], on: list[int]
    ) -> tuple[tuple[WaitEdge, ...], ...]:
        """Return one way round each of the numbered cycles."""
        if numbers.count(None) == len(numbers):
            return ()
        onward: dict[int, tuple[int, WaitEdge]] = {}
        first: dict[int, int] = {}
        for waiter, target, edge in zip(waiters, on, self.edges, strict=True):
            number = numbers[waiter]
            if number is not None and numbers[target] == number:
                onward.setdefault(waiter, (target, edge))
                first.setdefault(number, waiter)
        ways = []
        for number in sorted(first):
            seen: dict[int, int] = {}
            way: list[WaitEdge] = []
            at = first[number]
            while at not in seen:
                seen[at] = len(way)
                at, edge = onward[at]
                way.append(edge)
            ways.append(tuple(way[seen[at] :]))
        return tuple(ways)

    def info(self, task: Any) -> TaskInfo | None:
        """Return what is known of a task; ``None`` of one that is not in the graph."""
        place = self._places.get(id(task))
        return None if place is None else self.tasks[place]

    def waits_for(self, task: Any) -> tuple[Any, ...]:
        """Return the tasks that a task waits for."""
        return tuple(edge.on for edge in self.edges if edge.waiter is task)

    def waited_for_by(self, task: Any) -> tuple[Any, ...]:
        """Return the tasks that wait for a task."""
        return tuple(edge.waiter for edge in self.edges if edge.on is task)

    def __len__(self) -> int:
        """Return how many tasks there are."""
        return len(self.tasks)

    def __str__(self) -> str:
        """Return the tree that ``print_tasks`` prints."""
        from stook import _task_tree

        return _task_tree.tree(self)


def _loop(loop: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop:
    if loop is None:
        loop = asyncio._get_running_loop()
        if loop is None:
            raise RuntimeError("no event loop is running in this thread: name the loop")
    if not isinstance(loop, asyncio.AbstractEventLoop):
        raise TypeError(f"an event loop or None is expected, not {type(loop).__name__}")
    return loop


def tasks(loop: asyncio.AbstractEventLoop | None = None) -> list[TaskInfo]:
    """Return what is known of each task of a loop that has not ended.

    Nothing is noted of that while tasks run: it is looked up now. So it is not known how long a
    task has been waiting, but for a sleep. Tasks may be stook's or asyncio's, and the loop any; of
    a loop that is not written in Python, the times of sleeps and the descriptors are not known.

    Args:
        loop: The event loop; the running one when ``None``. It may run in another thread, which may
            go on meanwhile: each task is shown as it was at some moment.

    Raises:
        RuntimeError: No loop is given and none runs in this thread.
        TypeError: It is no event loop.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     asyncio.create_task(asyncio.Event().wait(), name="waiter")
        ...     await asyncio.sleep(0)
        ...     for info in stook.tasks():
        ...         print(info.name, info.state, info.wait and info.wait.kind)
        >>> stook.run(main())
        Task-1 running None
        waiter waiting event

    Source:
        ``asyncio.all_tasks``, CPython 3.13.
    """
    loop = _loop(loop)
    with without_collections():
        return _tasks(loop)


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Keep the collector from looking through all that is made in this block again and again."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()


def graph_of_infos(loop: asyncio.AbstractEventLoop, infos: list[TaskInfo]) -> WaitGraph:
    """Return who waits for whom among some tasks of a loop, of which that much is known.

    Args:
        loop: The event loop.
        infos: What is known of each, but for who holds the locks.
    """
    return WaitGraph(_waits.with_holders(infos, loop), loop.time())


def graph_of(loop: asyncio.AbstractEventLoop, tasks: Iterable[Any]) -> WaitGraph:
    """Return who waits for whom among some tasks of a loop.

    Args:
        loop: The event loop.
        tasks: The tasks.
    """
    scheduled = _waits.Scheduled(loop)
    infos = _waits.look_at_each(tasks, scheduled, None)
    infos.sort(key=lambda info: (len(info.name), info.name))
    return graph_of_infos(loop, infos)


def _tasks(loop: asyncio.AbstractEventLoop) -> list[TaskInfo]:
    scheduled = _waits.Scheduled(loop)
    running = _core.current_task(loop)
    infos = _waits.look_at_each(_core.all_tasks(loop), scheduled, running)
    # Task-9 comes before Task-10.
    infos.sort(key=lambda info: (len(info.name), info.name))
    return _waits.with_holders(infos, loop)


def wait_graph(loop: asyncio.AbstractEventLoop | None = None) -> WaitGraph:
    """Return who waits for whom among the tasks of a loop.

    Args:
        loop: As for ``stook.tasks``.

    Raises:
        RuntimeError: No loop is given and none runs in this thread.
        TypeError: It is no event loop.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     child = asyncio.create_task(asyncio.sleep(60), name="child")
        ...     parent = asyncio.create_task(asyncio.wait([child]), name="parent")
        ...     await asyncio.sleep(0)
        ...     for edge in stook.wait_graph().edges:
        ...         print(edge.waiter.get_name(), edge.kind, edge.on.get_name())
        ...     child.cancel()
        >>> stook.run(main())
        parent wait child
    """
    loop = _loop(loop)
    with without_collections():
        return WaitGraph(_tasks(loop), loop.time())
