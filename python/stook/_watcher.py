"""The thread that watches loops: for callbacks that take too long, for tasks that do not end.

It waits without the interpreter, and asks for it only where there is something to look at: a loop
whose callback goes on for too long, or tasks that were asked to cancel. There is one thread for all
loops, from the first turn of the first one that is to be watched until all of them are closed.

It is none of ``threading``'s threads, so that it does not show where programs list or count their
own; it does not keep the program alive. While the process forks it is not there. In the child the
loops that its parent watched are not watched.

Does not see: a callback that keeps the interpreter to itself, in C; loops that are not stook's.
"""

import _thread
import os
import sys
import weakref
from _queue import Empty, SimpleQueue
from typing import Any

from stook import _platform, _slow_callbacks, _stuck_cancellations

_core = _platform.load_core()

LONGEST_WAIT_TO_FORK = 1.0
"""So many seconds the thread may take to end before the process forks: it may be reporting."""
LONGEST_WAIT_TO_BEGIN = 1.0
"""So many seconds the thread may take to begin, on a machine that has much else to do."""


def _comes(event: SimpleQueue[None], seconds: float) -> bool:
    """Whether an event comes within that time.

    Events are queues that get something put into them: to wait for a lock is what programs look for
    that forbid blocking calls while a loop runs, and this is the time of a thread's start.
    """
    try:
        event.get(timeout=seconds)
    except Empty:
        return False
    event.put(None)
    return True


class _Watcher:
    """A watch, its loops, and the thread that has it."""

    def __init__(self) -> None:
        self.watch = _core._Watch()
        self.loops: dict[int, weakref.ref[Any]] = {}
        self.cancellations = _stuck_cancellations.Asked(self.watch)
        self.thread: int | None = None
        self._ended: SimpleQueue[None] = SimpleQueue()

    @property
    def is_there(self) -> bool:
        """Whether the thread is there; another one may have its number afterwards."""
        return self.thread is not None and self._ended.empty()

    def start(self) -> None:
        """Start the thread, where one can be started: not while the interpreter ends.

        It has begun then: the interpreter, up to CPython 3.12, frees at its end what a thread that
        has not begun is about to read.
        """
        self.thread = None
        if sys.is_finalizing():
            return
        self._ended = SimpleQueue()
        begun: SimpleQueue[None] = SimpleQueue()
        try:
            self.thread = _thread.start_new_thread(self._run, (begun, self._ended))
        except RuntimeError:
            return
        _comes(begun, LONGEST_WAIT_TO_BEGIN)

    def end(self) -> None:
        """Have the thread end, and wait for that, unless it takes long."""
        if self.is_there and self.thread != _thread.get_ident():
            self.watch.stop()
            _comes(self._ended, LONGEST_WAIT_TO_FORK)

    def go_on(self) -> None:
        """Have a thread watch again, if there is anything to watch."""
        if self.watch.resume() and not self.is_there:
            self.start()

    def _run(self, begun: SimpleQueue[None], ended: SimpleQueue[None]) -> None:
        begun.put(None)
        try:
            while True:
                woken = self.watch.wait(*self.cancellations.next_look())
                if woken is None:
                    return
                try:
                    self._look(woken)
                except Exception as error:
                    _core._unraisable(error, self._look)
        finally:
            # Twice: one stays while who waits takes the other and puts it back.
            ended.put(None)
            ended.put(None)

    def _look(self, woken: Any) -> None:
        if woken is not True:
            number, begun, seconds = woken
            loop = self.loops[number]() if number in self.loops else None
            if loop is not None:
                _slow_callbacks.look(loop, self.watch, number, begun, seconds)
            return
        loops = {}
        # Each step by itself is one that no other thread gets into.
        for number, known in tuple(self.loops.items()):
            loop = known()
            if loop is None or loop.is_closed():
                self.loops.pop(number, None)
            else:
                loops[number] = loop
        self.cancellations.look(loops)


_lock = _thread.RLock()
"""Not had while the process forks: who forks may wait for what whom it holds up has."""
_forking: set[int] = set()
"""The threads that fork: no watcher is started meanwhile."""
_watcher: _Watcher | None = None


def watch(loop: Any) -> None:
    """Watch a loop from now on; called by the compiled part, by the thread that runs the loop."""
    global _watcher
    with _lock:
        number = None if _watcher is None else _watcher.watch.add(loop)
        if _watcher is None or number is None:
            _watcher = _Watcher()
            number = _watcher.watch.add(loop)
        _watcher.loops[number] = weakref.ref(loop)
        if not _watcher.is_there and not _forking:
            _watcher.start()


def is_watcher(thread: int) -> bool:
    """Whether a thread is the one that watches.

    Args:
        thread: Its ``threading.get_ident()``.
    """
    return _watcher is not None and _watcher.thread == thread and _watcher.is_there


def settings_changed() -> None:
    """Have the thread, if there is one, heed what was set."""
    with _lock:
        if _watcher is not None and _watcher.is_there:
            _watcher.watch.resume()


def _before_fork() -> None:
    if not _lock.acquire(timeout=LONGEST_WAIT_TO_FORK):
        # What the collector has called meanwhile may wait for what this thread has.
        return
    try:
        _forking.add(_thread.get_ident())
        watcher = _watcher
    finally:
        _lock.release()
    if watcher is not None:
        watcher.end()


def _after_fork_in_parent() -> None:
    with _lock:
        _forking.discard(_thread.get_ident())
        if _watcher is not None and not _forking:
            _watcher.go_on()


def _after_fork_in_child() -> None:
    global _lock, _watcher
    _lock = _thread.RLock()
    _forking.clear()
    _watcher = None


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
