"""Loops on which what asyncio does not have is to work: stook's own, asyncio's and uvloop's.

On the latter two stook's tasks run by ``loop.set_task_factory(stook.task_factory)``.
"""

import asyncio

import stook


def _with_factory(new_event_loop):
    def make():
        loop = new_event_loop()
        loop.set_task_factory(stook.task_factory)
        return loop

    return make


def _uvloop():
    import uvloop

    return uvloop.new_event_loop()


LOOPS = {
    "stook": stook.new_event_loop,
    "asyncio": _with_factory(asyncio.SelectorEventLoop),
    "uvloop": _with_factory(_uvloop),
}


def run_on(name, main):
    """Run a coroutine function's coroutine on a loop of this kind, and return its result."""
    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        return runner.run(main())
