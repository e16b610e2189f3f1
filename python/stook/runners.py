"""``asyncio.run`` on stook's event loop."""

import asyncio

from stook import _explained, _factory, _late, _nesting, _platform, _seconds, _unretrieved
from stook.events import new_event_loop

_core = _platform.load_core()


def run(main, *, debug=None, loop_factory=None, keep_tasks=False, grace=None):
    """Run a coroutine on a new event loop, and close that loop.

    Args:
        main: The coroutine.
        debug: Whether the loop is in debug mode; as the process says when ``None``.
        loop_factory: Makes the loop; stook's own when ``None``.
        keep_tasks: Whether the loop keeps the tasks alive that are made while it runs, until they
            are done. asyncio keeps none: one to which nothing refers may be collected while it
            waits. Of loops that are not stook's, tasks that asyncio's functions make are kept, also
            after the program has set ``stook.task_factory``; not after it has set another factory.
        grace: For how many seconds tasks that are cancelled at the end are waited for. Those that
            have not ended then are reported on ``sys.stderr``, cancelled once more and waited for
            as long; then those are listed that are given up, and the run ends; jobs of the executor
            likewise. As in asyncio, where a run does not end before its tasks, when ``None``. A
            callback that holds the loop is waited for, and so are, by the interpreter when it ends,
            threads of an executor.

    Returns:
        What the coroutine returns.

    Raises:
        RuntimeError: An event loop is running in this thread and does not allow nesting.
        ValueError: ``main`` is not a coroutine, or ``grace`` is less than zero.
        TypeError: ``grace`` is no number.
        ExceptionGroup: Exceptions that nobody read, after ``stook.on_unretrieved("raise")``.

    Source:
        ``asyncio.run``, CPython 3.12.
    """
    if grace is not None:
        grace = _seconds.seconds("grace", grace)
        if grace < 0:
            raise ValueError(f"grace has to be zero or more seconds, not {grace:g}")
    running = asyncio._get_running_loop()
    if running is not None:
        if _nesting.allows_nesting(running):
            return _nesting.run_nested(running, main, debug)
        raise RuntimeError("stook.run() cannot be called from a running event loop")
    runner = asyncio.Runner(debug=debug, loop_factory=loop_factory or new_event_loop)
    try:
        with _unretrieved.Collected() as collected, runner:
            collected.of(runner.get_loop())
            if keep_tasks:
                _keep_tasks(runner.get_loop())
            try:
                return runner.run(main)
            finally:
                if grace is not None:
                    _late.load("stook._shutdown").shut_down(runner.get_loop(), grace)
    except BaseException as error:
        _explained.watch_for(error)
        raise


def _keep_tasks(loop):
    loop.keep_tasks = True
    make = loop.get_task_factory()
    if isinstance(loop, _core.LoopCore) or make is _factory.task_factory:
        return

    def factory(loop, coro, **options):
        if make is None:
            task = asyncio.Task(coro, loop=loop, **options)
        else:
            task = make(loop, coro, **options)
        _factory.keep(loop, task)
        return task

    loop.set_task_factory(factory)
