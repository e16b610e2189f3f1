"""What a task waits for, told when it is asked by what the task holds already.

Nothing is noted while tasks run: there is the future that a task awaits, the coroutines that lead
to it, and what their frames hold. That is asked of the collector and not of ``f_locals``, which up
to CPython 3.12 would keep alive what it shows.

Does not know: who will set an event or a future, put into a queue or notify a condition; who holds
a lock that was taken by ``acquire()`` and not by ``async with``; how long a task has been waiting,
but for a sleep.
"""

import asyncio
import concurrent.futures
import gc
import os
import sys
import types
from asyncio import base_subprocess, selector_events, streams
from collections.abc import Iterator
from typing import Any, NamedTuple

from stook import _ending, _first, _platform
from stook._by_type import METHODS, function_name, is_a, is_future, is_task
from stook._cancellation import Place

_core = _platform.load_core()

_LONGEST_STACK = 1000
"""So many coroutines are followed, each awaited by the one before."""
_TRIES = 100
_new: Any = tuple.__new__
"""Makes a named tuple of its fields in a third of the time that its class takes."""
_OUTSIDE: dict[str, bool] = {}
_OWN = tuple(os.path.dirname(module.__file__) + os.sep for module in (asyncio, _first))
_WRAPPERS = (
    "anext_awaitable",
    "async_generator_asend",
    "async_generator_athrow",
    "coroutine_wrapper",
)


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
    """

    kind: str
    what: Any
    where: Place | None
    on: tuple[Any, ...] = ()
    any: bool = False
    until: float | None = None
    since: float | None = None
    fd: int | None = None


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


def links(coroutine: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each coroutine or generator that is awaited, the outermost first, with its code."""
    at = coroutine
    for _ in range(_LONGEST_STACK):
        if type(at) is types.CoroutineType or hasattr(type(at), "cr_await"):
            yield at, at.cr_code
            awaited = at.cr_await
        elif is_a(at, types.GeneratorType):
            yield at, at.gi_code
            awaited = at.gi_yieldfrom
        elif is_a(at, types.AsyncGeneratorType):
            yield at, at.ag_code
            awaited = at.ag_await
        elif type(at).__name__ in _WRAPPERS:
            awaited = next((each for each in gc.get_referents(at) if _is_link(each)), None)
        else:
            return
        at = awaited


def _is_link(thing: Any) -> bool:
    kinds = types.GeneratorType, types.AsyncGeneratorType
    return hasattr(type(thing), "cr_await") or is_a(thing, *kinds)


def is_outside(code: Any) -> bool:
    """Whether code is neither asyncio's nor stook's."""
    file = code.co_filename
    outside = _OUTSIDE.get(file)
    if outside is None:
        outside = _OUTSIDE[file] = not file.startswith(_OWN)
    return outside


def _place(link: Any, code: Any) -> Place:
    if type(link) is types.CoroutineType:
        frame = link.cr_frame
    else:
        frame = getattr(link, "gi_frame", None) or getattr(link, "ag_frame", None)
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return _new(Place, (code.co_filename, line, code.co_qualname))


def look_at(task: Any, scheduled: Scheduled, running: Any) -> TaskInfo:
    """Return what is known of a task.

    Args:
        task: A task that has not ended.
        scheduled: What its loop has scheduled.
        running: The task that the loop runs.
    """
    coroutine = task.get_coro()
    stack, known = _walk(coroutine)
    wait = None
    awaited = getattr(task, "_fut_waiter", None)
    if task is running:
        state = "running"
    elif awaited is None or awaited.done():
        state = "ready" if coroutine is None or _has_begun(coroutine) else "created"
    else:
        state = "waiting"
        wait = _wait(task, awaited, known, stack[-1] if stack else None, scheduled)
    try:
        name, cancelling = task.get_name(), task.cancelling()
    except AttributeError:
        # A task of a class that has neither.
        name, cancelling = repr(task), 0
    return _new(TaskInfo, (task, name, state, tuple(stack), wait, cancelling))


def waits_at(task: Any) -> Place | None:
    """Return the newest line outside asyncio and stook at which a task waits."""
    stack, _known = _walk(task.get_coro())
    return stack[-1] if stack else None


def _walk(coroutine: Any) -> tuple[list[Place], Any]:
    """Return where coroutines outside asyncio and stook wait, and the first known wait below."""
    stack = []
    for link, code in links(coroutine):
        look = _KINDS.get(code)
        if look is not None:
            return stack, (look, link)
        if is_outside(code):
            stack.append(_place(link, code))
    return stack, None


def _has_begun(coroutine: Any) -> bool:
    suspended = getattr(coroutine, "cr_suspended", None)
    if suspended is None:
        return getattr(coroutine, "gi_suspended", True)
    return suspended or coroutine.cr_running


def _wait(task: Any, awaited: Any, known: Any, where: Place | None, scheduled: Scheduled) -> Wait:
    until = scheduled.until.get(id(awaited))
    if scheduled.timeouts:
        timeout = scheduled.timeouts.get(id(task), until)
        until = timeout if until is None or timeout is None else min(until, timeout)
    if known is not None:
        look, link = known
        kind, what, on, any_of, fd = look(link, awaited)
        since = _since(link, until) if kind == "sleep" else None
        return _new(Wait, (kind, what, where, on, any_of, until, since, fd))
    kind, what, on, any_of = _of_future(awaited)
    fd = scheduled.descriptors.get(id(awaited))
    if fd is not None:
        kind = "io"
    return _new(Wait, (kind, what, where, on, any_of, until, None, fd))


