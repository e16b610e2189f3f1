"""What a random program runs on: its loop, its trace, and names for the things it makes.

The text of this module and of those that it imports is also the first part of every script that
the fuzzer prints, so that a script and a run inside the fuzzer are the same code.

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
import collections
import contextvars
import functools
import gc
import itertools
import re
import signal
import sys
import threading
import warnings
import weakref

from .things import Box, Named, OrderedSet, OrderedWeakSet, OwnFuture, OwnGroup, OwnTask, counting
from .tools import Tools
from .virtual_time import OWN_LOOP, QUIET_TURNS, START, Watch, loop_class, virtual_loop_class
from .words import Words, shown, without_places

MOST_REQUESTS = 50
"""Cancellations of one task that no program makes; more come of a cycle of tasks."""


class Stage(Words):
    """Runs one program and keeps its trace.

    Args:
        clock: ``"virtual"``, or ``"real"`` for a program without delays.
        debug: Whether the loop is in debug mode.
        tasks: ``"plain"``, ``"eager"`` (3.12 and later), ``"own"`` for subclasses of tasks,
            futures, locks, queues and task groups, or ``"own eager"``.
        ticking: Whether lines carry the number of the loop's turn.
    """

    def __init__(self, *, clock="virtual", debug=False, tasks="plain", ticking=False):
        super().__init__()
        self.lines = []
        self._held = []
        self._kept = []
        self._recursion = False
        self._ticking = ticking
        self._tick_due = False
        self._turn = self._quiet = 0
        self._real = clock == "real"
        self._own = "own" in tasks
        self._handler_raises = None
        self._counts = {}
        self._numbers = weakref.WeakKeyDictionary()
        self._count = itertools.count()
        self.box = Box(self)
        self.contexts = Named(contextvars.copy_context)
        self.handles = {}
        self.named = (
            Tools(self._own),
            Named(functools.partial(asyncio.timeout, None)),
            Named(self._new_group),
            Named(counting),
            {},
        )
        spec = self.loop_spec or OWN_LOOP
        if self._real:
            self.loop = loop_class(spec)()
        else:
            self.loop = virtual_loop_class(spec)(self.deadlocked)
        self.loop.set_exception_handler(self._report)
        self.loop._asyncgens = OrderedWeakSet()
        probe = self.loop.create_task(asyncio.sleep(0))
        self.loop.run_until_complete(probe)
        self.first_number = int(probe.get_name().rpartition("-")[2])
        self.loop.set_debug(debug)
        self.loop.slow_callback_duration = 1e9
        if tasks == "eager":
            self._make_tasks_by(asyncio.eager_task_factory)
        elif tasks == "own eager":
            self._make_tasks_by(asyncio.create_eager_task_factory(OwnTask))
        elif self._own:
            self._make_tasks_by(lambda loop, coro, **more: OwnTask(coro, loop=loop, **more))

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

    def run_in_runner(self, coroutine):
        """Run a coroutine as ``asyncio.run`` does, up to the end of the loop.

        A runner cancels what is left in the order of a set: here only one task may be left.
        """
        runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self._run("Runner.run", functools.partial(runner.run, coroutine))
        self.cancel_all()
        if len(asyncio.all_tasks(self.loop)) < 2:
            self._run("Runner.close", runner.close)

    def deadlocked(self):
        """Say that nothing can happen any more, and stop the loop."""
        self.say("nothing is left to happen")
        self.loop.stop()

    def cancel_all(self):
        """Cancel what is left, in order of label, and wait for it.

        Tasks that share a label, as those that a loop from elsewhere names, have no order.
        """
        labels = collections.Counter(map(self._place, asyncio.all_tasks(self.loop)))
        left = [task for task in self._tasks_left() if labels[self._place(task)] == 1]
        for task in left:
            task.cancel("the end")
        if left:
            self.run(asyncio.gather(*left, return_exceptions=True))

    def _tasks_left(self):
        return sorted(asyncio.all_tasks(self.loop), key=lambda one: self._place(one) + _line(one))

    def _place(self, task):
        return self.label(task), self._numbers.get(task, 0)

    def _make_tasks_by(self, factory):
        """Use a task factory and number what it makes: 3.13.0 gives all these the name ``None``."""

        def make(loop, coro, **options):
            task = factory(loop, coro, **options)
            self._numbers[task] = next(self._count)
            return task

        self.loop.set_task_factory(make)

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

    def group(self, name):
        """Return a new task group, which has the name from now on."""
        groups = self.named[2]
        groups[name] = self._new_group()
        return groups[name]

    def _new_group(self):
        """Return a task group that goes through its tasks in the order of arrival."""
        group = OwnGroup() if self._own else asyncio.TaskGroup()
        if isinstance(getattr(group, "__dict__", {}).get("_tasks"), set):
            group._tasks = OrderedSet()
        return group

    def scope(self, name, scope):
        """Return a scope of ``asyncio.timeout``, which has the name from now on."""
        self.named[1][name] = scope
        return scope

    @staticmethod
    def at_most_one_done(awaitables):
        """Leave out what asyncio takes in the order of a set.

        That is all but the first of those that are finished, and of coroutines, which become tasks
        that may be finished at once.
        """
        futures = [one for one in awaitables if asyncio.isfuture(one)]
        others = [one for one in awaitables if not asyncio.isfuture(one)]
        for other in others[1:]:
            getattr(other, "close", int)()
        done = [one for one in futures if one.done()]
        return [one for one in futures if not one.done()] + (others or done)[:1]

    def after(self, turns, function):
        """Call a function after some turns of the loop."""
        if turns:
            self.loop.call_soon(self.after, turns - 1, function)
        else:
            function()

    def nth(self, name, wanted):
        """Return whether this is at least the wanted time that somebody asks with this name."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name] >= wanted

    def in_thread(self, text, function, *arguments, **options):
        """Call a function in another thread while this one waits for it, and return its result."""
        found = []

        def call():
            try:
                found.append(function(*arguments, **options))
            except Exception as error:
                self._held.append(f"{text} raised {self.describe(error)}")

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return found[0] if found else None

    def interrupt(self):
        """Let the signal arrive that an interrupt from the keyboard is."""
        signal.raise_signal(signal.SIGINT)

    def let_handler_raise(self, error):
        """Let the exception handler raise an error at its next report."""
        self._handler_raises = error

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

    def _report(self, _loop, context):
        message = without_places(context["message"])
        if "never retrieved" in message or "was destroyed" in message:
            shown = self.label(context.get("task")), self.describe(context.get("exception"))
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

    def _close_coroutines(self):
        """Close what tasks that are left run, while those that they wake need not run."""
        for task in self._tasks_left():
            try:
                task.get_coro().close()
            except BaseException as error:
                self._held.append(f"closing a coroutine raised {self.describe(error)}")

    def _close(self):
        if not self.loop.is_closed():
            self._close_coroutines()
        try:
            self.loop.close()
        except BaseException as error:
            self.say("closing the loop raised", error)
        self._kept.clear()
        self.collect()
        for things in (self.box, self.contexts, self.handles, *self.named):
            things.clear()
        self.collect()
        self.lines.extend(sorted(self._held))


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


def _line(task):
    """Return the coroutine function that a task runs and the line where it waits."""
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    return getattr(coroutine, "__qualname__", ""), frame.f_lineno if frame else 0


def _without_frames(error):
    """Return an error after freeing what the frames keep alive that it came through."""
    return error.with_traceback(None)
