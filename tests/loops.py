"""Loops on which what asyncio does not have is to work: stook's own, asyncio's and uvloop's.

On the latter two stook's tasks run by ``loop.set_task_factory(stook.task_factory)``.
"""

import asyncio

import stook
from engines import loops_of_others

LOOPS = {"stook": stook.new_event_loop, **loops_of_others()}


def run_on(name, main):
    """Run a coroutine function's coroutine on a loop of this kind, and return its result."""
    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        return runner.run(main())
