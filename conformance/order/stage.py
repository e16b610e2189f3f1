"""What a random program runs on: its loop, its trace, and names for the things it makes.

The text of this module and of the two that it imports is also the first part of every script that
the fuzzer prints, so that a script and a run inside the fuzzer are the same code.

A trace holds nothing that differs between two runs on one engine:

1. No addresses, paths or line numbers, no names of asyncio's own callbacks: tasks and futures
   appear by label, sets in order of label.
2. What finalisers say (a result never retrieved, a task destroyed while pending, a coroutine never
   awaited) comes at the end, sorted, and a destroyed coroutine that begins to clean up gets no
   further than saying so. The collector runs only where the program says so, and at the end.
3. Time is virtual: the loop never sleeps, its clock jumps to the next deadline. A program that has
   no delays may instead run on the loop's exact class and the real clock.

It does not trace the turn in which a finaliser runs, nor the order in which asyncio goes through a
set: ``OrderedSet`` takes that away from task groups, ``at_most_one_done`` from wait and
as_completed.
"""

import asyncio
import contextvars
import functools
import gc
import re
import sys
import warnings
import weakref

from .things import Box, Contexts, OrderedSet, OwnFuture, OwnTask
from .virtual_time import OWN_LOOP, QUIET_TURNS, START, Watch, loop_class, virtual_loop_class

MOST_REQUESTS = 50
"""Cancellations of one task that no program makes; more come of a cycle of tasks."""


