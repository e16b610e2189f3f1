"""The end of ``stook.run(…, grace=…)``: tasks are cancelled, waited for so long and no longer.

What breaks off a wait, as Ctrl-C does or a task that stops the loop, does not break off the rest:
it is raised when all is done.

Does not end: a callback that holds the loop; a thread of an executor, for which the interpreter
itself waits when it ends.
"""

import asyncio
from typing import Any

from stook import _late, _platform, _standard_error

_core = _platform.load_core()
_MOST_SHOWN = 20
_LOOK_AT_THREADS = 0.01
"""How often to look whether the threads of an executor have ended, in seconds."""


def shut_down(loop: Any, grace: float) -> None:
    """Cancel the tasks of a loop, and wait for their ends; give up those that do not end.

    Those that have not ended after the time of grace are reported and cancelled once more; those
    that have not ended after that time again are reported as abandoned, and no longer count among
    the tasks of the loop. So are jobs of its executor. Tasks that are made meanwhile are asked the
    second time.

    Args:
        loop: An event loop that does not run.
        grace: Seconds to wait each time.

    Raises:
        BaseException: What broke off a wait, the first one if there were several.

    Source:
        ``_cancel_all_tasks``, CPython 3.13 ``asyncio/runners.py``.
    """
    end = _End(loop, grace)
    asked = _tasks(loop)
    left = end.cancel(asked)
    if left:
        after = f"after {grace:g} seconds of shutdown"
        when = after if end.broken_off is None else "when the wait for it was broken off"
        _report(loop, left, f"{when}, and is asked again")
    end.cancel(left | (_tasks(loop) - asked))
    end.run(loop.shutdown_asyncgens())
    end.end_executor()
    # Tasks may have made others, and generators that are closed have tasks.
    left = _tasks(loop)
    if left:
        _report(loop, left, "at the end of the run, and is given up")
        for task in left:
            _abandon(task)
    if end.broken_off is not None:
        raise end.broken_off


def _tasks(loop: Any) -> set[Any]:
    return set(_core.all_tasks(loop)) | set(asyncio.all_tasks(loop))


class _End:
    """A loop that ends, and what has broken off a wait for that."""

    def __init__(self, loop: Any, grace: float) -> None:
        self.loop = loop
        self.grace = grace
        self.broken_off: BaseException | None = None

    def cancel(self, tasks: set[Any]) -> set[Any]:
        """Ask tasks to cancel, wait, report what they raise; return those that have not ended."""
        if not tasks:
            return tasks
        _core._cancel_each(tasks, _core._request("shutdown"))
        self._wait_for(tasks)
        for task in tasks:
            error = task.exception() if task.done() and not task.cancelled() else None
            if error is not None and error is not self.broken_off:
                self._tell(task, error)
        return {task for task in tasks if not task.done()}

    def _tell(self, task: Any, error: BaseException) -> None:
        told = {
            "message": "unhandled exception during stook.run() shutdown",
            "exception": error,
            "task": task,
        }
        self.loop.call_exception_handler(told)

    def run(self, coroutine: Any) -> None:
        """Run a coroutine for so long, and give it up then."""
        task = self.loop.create_task(coroutine)
        self._wait_for({task})
        if not task.done():
            task.cancel()
            _abandon(task)
        elif not task.cancelled() and (error := task.exception()) is not None:
            self.broken_off = self.broken_off or error

    def end_executor(self) -> None:
        """End the threads of the loop's executor; leave those to themselves that do not end."""
        executor = getattr(self.loop, "_default_executor", None)
        if executor is None:
            return
        executor.shutdown(wait=False)
        threads = getattr(executor, "_threads", ())
        # Not `shutdown_default_executor`, which joins them in the loop when it is cancelled.
        self.run(_end_of(threads))
        threads = [thread for thread in threads if thread.is_alive()]
        if threads:
            self.loop._default_executor = None
            _report_threads(threads)

    def _wait_for(self, tasks: set[Any]) -> None:
        """Wait until tasks have ended, so long at most, unless something breaks that off."""
        left = {task for task in tasks if not task.done()}
        if not left:
            return
        # No task of its own waits: one that cancels all tasks at its end would cancel it.
        over = self.loop.create_future()

        def ended(task: Any) -> None:
            left.discard(task)
            if not left:
                release()

        def release() -> None:
            if not over.done():
                over.set_result(None)

        waited = tuple(left)
        for task in waited:
            task.add_done_callback(ended)
        timer = self.loop.call_later(self.grace, release)
        try:
            self.loop.run_until_complete(over)
        except BaseException as error:
            self.broken_off = self.broken_off or error
        finally:
            timer.cancel()
            for task in waited:
                task.remove_done_callback(ended)


async def _end_of(threads: Any) -> None:
    while any(thread.is_alive() for thread in tuple(threads)):
        await asyncio.sleep(_LOOK_AT_THREADS)


def _abandon(task: Any) -> None:
    task._log_destroy_pending = False
    _core._unregister_task(task)
    asyncio.tasks._unregister_task(task)


def _report_threads(threads: list[Any]) -> None:
    from concurrent.futures import thread as futures_thread

    _slow_callbacks = _late.load("stook._slow_callbacks")
    _task_tree = _late.load("stook._task_tree")
    lines = ["the executor has not ended at the end of the run, and is left to itself:"]
    for thread in threads[:_MOST_SHOWN]:
        lines.append(f"{thread.name} is running")
        places = _slow_callbacks.stack_of(thread.ident, futures_thread.__file__)
        lines += [f"  at {_task_tree.place(place)}" for place in places[::-1]]
    _standard_error.write("\n".join(lines))


def _report(loop: Any, tasks: set[Any], what: str) -> None:
    if len(tasks) == 1:
        said = f"1 task has not ended {what}"
    else:
        plural = what.replace(" for it ", " for them ").replace(" is ", " are ")
        said = f"{len(tasks)} tasks have not ended {plural}"
    lines = [f"{said}:", *_late.load("stook._task_tree").cancelled(loop, tasks, _MOST_SHOWN)]
    _standard_error.write("\n".join(lines))
