"""The loop's own executor: asyncio's, with a queue that tells the loop of its jobs.

Waking a thread may take longer than most jobs do. So the loop and the threads of the executor look
for each other for some microseconds before they sleep, where that pays; ``handoff.rs`` has it.
"""

import queue
from concurrent import futures

from stook import _platform

_core = _platform.load_core()


class _Jobs(queue.SimpleQueue):
    """The jobs of an executor, and ``None`` for each thread that is to look whether it ends."""

    def __init__(self, handoff):
        self._handoff = handoff

    def put(self, item, block=True, timeout=None):
        # First: a thread may take it before this one goes on.
        self._handoff.offer()
        try:
            super().put(item, block, timeout)
        except BaseException:
            self._handoff.withdraw()
            raise

    def get(self, block=True, timeout=None):
        if block:
            self._handoff.look()
        item = super().get(block, timeout)
        self._handoff.take()
        return item

    def get_nowait(self):
        item = super().get_nowait()
        self._handoff.take()
        return item


def new(loop):
    """Make an executor for jobs of ``loop``.

    DIFFERENCE: a loop whose own executor has jobs looks up to 50 µs for a result before it sleeps,
    and a thread of that executor as long for a job, if such looks found something before.

    Source:
        ``BaseEventLoop.run_in_executor``, CPython 3.11 to 3.13.
    """
    executor = futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
    if type(getattr(executor, "_work_queue", None)) is queue.SimpleQueue:
        handoff = _core._Handoff()
        handoff.serve(loop)
        executor._work_queue = _Jobs(handoff)
    return executor