class Stage:
    """Runs one program and keeps its trace.

    Args:
        clock: ``"virtual"``, or ``"real"`` for a program without delays.
        debug: Whether the loop is in debug mode.
        tasks: ``"plain"``, ``"eager"`` (3.12 and later), or ``"own"`` for subclasses.
        ticking: Whether lines carry the number of the loop's turn.
    """

    loop_spec = None
    """``module:maker`` of the loops, or ``None`` for asyncio's own.

    With a loop from elsewhere, tasks of more than one class may count the names they give. Then a
    task without a name of the program's choosing appears without its number.
    """

    def __init__(self, *, clock="virtual", debug=False, tasks="plain", ticking=False):
        self.lines = []
        self._held = []
        self._kept = []
        self._recursion = False
        self._ticking = ticking
        self._tick_due = False
        self._turn = self._quiet = 0
        self._real = clock == "real"
        self._own = tasks == "own"
        self._labels = weakref.WeakKeyDictionary()
        self._uses = {}
        self.box = Box(self)
        self.contexts = Contexts()
        self.handles = {}
        spec = self.loop_spec or OWN_LOOP
        if self._real:
            self.loop = loop_class(spec)()
        else:
            self.loop = virtual_loop_class(spec)(self.deadlocked)
        self.loop.set_exception_handler(self._report)
        probe = self.loop.create_task(asyncio.sleep(0))
        self.loop.run_until_complete(probe)
        self._first_number = int(probe.get_name().rpartition("-")[2])
        self.loop.set_debug(debug)
        self.loop.slow_callback_duration = 1e9
        if tasks == "eager":
            self.loop.set_task_factory(asyncio.eager_task_factory)
        elif self._own:
            self.loop.set_task_factory(lambda loop, coro, **more: OwnTask(coro, loop=loop, **more))

    def perform(self, program):
        """Run ``program()`` and return the lines of its trace."""
        gc.collect()
        gc.disable()
        asyncio.set_event_loop(None)
        unraisable_hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning = self._warned
                try:
                    contextvars.Context().run(program)
                except BaseException as error:
                    self.say("the program raised", error)
                self._close()
        finally:
            sys.unraisablehook = unraisable_hook
            gc.enable()
        return self.lines

    def run(self, awaitable):
        """Run the loop until ``awaitable`` is done."""
        self._run("run_until_complete", functools.partial(self.loop.run_until_complete, awaitable))

    def run_forever(self):
        """Run the loop until it is stopped or nothing is left that could happen."""
        self._run("run_forever", self.loop.run_forever)

    def run_turns(self, count):
        """Make ``count`` single turns of the loop."""
        for _ in range(count):
            self.loop.call_soon(self.loop.stop)
            self.run_forever()

    def deadlocked(self):
        """Say that nothing can happen any more, and stop the loop."""
        self.say("nothing is left to happen")
        self.loop.stop()

    def cancel_all(self):
        """Cancel what is left, in order of label, and wait for it.

        Tasks that share a label (3.13.0 names those of a task factory ``None``) have no order.
        """
        by_label = {}
        for task in asyncio.all_tasks(self.loop):
            by_label.setdefault(self.label(task), []).append(task)
        left = [tasks[0] for _, tasks in sorted(by_label.items()) if len(tasks) == 1]
        for task in left:
            task.cancel("the end")
        if left:
            self.run(asyncio.gather(*left, return_exceptions=True))

    def collect(self):
        """Collect garbage, and what finalisers of the first time made."""
        gc.collect()
        gc.collect()

    def say(self, text, *values):
        """Add a line to the trace: who runs, the text, and the values by what they show."""
        if _in_destroyed_coroutine():
            self._held.append(f"destroyed {text}")
            raise GeneratorExit  # What it does from here on would depend on the order.
        task = asyncio.current_task(self.loop)
        if task is not None:
            self._look_for_recursion(task)
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
            self.say(f"{text} raised", _without_frames(error))
        else:
            self.say(f"{text} gave", value)

    def elapsed(self):
        """Return the seconds since the start; none on the real clock, which no trace may show."""
        return 0 if self._real else self.loop.time() - START

    def new_future(self):
        """Return a new future of the loop."""
        return OwnFuture(loop=self.loop) if self._own else self.loop.create_future()

    def task_group(self):
        """Return a task group that goes through its tasks in the order of arrival."""
        group = asyncio.TaskGroup()
        if isinstance(getattr(group, "_tasks", None), set):
            group._tasks = OrderedSet()
        return group

    @staticmethod
    def at_most_one_done(awaitables):
        """Leave out all finished ones but the first: asyncio takes those in the order of a set."""
        done = [one for one in awaitables if one.done()]
        return [one for one in awaitables if not one.done()] + done[:1]

    def cancel_handle(self, name):
        """Cancel a handle, if there is one of that name."""
        if handle := self.handles.get(name):
            handle.cancel()
            self.say(f"{name} cancelled:", handle.cancelled())

    def show_state(self, name):
        """Say how the task or future is, without retrieving its outcome."""
        one = self.box[name]
        state = "cancelled" if one.cancelled() else "finished" if one.done() else "pending"
        requests = [one.cancelling()] if hasattr(one, "cancelling") else []
        self.say(f"{name} is {state}", one, *requests)

    def fresh(self, name):
        """Return a name that no task or future had before."""
        number = self._uses[name] = self._uses.get(name, 0) + 1
        return name if number == 1 else f"{name}/{number}"

    def give_label(self, value, name):
        """Make a future appear under a name; tasks have their own, and so may futures."""
        if not hasattr(value, "get_name") and value not in self._labels:
            self._labels[value] = self.fresh(name)

    def label(self, value):
        """Return the name under which a task or future, or ``None``, appears in the trace."""
        if value is None:
            return "-"
        if not hasattr(value, "get_name"):
            return self._labels.get(value, "a future")
        name = value.get_name()
        if found := re.fullmatch(r"Task-(\d+)", name):
            return f"Task-{int(found[1]) - self._first_number}" if not self.loop_spec else "a task"
        return name

    def describe(self, value):
        """Return how a value appears in the trace."""
        if isinstance(value, BaseException):
            return self._describe_error(value)
        if asyncio.isfuture(value):
            return self.label(value)
        if isinstance(value, (set, frozenset)):
            return "{" + ", ".join(sorted(map(self.describe, value))) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(map(self.describe, value)) + "]"
        return self._without_places(repr(value))

    def _describe_error(self, error, depth=3):
        if isinstance(error, BaseExceptionGroup):
            inner = ", ".join(self._describe_error(one, depth - 1) for one in error.exceptions)
            arguments = f"{error.message!r}, [{inner}]"
        else:
            arguments = ", ".join(map(self.describe, error.args))
        text = f"{type(error).__name__}({arguments})"
        if depth and error.__context__ is not None:
            text += f" after {self._describe_error(error.__context__, depth - 1)}"
        return text

    def _without_places(self, text):
        text = re.sub(r"0x[0-9a-f]+", "0x…", text.partition("\n")[0])
        text = re.sub(r"Task-\d+", "Task-…", text)
        text = re.sub(r"\b(_asyncio|stook)\.(?=[A-Z])", "", text)
        text = re.sub(r" cb=\[[^]]*\]", "", text)
        text = re.sub(r"(in callback \S+?)\(.*", r"\1", text)
        return re.sub(r" at [^ ]+:\d+", "", text)

    def _report(self, _loop, context):
        message = self._without_places(context["message"])
        if "never retrieved" in message or "was destroyed" in message:
            shown = self.label(context.get("task")), self.describe(context.get("exception"))
            self._held.append(f"report: {message} {shown} {sorted(context)}")
        else:
            self.say(f"report: {message}", context.get("exception"), sorted(context))

    def _warned(self, message, category, *_place):
        self._held.append(f"warning: {category.__name__} {self._without_places(str(message))}")

    def _unraisable(self, unraisable):
        self._held.append(f"unraisable: {self.describe(unraisable.exc_value)}")

    def _look_for_recursion(self, *awaitables):
        """Say that cancelling failed on a cycle of tasks, although the program caught the error."""
        counts = [one.cancelling() for one in awaitables if hasattr(one, "cancelling")]
        if max(counts, default=0) > MOST_REQUESTS and not self._recursion:
            self._recursion = True
            self.lines.append("RecursionError: a task asked to end too often")

    def _run(self, text, function):
        watch = Watch(self) if self._real else None
        try:
            self.say(f"{text} gave", function())
        except BaseException as error:
            self.say(f"{text} raised", _without_frames(error))
            if not isinstance(error, Exception):
                # What asyncio's frames keep alive through the traceback shall live elsewhere too.
                self._kept.extend(asyncio.all_tasks(self.loop))
        finally:
            if watch:
                watch.end()
        self._look_for_recursion(*asyncio.all_tasks(self.loop), *self.box.values())

    def _tick(self):
        self._turn += 1
        self._quiet += 1
        self._tick_due = self._quiet < QUIET_TURNS
        if self._tick_due:
            self.loop.call_soon(self._tick)

    def _close(self):
        try:
            self.loop.close()
        except BaseException as error:
            self.say("closing the loop raised", error)
        self._kept.clear()
        self.collect()
        self.box.clear()
        self.contexts.clear()
        self.handles.clear()
        self.collect()
        self.lines.extend(sorted(self._held))


def _in_destroyed_coroutine():
    """Return whether the caller cleans up after a coroutine that is thrown away."""
    error = sys.exception()
    while error is not None and not isinstance(error, GeneratorExit):
        error = error.__context__
    return error is not None


def _without_frames(error):
    """Return an error after freeing what the frames keep alive that it came through."""
    return error.with_traceback(None)
