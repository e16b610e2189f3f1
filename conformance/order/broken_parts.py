"""Event loops that bring a part of asyncio with one defect each; see ``broken``.

A loop of these changes the part for the whole process when it is made: the workers of an engine
run nothing else. The defects are those that somebody who writes the part anew could make.
"""

import asyncio
import collections
import functools


class _Breaks(asyncio.SelectorEventLoop):
    """A loop that breaks something once."""

    is_broken = False

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if not type(self).is_broken:
            type(self).is_broken = True
            self.spoil()

    def spoil(self):
        """Do what is wrong with this one."""


def _with_waiters_backwards(method):
    """Return the method as if those who wait had come in the opposite order."""

    @functools.wraps(method)
    def changed(self, *arguments):
        waiters = self._waiters
        self._waiters = collections.deque(reversed(waiters or ()))
        try:
            return method(self, *arguments)
        finally:
            self._waiters = waiters

    return changed


class LockWakesTheLast(_Breaks):
    """A lock goes to who came last."""

    def spoil(self):
        asyncio.Lock._wake_up_first = _with_waiters_backwards(asyncio.Lock._wake_up_first)


class EventWakesBackwards(_Breaks):
    """An event wakes in the opposite order."""

    def spoil(self):
        asyncio.Event.set = _with_waiters_backwards(asyncio.Event.set)


class ConditionNotifiesTheLast(_Breaks):
    """A condition notifies who came last."""

    def spoil(self):
        asyncio.Condition.notify = _with_waiters_backwards(asyncio.Condition.notify)


class SemaphoreCountsWrong(_Breaks):
    """A semaphore loses a slot when an acquire is cancelled while it waits."""

    def spoil(self):
        acquire = asyncio.Semaphore.acquire

        async def changed(self):
            try:
                return await acquire(self)
            except asyncio.CancelledError:
                self._value = max(0, self._value - 1)
                raise

        asyncio.Semaphore.acquire = changed


class QueueWakesTheLast(_Breaks):
    """A queue serves who came last."""

    def spoil(self):
        def changed(self, waiters):
            while waiters:
                waiter = waiters.pop()
                if not waiter.done():
                    waiter.set_result(None)
                    break

        asyncio.Queue._wakeup_next = changed


class QueueForgetsTheCancelled(_Breaks):
    """A ``get`` that is cancelled after an item came for it wakes nobody else."""

    def spoil(self):
        async def changed(self):
            while self.empty():
                if getattr(self, "_is_shutdown", False):
                    break
                getter = self._get_loop().create_future()
                self._getters.append(getter)
                await getter
            return self.get_nowait()

        asyncio.Queue.get = changed


class BarrierLetsNewOnesIn(_Breaks):
    """A barrier takes new ones before those of the last round have left."""

    def spoil(self):
        async def changed(self):
            if self.broken:
                raise asyncio.BrokenBarrierError("Barrier aborted")

        asyncio.Barrier._block = changed


class TimeoutTakesEveryCancel(_Breaks):
    """A timeout that has expired takes a cancellation of somebody else for its own."""

    def spoil(self):
        async def changed(self, kind, error, traceback):
            if self._timeout_handler is not None:
                self._timeout_handler.cancel()
                self._timeout_handler = None
            states = type(self._state)
            if self._state is states.EXPIRING:
                self._state = states.EXPIRED
                self._task.uncancel()
                if kind is asyncio.CancelledError:
                    raise TimeoutError from error
            elif self._state is states.ENTERED:
                self._state = states.EXITED

        asyncio.Timeout.__aexit__ = changed


class TimeoutKeepsItsCancel(_Breaks):
    """A timeout does not take its request back: ``cancelling`` counts it for ever."""

    def spoil(self):
        leave = asyncio.Timeout.__aexit__

        async def changed(self, kind, error, traceback):
            expires = self._state.name == "EXPIRING"
            try:
                return await leave(self, kind, error, traceback)
            finally:
                if expires:
                    self._task.cancel()

        asyncio.Timeout.__aexit__ = changed


class TimeoutOfZeroWaits(_Breaks):
    """A timeout whose moment is past waits for the clock all the same."""

    def spoil(self):
        reschedule = asyncio.Timeout.reschedule

        def changed(self, when):
            if when is None:
                return reschedule(self, when)
            return reschedule(self, max(when, asyncio.get_running_loop().time() + 1e-9))

        asyncio.Timeout.reschedule = changed


class GroupTellsErrorsBackwards(_Breaks):
    """A task group tells its errors in the opposite order."""

    def spoil(self):
        done = asyncio.TaskGroup._on_task_done

        def changed(self, task):
            before = len(self._errors)
            done(self, task)
            if len(self._errors) > before:
                self._errors.insert(0, self._errors.pop())

        asyncio.TaskGroup._on_task_done = changed


class GroupLetsTheOthersRun(_Breaks):
    """A task group whose task fails does not cancel the others."""

    def spoil(self):
        def changed(self):
            self._aborting = True

        asyncio.TaskGroup._abort = changed


class WaitForTakesATurnMore(_Breaks):
    """``wait_for`` looks at the outcome one turn late."""

    def spoil(self):
        wait_for = asyncio.wait_for

        async def changed(awaitable, timeout):
            try:
                return await wait_for(awaitable, timeout)
            finally:
                await asyncio.sleep(0)

        asyncio.wait_for = changed


class ShieldForgetsErrors(_Breaks):
    """``shield`` says nothing of an error that comes after it was cancelled."""

    def spoil(self):
        shield = asyncio.shield

        def changed(awaitable):
            outer = shield(awaitable)
            if asyncio.isfuture(awaitable):
                awaitable.add_done_callback(lambda one: one.cancelled() or one.exception())
            return outer

        asyncio.shield = changed


class GeneratorsStayOpen(_Breaks):
    """The loop closes no generators."""

    async def shutdown_asyncgens(self):
        self._asyncgens.clear()


class InterruptsAreReported(_Breaks):
    """An interrupt out of a callback goes to the exception handler."""

    def call_soon(self, callback, *args, context=None):
        def changed(*args):
            try:
                callback(*args)
            except (KeyboardInterrupt, SystemExit) as error:
                raise RuntimeError("caught") from error

        return super().call_soon(changed, *args, context=context)
