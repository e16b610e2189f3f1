"""Tasks that can never go on, while the rest of a program does.

A task goes on when somebody sets the event, fills the queue, completes the future that it waits
for. So it cannot where nothing reaches that but tasks that wait for each other in this way. What
reaches an object is known as the collector knows it: where it counts more references than those
that come from these tasks, their coroutines and what these hold, somebody else has one.

A task to which somebody else refers may be cancelled, and does not go on by that: such a reference
does not count, but for one that a timer has.

Nothing is said, as a false alarm would be worse, where a thread is alive; of the task that a run is
for, which may be interrupted, and what that task refers to; of a task that waits for what it alone
can reach, or it and those that it waits for itself, as one does that keeps a program alive; of what
a weak reference reaches. Nor is more looked at than the numbers below say. What is not looked at
counts as somebody who may wake a task.
"""

import asyncio
import gc
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterable
from typing import Any

from stook import _deadlock, _platform, _wait_graph, _waits
from stook._by_type import FUNCTIONS, is_a, is_future, is_task
from stook._cancellation import _name_of

_core = _platform.load_core()

MOST_TASKS = 5000
"""A loop with more is not looked at."""
MOST_WAITING = 200
"""So many tasks are looked at that have not moved since the look before."""
MOST_OBJECTS = 3000
"""So many objects are looked at that these tasks lead to."""
MOST_NAMED = 10
_FROM_OUTSIDE = ("io", "process", "executor", "server", "sleep")
_ATOMS: tuple[Any, ...] = (
    str,
    bytes,
    int,
    float,
    type,
    types.ModuleType,
    types.CodeType,
    type(None),
)

_END_OF_RUN = vars(asyncio.base_events)["_run_until_complete_cb"]

_Waiting = dict[int, int]
"""The ``id()`` of what each task waits for, by the task's own."""


class _Known:
    """What earlier looks at a loop have found."""

    def __init__(self) -> None:
        self.waiting: _Waiting = {}
        self.found: set[frozenset[tuple[int, int]]] = set()
        self.told: weakref.WeakSet[Any] = weakref.WeakSet()
        self.has_failed = False


_known: "weakref.WeakKeyDictionary[Any, _Known]" = weakref.WeakKeyDictionary()


def look_at(loop: Any) -> bool:
    """Tell of tasks that can never go on; called by the compiled part, in the loop's own thread.

    They are told of when two looks have found the same, and once.

    Returns:
        Whether there are some that another look has to find as well.
    """
    known = _known.setdefault(loop, _Known())
    try:
        return not known.has_failed and _look_at(loop, known)
    except Exception as error:
        # What cannot be looked at is no reason to end the program.
        known.has_failed = True
        _core._unraisable(error, look_at)
        return False


def _look_at(loop: Any, known: _Known) -> bool:
    tasks = _core.all_tasks(loop)
    if len(tasks) > MOST_TASKS or _deadlock.other_threads():
        known.waiting, known.found = {}, set()
        return False
    with _wait_graph.without_collections():
        before, known.waiting = known.waiting, _waiting(tasks)
        unmoved = [task for task in tasks if _has_not_moved(task, known.waiting, before)]
        del tasks
        groups = _groups(loop, unmoved) if len(unmoved) > 1 else []
        del unmoved
    groups = [group for group in groups if not any(task in known.told for task in group)]
    found = {
        frozenset((id(task), known.waiting.get(id(task), 0)) for task in group): group
        for group in groups
    }
    told = [group for key, group in found.items() if key in known.found]
    known.found = set(found)
    for group in told:
        known.told.update(group)
        _deadlock.tell_of_part(_wait_graph.graph_of(loop, group), _holders_said(group))
    return len(found) > len(told)


def _waiting(tasks: Iterable[Any]) -> _Waiting:
    waiting = {}
    for task in tasks:
        awaited = getattr(task, "_fut_waiter", None)
        if awaited is not None and not awaited.done():
            waiting[id(task)] = id(awaited)
    return waiting


