"""What a task waits for, told when it is asked by what the task holds already.

Nothing is noted while tasks run: there is the future that a task awaits, the coroutines that lead
to it, and what their frames hold. That is asked of the collector and not of ``f_locals``, which up
to CPython 3.12 would keep alive what it shows.

Does not know: who will set an event or a future, put into a queue or notify a condition; who is to
release a lock that was taken by ``acquire()`` and not by ``async with``, but as a rule who took it;
how long a task has been waiting,
but for a sleep.
"""

import asyncio
import concurrent.futures
import gc
import os
import sys
from asyncio import base_subprocess, selector_events, streams
from collections.abc import Iterable
from typing import Any, NamedTuple

from stook import _ending, _first, _platform
from stook._by_type import METHODS, function_name, is_a, is_future, is_task
from stook._cancellation import Place

_core = _platform.load_core()

_TRIES = 100
_OUTSIDE: dict[str, bool] = {}
_OWN = tuple(os.path.dirname(module.__file__) + os.sep for module in (asyncio, _first))


class Taker(NamedTuple):
    """Who took a lock.

    Attributes:
        task: The task; ``None`` where it has ended.
        name: Its name; ``None`` where nobody knows it any more.
    """

    task: Any
    name: str | None


class Wait(NamedTuple):
    """What a task waits for.

    Attributes:
        kind: ``"task"``, ``"future"``, ``"gather"``, ``"group"``, ``"wait"``, ``"shield"``,
            ``"race"``, ``"first_success"``, ``"wait_any"``, ``"detect_cancel"``,
            ``"cancel_and_wait"``, ``"lock"``, ``"semaphore"``, ``"event"``, ``"condition"``,
            ``"barrier"``, ``"queue"``, ``"sleep"``, ``"io"``, ``"process"``, ``"server"`` or
            ``"executor"``.
        what: The object: a task, a lock, a queue and so on; the future that is awaited, of a sleep
            and where nothing else is known; of a job of an executor that job's future.
        where: The newest line outside asyncio and stook; ``None`` where there is none.
        on: The tasks that are waited for: what is gathered, who holds the lock. Empty where that is
            not known.
        any: Whether the end of one of them may be enough.
        until: When the wait ends by itself, in seconds of the loop's clock: of a sleep, and of a
            wait with a timeout.
        since: When it began, in seconds of the loop's clock; known of a sleep alone.
        fd: The file descriptor that is waited for.
        method: Of a queue, ``"get"``, ``"put"`` or ``"join"``.
        taken_by: Of a lock that is in nobody's ``async with`` block, which task took it, where that
            is known. Anybody may release it, so it is not among those that are waited for.
    """

    kind: str
    what: Any
    where: Place | None
    on: tuple[Any, ...] = ()
    any: bool = False
    until: float | None = None
    since: float | None = None
    fd: int | None = None
    method: str | None = None
    taken_by: Taker | None = None


class TaskInfo(NamedTuple):
    """What is known of a task that has not ended.

    Attributes:
        task: The task.
        name: Its name.
        state: ``"created"``, before it has begun; ``"running"``; ``"ready"``, when it is to go on;
            ``"waiting"``.
        stack: The lines at which its coroutines wait, those of asyncio and stook left out, the
            newest last.
        wait: What it waits for; ``None`` where it does not wait.
        cancelling: How many requests to cancel it were not taken back.
    """

    task: Any
    name: str
    state: str
    stack: tuple[Place, ...]
    wait: Wait | None
    cancelling: int


class Scheduled:
    """What of a loop's timers and descriptors tasks may wait for, looked up once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.until: dict[int, float] = {}
        """When a future is released, by its ``id()``."""
        self.timeouts: dict[int, float] = {}
        """When a block with a timeout around what a task waits for ends, by the task's ``id()``."""
        self.descriptors: dict[int, int] = {}
        """What a future of the loop's own socket methods waits for, by its ``id()``."""
        for timer in tuple(getattr(loop, "_scheduled", ())):
            self._look_at_timer(timer)
        for key in _registered(loop):
            if is_a(key.data, tuple):
                self._look_at_descriptor(key.fd, key.data)

    def _look_at_timer(self, timer: Any) -> None:
        for argument in timer._args or ():
            if is_future(argument):
                self.until[id(argument)] = timer.when()
        callback = timer._callback
        if type(callback) in METHODS and is_a(block := callback.__self__, asyncio.Timeout):
            task = getattr(block, "_task", None)
            if task is not None:
                before = self.timeouts.get(id(task), timer.when())
                self.timeouts[id(task)] = min(before, timer.when())

    def _look_at_descriptor(self, fd: int, handles: tuple[Any, ...]) -> None:
        for handle in handles:
            for argument in getattr(handle, "_args", None) or ():
                if is_future(argument):
                    self.descriptors[id(argument)] = fd


