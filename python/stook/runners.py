"""``asyncio.run`` on stook's event loop."""

import asyncio

from stook import _nesting
from stook.events import new_event_loop


def run(main, *, debug=None, loop_factory=None):
    """Run a coroutine on a new event loop, and close that loop.

    Args:
        main: The coroutine.
        debug: Whether the loop is in debug mode; as the process says when ``None``.
        loop_factory: Makes the loop; stook's own when ``None``.

    Returns:
        What the coroutine returns.

    Raises:
        RuntimeError: An event loop is running in this thread and does not allow nesting.
        ValueError: ``main`` is not a coroutine.

    Source:
        ``asyncio.run``, CPython 3.12.
    """
    running = asyncio._get_running_loop()
    if running is not None:
        if _nesting.allows_nesting(running):
            return _nesting.run_nested(running, main, debug)
        raise RuntimeError("stook.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=loop_factory or new_event_loop) as runner:
        return runner.run(main)
