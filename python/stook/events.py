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

from stook import _nesting, _platform

_core = _platform.load_core()


class EventLoop(_core.LoopCore, asyncio.SelectorEventLoop):
    """An event loop whose scheduling is in Rust.

    Args:
        selector: The selector to wait with; the platform's best when ``None``.

    Source:
        ``asyncio.SelectorEventLoop``, CPython 3.13.
    """

    def __init__(self, selector=None):
        super().__init__(selector)
        self._notice_overrides()
        self.nesting_allowed = _nesting.new_loops_allow_nesting()

    def run_forever(self):
        """Run until ``stop()`` is called.

        Raises:
            RuntimeError: The loop is closed, or a loop is running in this thread and does not
                allow nesting.
        """
        if self._thread_id == threading.get_ident() and self.nesting_allowed:
            self._check_closed()
            self._run_nested()
            return
        try:
            self._run_forever_setup()
            self._run_turns()
        finally:
            self._run_forever_cleanup()

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
            _set_running_loop(self)

        def _run_forever_cleanup(self):
            self._stopping = False
            self._thread_id = None
            _set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            if self._old_agen_hooks is not None:
                sys.set_asyncgen_hooks(*self._old_agen_hooks)
                self._old_agen_hooks = None

        _old_agen_hooks = None

    else:

        def _run_forever_setup(self):
            super()._run_forever_setup()
            _core._set_running_loop(self)

        def _run_forever_cleanup(self):
            _core._set_running_loop(None)
            super()._run_forever_cleanup()

    def close(self):
        """Close the loop and drop what is scheduled. A closed loop may be closed again.

        Raises:
            RuntimeError: The loop is running.
        """
        super().close()
        self._clear_queues()


def _set_running_loop(loop):
    _core._set_running_loop(loop)


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