def _has_not_moved(task: Any, waiting: _Waiting, before: _Waiting) -> bool:
    return id(task) in waiting and before.get(id(task)) == waiting[id(task)]


def _groups(loop: Any, unmoved: list[Any]) -> list[list[Any]]:
    """Return the groups of tasks that wait for each other, and that nothing else can reach."""
    on = _on(loop, unmoved)
    if len(on) < 2:
        return []
    waiting = [task for task in unmoved if id(task) in on]
    groups = [group for group in _Reachable(waiting, on).groups() if _is_of_several(group, on)]
    del waiting
    if groups:
        ended = _ended_by_timers(loop)
        groups = [
            group for group in groups if ended is not None and not ended & set(map(id, group))
        ]
    return groups


def _is_of_several(group: list[Any], on: dict[int, tuple[str, tuple[int, ...]]]) -> bool:
    """Whether this is more than one task with those that it waits for itself.

    As a single one, these may wait on purpose. Not so where such waits alone make a circle.
    """
    left = {id(task) for task in group}
    below = {task: {awaited for awaited in on[task][1] if awaited in left} for task in left}
    parts: list[set[int]] = []
    for task, awaited in below.items():
        part = {task, *awaited}
        for other in [other for other in parts if other & part]:
            part |= other
            parts.remove(other)
        parts.append(part)
    while ends := {task for task in left if not below[task] & left}:
        left -= ends
    return len(parts) > 1 or bool(left)


def _on(loop: Any, tasks: list[Any]) -> dict[int, tuple[str, tuple[int, ...]]]:
    """Return what each task needs, of those that may be stuck: how, and the tasks, by ``id()``.

    Nothing that is made here is kept: it would count as a reference.
    """
    scheduled = _waits.Scheduled(loop)
    infos = []
    for info in _waits.look_at_each(tasks[:MOST_WAITING], scheduled, None):
        task, wait = info.task, info.wait
        if wait is None or wait.until is not None or wait.kind in _FROM_OUTSIDE or _is_main(task):
            continue
        infos.append(info)
    graph = _wait_graph.graph_of_infos(loop, infos)
    return {
        id(info.task): (chr(need), tuple(id(task) for task in info.wait.on))
        for info, need in zip(graph.tasks, graph._needs, strict=True)
        if info.wait is not None
    }


def _is_main(task: Any) -> bool:
    """Whether a run ends when this task does: who interrupts it cancels the task."""
    callbacks = getattr(task, "_callbacks", None) or ()
    return any(function is _END_OF_RUN for function, _context in callbacks)


def _ended_by_timers(loop: Any) -> set[int] | None:
    """Return the tasks that a timer may cancel, by their ``id()``, and those that these wait for.

    ``None`` where that is too much to look at.
    """
    ended = _reached_by_timers(loop)
    if ended is None:
        return None
    scheduled = _waits.Scheduled(loop)
    on = {}
    for info in _waits.look_at_each(_core.all_tasks(loop), scheduled, None):
        task, wait = info.task, info.wait
        if wait is not None:
            on[id(task)] = {id(awaited) for awaited in wait.on}
            if wait.until is not None:
                ended.add(id(task))
    left = list(ended)
    while left:
        new = on.get(left.pop(), set()) - ended
        ended |= new
        left += new
    return ended


def _reached_by_timers(loop: Any) -> set[int] | None:
    """Return the tasks to which timers lead; ``None`` where that is too much to look at."""
    found: set[int] = set()
    seen: dict[int, Any] = {}
    left: list[Any] = []
    for timer in loop._scheduled:
        left += [timer._callback, *(timer._args or ())]
    while left:
        thing = left.pop()
        if id(thing) in seen or is_a(thing, *_ATOMS) or thing is loop:
            continue
        seen[id(thing)] = thing
        if len(seen) > MOST_OBJECTS:
            return None
        if is_task(thing):
            found.add(id(thing))
        elif not is_future(thing):
            left += _referents(thing)
    return found


