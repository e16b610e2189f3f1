"""The end of ``stook.run(…, grace=…)``: tasks are cancelled, waited for so long and no longer.

Does not end: a callback that holds the loop, and a thread of an executor, for which the interpreter
itself waits when it ends.
"""

import asyncio
from typing import Any

from stook import _platform, _standard_error

_core = _platform.load_core()
_MOST_SHOWN = 20


def shut_down(loop: Any, grace: float) -> None:
    """Cancel the tasks of a loop, and wait for their ends; give up those that do not end.

    Those that have not ended after the time of grace are reported and cancelled once more; those
    that have not ended after that time again are reported as abandoned, and no longer count among
    the tasks of the loop.

    Args:
        loop: An event loop that does not run.
        grace: Seconds to wait each time.

    Source:
        ``_cancel_all_tasks``, CPython 3.13 ``asyncio/runners.py``.
    """
    left = _cancel(loop, _tasks(loop), grace)
    if left:
        _report(loop, left, f"after {grace:g} seconds of shutdown, and is asked again")
        _cancel(loop, left, grace)
    _within(loop, loop.shutdown_asyncgens(), grace)
    executor = getattr(loop, "_default_executor", None)
    if executor is not None and not _within(loop, loop.shutdown_default_executor(), grace):
        executor.shutdown(wait=False)
        loop._default_executor = None
    # Tasks may have made others, and generators that are closed have tasks.
    left = _tasks(loop)
    if left:
        _report(loop, left, "at the end of the run, and is given up")
        for task in left:
            _abandon(task)


def _tasks(loop: Any) -> set[Any]:
    return set(_core.all_tasks(loop)) | set(asyncio.all_tasks(loop))


def _cancel(loop: Any, tasks: set[Any], grace: float) -> set[Any]:
    """Ask tasks to cancel, wait, report what they raise; return those that have not ended."""
    if not tasks:
        return tasks
    _core._cancel_each(tasks, _core._request("shutdown"))
    done, left = loop.run_until_complete(asyncio.wait(tasks, timeout=grace))
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during stook.run() shutdown",
                    "exception": error,
                    "task": task,
                }
            )
    return left


def _abandon(task: Any) -> None:
    task._log_destroy_pending = False
    _core._unregister_task(task)
    asyncio.tasks._unregister_task(task)


def _within(loop: Any, coroutine: Any, grace: float) -> bool:
    """Run a coroutine for so long; whether it has ended."""
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.wait([task], timeout=grace))
    if not task.done():
        task.cancel()
        _abandon(task)
        return False
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
    return True


def _report(loop: Any, tasks: set[Any], what: str) -> None:
    from stook import _task_tree

    if len(tasks) == 1:
        said = f"1 task has not ended {what}"
    else:
        plural = what.replace(" it was ", " they were ").replace(" is ", " are ")
        said = f"{len(tasks)} tasks have not ended {plural}"
    lines = [f"{said}:", *_task_tree.cancelled(loop, tasks, _MOST_SHOWN)]
    _standard_error.write("\n".join(lines))
