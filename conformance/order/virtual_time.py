"""Event loops that never sleep: their clock jumps to the next deadline.

Not for loops that bring their own clock and take no selector.
"""

import functools
import importlib
import selectors

OWN_LOOP = "asyncio:new_event_loop"
"""``module:maker`` of the loops that a program gets when it asks for none."""
QUIET_TURNS = 8
"""Turns without a line in the trace after which turns are no longer counted."""
IDLE = 0.02
"""Seconds in which a program on the real clock must say something, or it waits for ever."""
START = 100.0
"""Seconds on the virtual clock when a program starts; large enough for deadlines in the past."""


class VirtualSelector(selectors.SelectSelector):
    """A selector without events that moves a clock where a real one would sleep."""

    def __init__(self, clock, deadlocked):
        super().__init__()
        self._clock = clock
        self._deadlocked = deadlocked

    def select(self, timeout=None):
        if timeout is None:
            self._deadlocked()
        elif timeout > 0:
            self._clock.now += timeout
        return []


class Clock:
    """The virtual time, in seconds."""

    now = START


class VirtualTime:
    """Mixed into a class of event loops: its time is virtual."""

    def __init__(self, deadlocked):
        self.clock = Clock()
        super().__init__(selector=VirtualSelector(self.clock, deadlocked))

    def time(self):
        return self.clock.now


@functools.cache
def loop_class(spec):
    """Return the class of the loops that ``module:maker`` makes."""
    module, _, name = spec.partition(":")
    maker = getattr(importlib.import_module(module), name)
    if isinstance(maker, type):
        return maker
    loop = maker()
    loop.close()
    return type(loop)


@functools.cache
def virtual_loop_class(spec):
    """Return the same class with virtual time."""
    return type("VirtualTimeLoop", (VirtualTime, loop_class(spec)), {})


class Watch:
    """Stops a loop on the real clock when its program waits for something that cannot happen.

    Nothing it runs on has a delay, so a program that says nothing for a while, nor in some turns
    after that, has nothing ready.
    """

    def __init__(self, stage):
        self._stage = stage
        self._loop = stage.loop
        self._lines = -1
        self._handle = self._loop.call_later(IDLE, self._look)

    def end(self):
        """Stop watching."""
        self._handle.cancel()

    def _look(self, turns=QUIET_TURNS):
        said = len(self._stage.lines)
        if said != self._lines:
            self._lines = said
            self._handle = self._loop.call_later(IDLE, self._look)
        elif turns:
            self._handle = self._loop.call_soon(self._look, turns - 1)
        else:
            self._stage.deadlocked()
