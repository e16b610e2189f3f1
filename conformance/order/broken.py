"""Event loops with one defect each: what the fuzzer has to find, or it is worth nothing.

Only its tests use them.
"""

import asyncio


class _Loop(asyncio.SelectorEventLoop):
    """The standard loop, told apart where it adds to the ready queue."""

    soon_count = 0

    def _call_soon(self, callback, args, context):
        handle = super()._call_soon(callback, args, context)
        self.soon_count += 1
        self.spoil(handle)
        return handle

    def spoil(self, handle):
        """Do what is wrong with this loop."""


class LastInFirstOut(_Loop):
    """What becomes ready last runs first."""

    def spoil(self, handle):
        self._ready.pop()
        self._ready.appendleft(handle)


class RunsTwice(_Loop):
    """Every hundredth callback that is not a task's step runs twice."""

    def spoil(self, handle):
        if self.soon_count % 100 == 0 and not isinstance(
            getattr(handle._callback, "__self__", None), asyncio.Task
        ):
            self._ready.append(handle)


class SwapsNeighbours(_Loop):
    """Every tenth callback runs before the one that was scheduled just before it."""

    def spoil(self, handle):
        if self.soon_count % 10 == 0 and len(self._ready) > 1:
            self._ready[-1], self._ready[-2] = self._ready[-2], self._ready[-1]


class TurnTooLate(_Loop):
    """Every twentieth callback runs one turn late."""

    def spoil(self, handle):
        if self.soon_count % 20 == 0:
            self._ready.pop()
            super()._call_soon(self._ready.append, (handle,), None)


class LateTimersAtOnce(asyncio.SelectorEventLoop):
    """A delay of zero or less is no delay: such a callback does not wait behind what is ready."""

    def call_later(self, delay, callback, *args, context=None):
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        return super().call_later(delay, callback, *args, context=context)


class TimersInOrderOfArrival(asyncio.SelectorEventLoop):
    """Callbacks for one deadline run in the order of arrival, which a heap does not keep."""

    arrived = 0

    def call_at(self, when, callback, *args, context=None):
        self.arrived += 1
        return super().call_at(when + self.arrived * 1e-12, callback, *args, context=context)


class StopsATurnLate(asyncio.SelectorEventLoop):
    """``stop`` lets the loop make one more turn."""

    def stop(self):
        self.call_soon(super().stop)


class ForgetsMessages(asyncio.SelectorEventLoop):
    """The message of a cancel does not arrive."""

    class Future(asyncio.Future):
        """A future that loses it."""

        def cancel(self, msg=None):
            return super().cancel()

    def create_future(self):
        return self.Future(loop=self)


class ForgetsContexts(asyncio.SelectorEventLoop):
    """A callback runs in a copy of the present context instead of the one given with it."""

    def call_soon(self, callback, *args, context=None):
        return super().call_soon(callback, *args)


class Hangs(_Loop):
    """The five hundredth callback never ends."""

    def spoil(self, handle):
        if self.soon_count == 50:
            while True:
                pass


class Dies(_Loop):
    """The process dies of a signal."""

    def spoil(self, handle):
        import os
        import signal

        if self.soon_count == 50:
            os.kill(os.getpid(), signal.SIGSEGV)


class Leaks(_Loop):
    """Every callback leaves a list behind."""

    left = []  # noqa: RUF012  (that all loops share it is the defect)

    def spoil(self, handle):
        self.left.append([self.soon_count])