def _registered(loop: Any) -> tuple[Any, ...]:
    """Return what the selector of a loop has registered, while other threads may change it."""
    selector = getattr(loop, "_selector", None)
    for _ in range(_TRIES):
        watched = None if selector is None else selector.get_map()
        try:
            return tuple((watched or {}).values())
        except (KeyError, RuntimeError):
            continue
    return ()


def is_outside(code: Any) -> bool:
    """Whether code is neither asyncio's nor stook's."""
    file = code.co_filename
    outside = _OUTSIDE.get(file)
    if outside is None:
        outside = _OUTSIDE[file] = not file.startswith(_OWN)
    return outside


def look_at_each(tasks: Iterable[Any], scheduled: Scheduled, running: Any) -> list[TaskInfo]:
    """Return what is known of each task, but for who holds the locks.

    Args:
        tasks: Tasks that have not ended.
        scheduled: What their loop has scheduled.
        running: The task that the loop runs.
    """
    return _core._look_at_tasks(tasks, running, scheduled, _KINDS, _OF_FUTURE)


def waits_at(task: Any) -> Place | None:
    """Return the newest line outside asyncio and stook at which a task waits."""
    stack = _core._stack(task.get_coro(), _KINDS)
    return stack[-1] if stack else None


def _looked_at(look: Any) -> Any:
    """Return a function that looks at a wait, and says that it is for a future where that fails.

    Another thread may look, and the task goes on meanwhile; a class may be the program's own.
    """

    def looked_at(*given: Any) -> Any:
        try:
            return look(*given)
        except Exception:
            return "future", given[-1], (), False, None

    return looked_at


def _of_future(future: Any) -> Any:
    """Look at a future of which nothing else is known."""
    if is_task(future):
        return "task", future, (future,), False, None
    children = getattr(future, "_children", None)
    if is_a(children, list):
        return "gather", future, tasks_below(children), True, None
    callbacks = getattr(future, "_callbacks", None) or ()
    for function, _context in callbacks:
        name = function_name(function)
        if name == "shield.<locals>._outer_done_callback":
            inner = _closed_over(function, "inner")
            return "shield", future, tasks_below([inner] if inner is not None else []), False, None
        if name == "_chain_future.<locals>._call_check_cancel":
            source = _closed_over(function, "source")
            if is_a(source, concurrent.futures.Future):
                return "executor", source, (), False, None
    return "future", future, (), False, None


def tasks_below(futures: Any) -> tuple[Any, ...]:
    """Return the tasks that have not ended among futures, and below gathers and shields."""
    found, seen, left = [], set(), list(futures)[::-1]
    while left:
        future = left.pop()
        if id(future) in seen or not is_future(future) or future.done():
            continue
        seen.add(id(future))
        if is_task(future):
            found.append(future)
        elif is_a(children := getattr(future, "_children", None), list):
            left += children[::-1]
        else:
            for function, _context in getattr(future, "_callbacks", None) or ():
                if function_name(function).startswith("shield."):
                    left.append(_closed_over(function, "inner"))
    return tuple(found)


def _closed_over(function: Any, name: str) -> Any:
    """Return what a variable of a closure holds; the future that a native function is bound to."""
    variables = function.__code__.co_freevars
    for variable, cell in zip(variables, function.__closure__ or (), strict=False):
        if variable == name:
            try:
                return cell.cell_contents
            except ValueError:
                break
    kept = gc.get_referents(function)
    for held in [*kept, *gc.get_referents(*kept[1:2])]:
        if is_a(held, concurrent.futures.Future) or is_future(held):
            return held
    return None


def with_holders(infos: list[TaskInfo], loop: asyncio.AbstractEventLoop) -> list[TaskInfo]:
    """Return the same, with who holds what is waited for: who is in an ``async with`` block of it.

    What ends such a block, the bound ``__aexit__``, lies on the stack of the coroutine. It does so
    before the block is entered, and while who is in it waits for its condition to be notified.

    Args:
        infos: What is known of each task.
        loop: Their loop.
    """

    def all_tasks() -> Any:
        return _core.all_tasks(loop)

    return _core._with_holders(infos, loop, all_tasks, _ENTERING, _WAITING)


def _subject(link: Any, kind: type) -> Any:
    return _core._referent(link, (kind,))


def _condition(link: Any, awaited: Any) -> Any:
    # Notified already: it waits for the lock.
    if any(code is _ACQUIRE for code in _core._codes(link)):
        condition = _subject(link, asyncio.Condition)
        return "lock", condition._lock, (), False, None
    return "condition", _subject(link, asyncio.Condition), (), False, None


def _group(link: Any, awaited: Any) -> Any:
    group = _subject(link, asyncio.TaskGroup)
    return "group", group, tasks_below(tuple(group._tasks)), True, None