def _referents(thing: Any) -> list[Any]:
    """Return what an object refers to, without a module's names."""
    found = gc.get_referents(thing)
    if type(thing) in FUNCTIONS:
        names = thing.__globals__, thing.__builtins__
        found = [each for each in found if not any(each is name for name in names)]
    return found


class _Reachable:
    """Tasks, the objects that they lead to, and who reaches what they wait for.

    In the graph that the kernel is asked about, a task waits for the future that it awaits, and an
    object for any one of those that refer to it. What others refer to can go on.
    """

    def __init__(self, waiting: list[Any], on: dict[int, tuple[str, tuple[int, ...]]]) -> None:
        self.tasks = waiting
        self.places: dict[int, int] = {}
        self.needs = bytearray()
        self.waiters: list[int] = []
        self.on: list[int] = []
        objects, counts = self._collect()
        self._judge(objects, counts)
        self._add_waits(on)

    def _collect(self) -> tuple[list[Any], list[int]]:
        """Find the objects, and how often these refer to each; the graph's edges between them."""
        objects: list[Any] = list(self.tasks)
        self.places = {id(task): place for place, task in enumerate(objects)}
        counts = [0] * len(objects)
        left = deque(range(len(objects)))
        loops = {id(task.get_loop()) for task in self.tasks}
        while left:
            holder = left.popleft()
            for each in _referents(objects[holder]):
                place = self.places.get(id(each))
                if place is None:
                    is_other = is_a(each, *_ATOMS) or id(each) in loops
                    if is_other or len(objects) >= MOST_OBJECTS or is_task(each):
                        continue
                    place = self.places[id(each)] = len(objects)
                    objects.append(each)
                    counts.append(0)
                    left.append(place)
                counts[place] += 1
                if place >= len(self.tasks):
                    self.waiters.append(place)
                    self.on.append(holder)
        return objects, counts

    def _judge(self, objects: list[Any], counts: list[int]) -> None:
        """Say of each object whether others refer to it."""
        probe = object()
        objects.append(probe)
        counts.append(0)
        del probe
        extra = 0
        for place in range(len(objects) - 1, -1, -1):
            thing = objects[place]
            references = sys.getrefcount(thing)
            if place == len(objects) - 1:
                # What the list, the variable and the call have.
                extra = references
                continue
            is_known = references - extra <= counts[place] and not weakref.getweakrefcount(thing)
            self.needs.append(ord("|" if place < len(self.tasks) or is_known else "-"))
        self.needs.reverse()

    def _add_waits(self, on: dict[int, tuple[str, tuple[int, ...]]]) -> None:
        for place, task in enumerate(self.tasks):
            how, tasks = on[id(task)]
            if how != "-":
                self.needs[place] = ord(how)
                targets = [self.places.get(each) for each in tasks]
            else:
                targets = [self.places.get(id(task._fut_waiter))]
            if None in targets:
                # It was not looked at.
                self.needs[place] = ord("-")
            for target in targets:
                if target is not None:
                    self.waiters.append(place)
                    self.on.append(target)

    def groups(self) -> list[list[Any]]:
        """Return the groups of two tasks or more that wait for each other, and cannot go on."""
        numbers, able = _core._find_cycles(bytes(self.needs), self.waiters, self.on)
        groups: dict[int, list[Any]] = {}
        for place, task in enumerate(self.tasks):
            if numbers[place] is not None and not able[place]:
                groups.setdefault(numbers[place], []).append(task)
        return [group for group in groups.values() if len(group) > 1]


def _holders_said(group: list[Any]) -> list[str]:
    """Return a line of who alone can reach what each task of a group waits for."""
    names = sorted(map(_name_of, group), key=lambda name: (len(name), name))
    said = ", ".join(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        said += f" and {len(names) - MOST_NAMED} more"
    return [f"nothing but these can reach what they wait for: {said}"]
