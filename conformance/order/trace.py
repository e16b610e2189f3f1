"""The trace of a random program: what the program says, and what asyncio reports of it.

A trace holds nothing that differs between two runs on one engine:

1. No addresses, paths or line numbers: tasks and futures appear by label, sets in order of label.
2. What finalisers say (a result never retrieved, a task destroyed while pending, a coroutine never
   awaited) comes at the end, sorted, and a destroyed coroutine that begins to clean up gets no
   further than saying so. The collector runs only where the program says so, and at the end,
   when the coroutines of tasks that are left have been closed in order of label.
3. Time is virtual: the loop never sleeps, its clock jumps to the next deadline. A program that has
   no delays may instead run on the loop's exact class and the real clock.

It does not trace the turn in which a finaliser runs, nor the order in which asyncio goes through a
set: ``OrderedSet`` takes that away from task groups, ``OrderedWeakSet`` from the loop's generators,
``at_most_one_done`` from wait and as_completed.
"""

import asyncio
import re
import sys

from .virtual_time import QUIET_TURNS, START
from .words import Words, shown, without_places

MOST_REQUESTS = 50
"""Cancellations of one task that no program makes; more come of a cycle of tasks."""


class Trace(Words):
    """The lines of one program, and all that adds to them."""

    loop = None
    box = None
    _real = False
    _ticking = False

    def __init__(self):
        super().__init__()
        self.lines = []
        self._held = []
        self._recursion = False
        self._tick_due = False
        self._turn = self._quiet = 0
        self._handler_raises = None

    def say(self, text, *values):
        """Add a line to the trace: who runs, the text, and the values by what they show."""
        if _in_destroyed_coroutine():
            self._held.append(f"destroyed {text}")
            raise GeneratorExit  # What it does from here on would depend on the order.
        task = asyncio.current_task(self.loop)
        if task is not None:
            self.look_for_recursion(task)
        shown = [self.describe(value) for value in values]
        line = " ".join([f"{self.label(task)}:", str(text), *shown])
        if self._ticking:
            line = f"{self._turn} {line}"
            self._quiet = 0
            if not (self._tick_due or self.loop.is_closed()):
                self._tick_due = True
                self.loop.call_soon(self._tick)
        self.lines.append(line)

    def attempt(self, text, function, *arguments, **options):
        """Call a function and say what came of it."""
        try:
            value = function(*arguments, **options)
        except Exception as error:
            self.say(f"{text} raised", without_frames(error))
        else:
            self.say(f"{text} gave", value)

    def elapsed(self):
        """Return the seconds since the start; none on the real clock, which no trace may show."""
        return 0 if self._real else self.loop.time() - START

    def show_state(self, name):
        """Say how the task or future is, without retrieving its outcome."""
        one = self.box[name]
        state = "cancelled" if one.cancelled() else "finished" if one.done() else "pending"
        requests = [one.cancelling()] if hasattr(one, "cancelling") else []
        self.say(f"{name} is {state}", one, *requests)

    def show_end(self, one):
        """Say that a task or future is done, and how."""
        self.say("ends", one, "cancelled" if one.cancelled() else one.exception() or one.result())

    def show_repr(self, name, value):
        """Say what ``repr`` gives for something."""
        self.say(f"{name} is {shown(value)}")

    def show_stack(self, name):
        """Say in which functions of the program a task waits."""
        frames = self.box[name].get_stack() if hasattr(self.box[name], "get_stack") else []
        names = [frame.f_code.co_name for frame in frames]
        self.say(f"{name} waits in", [one for one in names if re.fullmatch(r"[ack]\d+", one)])

    def moment(self, time):
        """Return a time of the loop as the trace may show it: on the real clock, whether it is."""
        return time if time is None else "some time" if self._real else round(time - START, 6)

    def let_handler_raise(self, error):
        """Let the exception handler raise an error at its next report."""
        self._handler_raises = error

    def _report(self, _loop, context):
        message = without_places(context["message"])
        if self.label(context.get("task")) == "aclose":
            return  # When a generator is let go differs; see the stage.
        if "never retrieved" in message or "was destroyed" in message:
            # An error has another context each time it is raised; when this runs may differ.
            error = context.get("exception")
            told = self.describe_error(error, depth=0) if error else self.describe(error)
            shown = self.label(context.get("task")), told
            self._held.append(f"report: {message} {shown} {sorted(context)}")
        else:
            self.say(f"report: {message}", context.get("exception"), sorted(context))
            if self._handler_raises is not None:
                error, self._handler_raises = self._handler_raises, None
                raise error

    def _warned(self, message, category, *_place):
        self._held.append(f"warning: {category.__name__} {without_places(str(message))}")

    def _unraisable(self, unraisable):
        self._held.append(f"unraisable: {self.describe(unraisable.exc_value)}")

    def look_for_recursion(self, *awaitables):
        """Say that cancelling failed on a cycle of tasks, although the program caught the error."""
        counts = [one.cancelling() for one in awaitables if hasattr(one, "cancelling")]
        if max(counts, default=0) > MOST_REQUESTS and not self._recursion:
            self._recursion = True
            self.lines.append("RecursionError: a task asked to end too often")

    def _tick(self):
        self._turn += 1
        self._quiet += 1
        self._tick_due = self._quiet < QUIET_TURNS
        if self._tick_due:
            self.loop.call_soon(self._tick)


def _in_destroyed_coroutine():
    """Return whether the caller cleans up after a coroutine that is thrown away.

    Generators that somebody closes say so: they give the ``GeneratorExit`` an attribute.
    """
    error = sys.exception()
    while error is not None:
        if isinstance(error, GeneratorExit) and not hasattr(error, "asked"):
            return True
        error = error.__context__
    return False


def without_frames(error):
    """Return an error after freeing what the frames keep alive that it came through."""
    return error.with_traceback(None)
