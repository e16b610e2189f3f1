"""stook's tasks on loops of others, and keeping tasks there."""

import asyncio
import os

from stook import _platform

_core = _platform.load_core()

_INSIDE = tuple(os.path.dirname(path) + os.sep for path in (__file__, asyncio.__file__))


def task_factory(loop, coro, **options):
    """Make one of stook's tasks for any loop: ``loop.set_task_factory(stook.task_factory)``.

    With it the records of cancellations, and what is built on them, work on asyncio's own loop and
    on uvloop's as well. While the loop has an attribute ``keep_tasks`` that is true, the tasks that
    are made are kept alive until they are done or the loop is closed.

    Args:
        loop: The loop that the task is for.
        coro: A coroutine.
        options: What else a task takes: ``name``, ``context``, from 3.12 on ``eager_start``.

    Returns:
        A ``Task``.

    Source:
        ``BaseEventLoop.set_task_factory``, CPython 3.11 to 3.13.
    """
    task = _core.Task(coro, loop=loop, **options)
    if task._source_traceback:
        _end_at_the_program(task._source_traceback)
    # A loop of stook's keeps them itself.
    if getattr(loop, "keep_tasks", False) and not isinstance(loop, _core.LoopCore):
        keep(loop, task)
    return task


def keep(loop, task):
    """Keep a task alive until it is done or its loop, which is none of stook's, is closed."""
    if task.done():
        return
    try:
        kept = loop._stook_kept
    except AttributeError:
        kept = loop._stook_kept = set()
        close = loop.close

        def close_and_release():
            close()
            kept.clear()

        loop.close = close_and_release
    kept.add(task)
    task.add_done_callback(kept.discard)


def _end_at_the_program(stack):
    """Drop the frames of stook and of asyncio at the end of a stack, if there are others.

    Source:
        ``BaseEventLoop.create_task``, CPython 3.13, which drops its own.
    """
    length = len(stack)
    while length and stack[length - 1].filename.startswith(_INSIDE):
        length -= 1
    if length:
        del stack[length:]
