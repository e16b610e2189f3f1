"""The event loop and its policy.

``EventLoop`` has two halves: ``LoopCore``, in Rust, owns all scheduling (callbacks, timers, tasks
and the turn itself); transports, servers, signals and subprocesses are those of the standard
library's selector loop.

Does not do: a selector of its own. The turn polls the epoll descriptor of the standard library's
selector; with a selector of another kind it calls that selector's methods.
"""

import asyncio
import os
import sys
import threading

from stook import _explained, _late, _nesting, _platform, _weak_tasks

_core = _platform.load_core()
_weak_tasks.watch()

_END_OF_RUN = asyncio.base_events._run_until_complete_cb.__code__
"""What stops the loop when the future of ``run_until_complete`` is done."""


_ATTRIBUTES = (
    "_asyncgens",
    "_asyncgens_shutdown_called",
    "_clock_resolution",
    "_coroutine_origin_tracking_enabled",
    "_coroutine_origin_tracking_saved_depth",
    "_csock",
    "_default_executor",
    "_exception_handler",
    "_executor_shutdown_called",
    "_internal_fds",
    "_old_agen_hooks",
    "_selector",
    "_signal_handlers",
    "_ssock",
    "_stopped_by_end",
    "_transports",
    "_unix_server_sockets",
    "slow_callback_duration",
)
"""What asyncio's classes keep in a loop, and ``Scheduling``: from 3.12 on the interpreter finds the
methods of an instance without a dict sooner."""


class Scheduling(_core.LoopCore):
    """The scheduling half of a loop, to stand before one of asyncio's loop classes.

    DIFFERENCE: what asyncio's classes keep in a loop is in slots, and not in its ``__dict__``.

    Source:
        ``asyncio.BaseEventLoop``, CPython 3.13.
    """

    __slots__ = _ATTRIBUTES

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._old_agen_hooks = None
        self._stopped_by_end = False
        self._notice_overrides()
        self.nesting_allowed = _nesting.new_loops_allow_nesting()

    def run_forever(self):
        """Run until ``stop()`` is called.

        Raises:
            RuntimeError: The loop is closed, or a loop is running in this thread and does not
                allow nesting.
        """
        if self._runs_here():
            self._check_closed()
            self._run_nested()
            return
        if sys.version_info < (3, 13):
            # A refused run must leave the one that goes on alone.
            self._check_closed()
            self._check_running()
        try:
            self._run_forever_setup()
            self._run_turns()
        finally:
            self._run_forever_cleanup()

    def _run_nested_until_complete(self, future):
        """Go on with this loop, which is running in this thread, until an awaitable is done.

        Source:
            ``BaseEventLoop.run_until_complete``, CPython 3.13, as ``nest_asyncio`` has it.
        """
        self._check_closed()
        awaited = asyncio.ensure_future(future, loop=self)
        if awaited is not future:
            awaited._log_destroy_pending = False
        below_has_ended = False
        while not awaited.done():
            self._run_once()
            if self._stopping and not self._stopped_by_end:
                break
            # The future of a run below is done: that run ends when this one has.
            below_has_ended = below_has_ended or self._stopping
            self._stopping = False
        self._stopping = below_has_ended
        if not awaited.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return awaited.result()

    def stop(self):
        """Have the run that is on top end after the turn that is going on."""
        self._stopped_by_end = sys._getframe(1).f_code is _END_OF_RUN
        super().stop()

    def _runs_here(self):
        return self.nesting_allowed and self._thread_id == threading.get_ident()

    def _run_nested(self):
        # The outer run goes on when this one ends: only an outer `stop()` may end that.
        try:
            self._run_turns()
        finally:
            self._stopping = False

    def _check_running(self):
        if self.nesting_allowed and asyncio._get_running_loop() in (None, self):
            return
        super()._check_running()

    if sys.version_info < (3, 13):
        # From 3.13 on the base class has these two.

        def _run_forever_setup(self):
            self._check_closed()
            self._check_running()
            self._set_coroutine_origin_tracking(self._debug)
            self._old_agen_hooks = sys.get_asyncgen_hooks()
            self._thread_id = threading.get_ident()
            sys.set_asyncgen_hooks(
                firstiter=self._asyncgen_firstiter_hook,
                finalizer=self._asyncgen_finalizer_hook,
            )
            asyncio.events._set_running_loop(self)
            _core._set_running_loop(self)

        def _run_forever_cleanup(self):
            self._stopping = False
            self._thread_id = None
            _core._set_running_loop(None)
            asyncio.events._set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            if self._old_agen_hooks is not None:
                sys.set_asyncgen_hooks(*self._old_agen_hooks)
                self._old_agen_hooks = None

    else:

        def _run_forever_setup(self):
            super()._run_forever_setup()
            _core._set_running_loop(self)

        def _run_forever_cleanup(self):
            _core._set_running_loop(None)
            super()._run_forever_cleanup()

    def run_in_executor(self, executor, func, *args):
        """Have a thread call a function.

        Args:
            executor: A ``concurrent.futures.Executor``; the loop's own when ``None``.
            func: What is called.
            *args: What it is called with.

        Returns:
            A future of what it returns or raises.

        Raises:
            RuntimeError: The loop is closed, or its own executor is shut down.
        """
        if executor is None and self._default_executor is None:
            self._make_default_executor()
        return super().run_in_executor(executor, func, *args)

    def _make_default_executor(self):
        self._check_closed()
        self._check_default_executor()
        # Threads are not needed before.
        self._default_executor = _late.load("stook._executor").new(self)

    def default_exception_handler(self, context):
        """Log an error, with what is known of the task, or of the cancellation, that it is about.

        DIFFERENCE: where a loop of stook's logs a `CancelledError`, or a task that is lost or has
        failed after it was cancelled, a line `cancellation:` says who asked for that; of a task
        that is lost, or whose exception nobody has read, a line `created_at:` says what made it.
        """
        context = {**_explained.beside(context), **context}
        super().default_exception_handler(context)

    def close(self):
        """Close the loop and drop what is scheduled. A closed loop may be closed again.

        Raises:
            RuntimeError: The loop is running.
        """
        super().close()
        self._clear_queues()


class EventLoop(Scheduling, asyncio.SelectorEventLoop):
    """An event loop whose scheduling is in Rust.

    Args:
        selector: The selector to wait with; the platform's best when ``None``.

    Source:
        ``asyncio.SelectorEventLoop``, CPython 3.13.
    """

    def __init__(self, selector=None):
        super().__init__(selector)

    def _close_self_pipe(self):
        if self._ssock.fileno() < 0:
            # The collector ended the sockets of a loop that was never closed, and now ends it.
            self._ssock = self._csock = None
            self._internal_fds -= 1
            return
        super()._close_self_pipe()


# The interpreter calls at once what it finds in the very class of the receiver.
_core._adopt_methods(EventLoop)


def new_event_loop():
    """Make an event loop.

    Returns:
        An :class:`EventLoop`; it is not made the current one.

    Example:
        >>> import asyncio, stook
        >>> async def main():
        ...     return type(asyncio.get_running_loop()).__name__
        >>> with asyncio.Runner(loop_factory=stook.new_event_loop) as runner:
        ...     runner.run(main())
        'EventLoop'
    """
    return EventLoop()


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """The standard policy, with stook's event loop.

    Source:
        ``asyncio.DefaultEventLoopPolicy``, CPython 3.13.
    """

    _loop_factory = EventLoop


# A forked child has no running loop, whatever its parent had.
os.register_at_fork(after_in_child=_core._forget_running_loop)