def _since(link: Any, until: float | None) -> float | None:
    if until is not None:
        for held in gc.get_referents(link):
            if type(held) in (int, float):
                return until - held
    return None


def _of_future(future: Any) -> tuple[str, Any, tuple[Any, ...], bool]:
    """Return the kind of an awaited future, itself, the tasks below it, whether one is enough."""
    if is_task(future):
        return "task", future, (future,), False
    children = getattr(future, "_children", None)
    if is_a(children, list):
        return "gather", future, tasks_below(children), True
    callbacks = getattr(future, "_callbacks", None) or ()
    for function, _context in callbacks:
        name = function_name(function)
        if name == "shield.<locals>._outer_done_callback":
            inner = _closed_over(function, "inner")
            return "shield", future, tasks_below([inner] if inner is not None else []), False
        if name == "_chain_future.<locals>._call_check_cancel":
            source = _closed_over(function, "source")
            if is_a(source, concurrent.futures.Future):
                return "executor", source, (), False
    return "future", future, (), False


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


def holders(tasks: Any) -> dict[int, list[Any]]:
    """Return who is in an ``async with`` block of each lock, by the lock's ``id()``.

    What ends such a block, the bound ``__aexit__``, lies on the stack of the coroutine.
    """
    held: dict[int, list[Any]] = {}
    for task in tasks:
        for lock in _held_by(task.get_coro()):
            held.setdefault(lock, []).append(task)
    return held


def _held_by(coroutine: Any) -> list[int]:
    """Return the ``id()`` of each lock and semaphore that a task holds."""
    held: dict[int, int] = {}
    entered: list[int] = []
    for link, code in links(coroutine):
        if code in _ENTERING and entered:
            # The newest block is being entered.
            held[entered[-1]] -= 1
        elif code is _WAITING:
            # Who waits to be notified has let go of it.
            lock = id(_subject(link, asyncio.Condition)._lock)
            held[lock] = held.get(lock, 0) - 1
        entered = []
        for each in gc.get_referents(link):
            if type(each) in METHODS and _ends_a_block(each):
                lock = each.__self__
                if is_a(lock, asyncio.Condition):
                    lock = lock._lock
                entered.append(id(lock))
                held[id(lock)] = held.get(id(lock), 0) + 1
    return [lock for lock, times in held.items() if times > 0]


def _ends_a_block(method: Any) -> bool:
    """Whether a bound method is an ``__aexit__``."""
    name = function_name(method.__func__) if is_a(method, types.MethodType) else method.__qualname__
    return name.rpartition(".")[2] == "__aexit__"


def _subject(link: Any, kind: type) -> Any:
    return next((held for held in gc.get_referents(link) if is_a(held, kind)), None)


def _simple(kind: str, of: type) -> Any:
    return lambda link, awaited: (kind, _subject(link, of), (), False, None)


def _entered(link: Any, awaited: Any) -> Any:
    """Look at an ``async with`` that begins, of a lock, a semaphore or a condition."""
    for held in gc.get_referents(link):
        if is_a(held, asyncio.Condition):
            return "lock", held._lock, (), False, None
        if is_a(held, asyncio.Lock):
            return "lock", held, (), False, None
        if is_a(held, asyncio.Semaphore):
            return "semaphore", held, (), False, None
    return "future", awaited, (), False, None


def _condition(link: Any, awaited: Any) -> Any:
    # Notified already: it waits for the lock.
    if any(code is _ACQUIRE for _link, code in links(link)):
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
    kind, what, on, any_of = _of_future(inner[-1] if inner else awaited)
    return kind, what, on, any_of, None


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
    """Return how each of asyncio's and stook's coroutines that wait is looked at, by their code."""
    kinds: dict[Any, Any] = {}

    def add(look: Any, *functions: Any) -> None:
        for function in functions:
            kinds[function.__code__] = look

    add(_simple("lock", asyncio.Lock), asyncio.Lock.acquire)
    add(_entered, asyncio.Lock.__aenter__)
    add(_simple("semaphore", asyncio.Semaphore), asyncio.Semaphore.acquire)
    add(_simple("event", asyncio.Event), asyncio.Event.wait)
    add(_condition, asyncio.Condition.wait)
    add(_simple("barrier", asyncio.Barrier), asyncio.Barrier.wait)
    queue = asyncio.Queue
    add(_simple("queue", queue), queue.get, queue.put, queue.join)
    add(_group, asyncio.TaskGroup.__aexit__)
    add(_several, asyncio.wait)
    add(lambda link, awaited: ("sleep", awaited, (), False, None), asyncio.sleep)
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
    add(_simple("process", process), process._wait)
    server = asyncio.Server
    add(_simple("server", server), server.serve_forever, server.wait_closed)
    return kinds


_WAITING = asyncio.Condition.wait.__code__
_ACQUIRE = asyncio.Lock.acquire.__code__
_ENTERING = {asyncio.Lock.__aenter__.__code__}
_KINDS = _kinds()
