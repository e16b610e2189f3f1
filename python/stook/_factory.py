"""stook's tasks on loops of others."""

from stook import _platform

_core = _platform.load_core()


def task_factory(loop, coro, **options):
    """Make one of stook's tasks for any loop: ``loop.set_task_factory(stook.task_factory)``.

    With it the records of cancellations, and what is built on them, work on asyncio's own loop and
    on uvloop's as well.

    Args:
        loop: The loop that the task is for.
        coro: A coroutine.
        options: What else a task takes: ``name``, ``context``, from 3.12 on ``eager_start``.

    Returns:
        A ``Task``.

    Source:
        ``BaseEventLoop.set_task_factory``, CPython 3.11 to 3.13.
    """
    return _core.Task(coro, loop=loop, **options)