def _several(link: Any, awaited: Any) -> Any:
    given = _futures_in(gc.get_referents(link))
    words = [held for held in gc.get_referents(link) if is_a(held, str)]
    is_any = asyncio.FIRST_COMPLETED in words or asyncio.FIRST_EXCEPTION in words
    return "wait", awaited, tasks_below(given), is_any, None


def _first_of(kind: str) -> Any:
    return lambda link, awaited: (
        kind,
        awaited,
        tasks_below(_futures_in(gc.get_referents(link))),
        True,
        None,
    )


def _wait_for(link: Any, awaited: Any) -> Any:
    # Up to 3.11 it waits for a future of its own.
    inner = [
        held
        for held in gc.get_referents(link)
        if is_future(held) and held is not awaited and not held.done()
    ]
    return _of_future(inner[-1] if inner else awaited)


def _futures_in(held: list[Any]) -> list[Any]:
    for each in held:
        if is_a(each, set, list, tuple) and any(map(is_future, given := list(each))):
            return given
    return [each for each in held if is_future(each)]


def _descriptor_of(transport: Any) -> int | None:
    fd = getattr(transport, "_sock_fd", None)
    if fd is None and transport is not None:
        sock = transport.get_extra_info("socket") or transport.get_extra_info("pipe")
        fd = None if sock is None else sock.fileno()
    return fd


def _reader(link: Any, awaited: Any) -> Any:
    reader = _subject(link, streams.StreamReader)
    return "io", reader, (), False, _descriptor_of(reader._transport)


def _writer(link: Any, awaited: Any) -> Any:
    protocol = _subject(link, streams.FlowControlMixin)
    transport = getattr(protocol, "_transport", None)
    return "io", transport, (), False, _descriptor_of(transport)


def _socket(link: Any, awaited: Any) -> Any:
    sock = next((held for held in gc.get_referents(link) if hasattr(type(held), "fileno")), None)
    return "io", sock, (), False, None if sock is None else sock.fileno()


def _kinds() -> dict[Any, Any]:
    """Return how each of asyncio's and stook's coroutines that wait is looked at, by their code.

    That is a function of the coroutine and the future that it awaits, or what the wait is called,
    the class of what is waited for and its method; or a list of those between which the thing
    itself decides, with the attribute that is waited for.
    """
    kinds: dict[Any, Any] = {}

    def add(look: Any, *functions: Any) -> None:
        for function in functions:
            kinds[function.__code__] = _looked_at(look) if callable(look) else look

    add(("lock", asyncio.Lock, None), asyncio.Lock.acquire)
    add(_ENTERED, asyncio.Lock.__aenter__)
    add(("semaphore", asyncio.Semaphore, None), asyncio.Semaphore.acquire)
    add(("event", asyncio.Event, None), asyncio.Event.wait)
    add(_condition, asyncio.Condition.wait)
    add(("barrier", asyncio.Barrier, None), asyncio.Barrier.wait)
    queue = asyncio.Queue
    for method in (queue.get, queue.put, queue.join):
        add(("queue", queue, method.__name__), method)
    add(_group, asyncio.TaskGroup.__aexit__)
    add(_several, asyncio.wait)
    add(("sleep", None, None), asyncio.sleep)
    if sys.version_info < (3, 12):
        add(_wait_for, asyncio.wait_for)
    for function in (_first.race, _first.first_success, _first.wait_any, _first.detect_cancel):
        add(_first_of(function.__name__), function)
    add(_first_of("gather"), _first.gather_cancelling)
    add(_first_of("cancel_and_wait"), _ending.cancel_and_wait)
    add(_reader, streams.StreamReader._wait_for_data)
    add(_writer, streams.FlowControlMixin._drain_helper)
    add(lambda link, awaited: ("io", awaited, (), False, None), streams.StreamWriter.wait_closed)
    loops = selector_events.BaseSelectorEventLoop
    add(
        _socket,
        loops.sock_accept,
        loops.sock_connect,
        loops.sock_recv,
        loops.sock_recv_into,
        loops.sock_recvfrom,
        loops.sock_recvfrom_into,
        loops.sock_sendall,
        loops.sock_sendto,
    )
    process = base_subprocess.BaseSubprocessTransport
    add(("process", process, None), process._wait)
    server = asyncio.Server
    add(("server", server, None), server.serve_forever, server.wait_closed)
    return kinds


_OF_FUTURE = _looked_at(_of_future)
_WAITING = asyncio.Condition.wait.__code__
_ACQUIRE = asyncio.Lock.acquire.__code__
_ENTERING = asyncio.Lock.__aenter__.__code__
_ENTERED = [
    ("lock", asyncio.Condition, "_lock"),
    ("lock", asyncio.Lock, None),
    ("semaphore", asyncio.Semaphore, None),
]
_KINDS = _kinds()
