"""Modules of stook's that are imported late, while a program runs: not while it forks.

A process that is forked while another thread imports a module waits for ever where it needs that
module itself: the thread that would end the import is not in it. A program knows what it imports
in its threads. It does not know what a loop imports there, such as the thread that watches loops or
what tells of deadlocks, nor that ``stook.run`` may be imported when it is named. So a fork waits
until such imports have ended, and who begins one waits until the fork is over.

Does not: what a program imports, even if that is a module of stook's; what asyncio imports late.
"""

import _thread
import importlib
import os
import time

LONGEST_WAIT = 1.0
"""So many seconds a fork and an import wait for each other at the most: what a program does before
a fork, or while a module is imported, may need the other one."""

_lock = _thread.RLock()
"""Who begins an import has it for a moment, and who forks from when nobody imports until then."""
_imports: list[tuple[int, _thread.LockType]] = []
"""The imports that go on: of each its thread, and a lock that is held until it ends."""
_forking = None
"""The thread that has the lock while it forks."""
_waits_for_fork = True
"""Whether who begins an import waits for that: not once that took too long."""


def load(name):
    """Import a module, and let no other thread fork meanwhile.

    Args:
        name: Its whole name.

    Returns:
        The module.
    """
    ended = _thread.allocate_lock()
    ended.acquire()
    own = _thread.get_ident(), ended
    try:
        _begin(own)
        return importlib.import_module(name)
    finally:
        # It is not there where a signal has ended it at once.
        if own in _imports:
            _imports.remove(own)
        ended.release()


def _begin(own):
    global _waits_for_fork
    is_inside = any(thread == own[0] for thread, _ended in tuple(_imports))
    if is_inside or not _waits_for_fork:
        _imports.append(own)
    elif _lock.acquire(timeout=LONGEST_WAIT):
        _imports.append(own)
        _lock.release()
    else:
        _waits_for_fork = False
        _imports.append(own)


def _before_fork():
    global _forking, _waits_for_fork
    own, until = _thread.get_ident(), time.monotonic() + LONGEST_WAIT
    while True:
        if not _lock.acquire(timeout=max(until - time.monotonic(), 0)):
            # Another thread forks, and may wait for what this one has, such as a lock of logging's.
            return
        others = [ended for thread, ended in tuple(_imports) if thread != own]
        if not others:
            _forking, _waits_for_fork = own, True
            return
        _lock.release()
        for ended in others:
            if not ended.acquire(timeout=max(until - time.monotonic(), 0)):
                return
            ended.release()


def _after_fork_in_parent():
    global _forking
    if _forking == _thread.get_ident():
        _forking = None
        _lock.release()


def _after_fork_in_child():
    global _lock, _forking
    _lock, _forking = _thread.RLock(), None
    # What this thread itself imports goes on.
    own = _thread.get_ident()
    _imports[:] = [(thread, ended) for thread, ended in _imports if thread == own]


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
