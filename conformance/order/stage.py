"""What a random program runs on: its loop, its trace, and names for the things it makes.

The text of this module and of those that it imports is also the first part of every script that
the fuzzer prints, so that a script and a run inside the fuzzer are the same code.
"""

import asyncio
import collections
import contextvars
import functools
import gc
import itertools
import signal
import sys
import threading
import warnings
import weakref

from .things import Box, Named, OrderedSet, OrderedWeakSet, OwnFuture, OwnGroup, OwnTask, counting
from .tools import Tools
from .trace import Trace, without_frames
from .virtual_time import OWN_LOOP, Watch, loop_class, virtual_loop_class


class Stage(Trace):
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
        self._kept = []
        self._ticking = ticking
        self._real = clock == "real"
        self._own = "own" in tasks
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
        if "stook" in sys.modules:
            # Circles are compared with asyncio's, where those who await each other wait.
            sys.modules["stook"].refuse_deadlocks(False)
        self.loop.set_exception_handler(self._report)
        self.loop._asyncgens = OrderedWeakSet()
        self.loop._asyncgen_finalizer_hook = functools.partial(_close_generator, self.loop)
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

    def run_elsewhere(self, coroutine):
        """Run a coroutine on another loop, for no more than a second of virtual time."""
        if self._real:
            coroutine.close()
            return
        loop = virtual_loop_class(self.loop_spec or OWN_LOOP)(lambda: loop.stop())
        loop.set_exception_handler(self._report)
        loop.set_debug(self.loop.get_debug())
        self._run("elsewhere", functools.partial(loop.run_until_complete, _one_second(coroutine)))
        for task in self._tasks_left(loop):
            task.cancel("elsewhere")
        self._run("elsewhere", functools.partial(loop.run_until_complete, asyncio.sleep(1)))
        self._close_coroutines(loop)
        loop.close()

    def deadlocked(self):
        """Say that nothing can happen any more, and stop the loop."""
        self.say("nothing is left to happen")
        self.loop.stop()

    def cancel_all(self):
        """Cancel what is left, in order of label, and wait for it.

        Tasks that share a label, as those that a loop from elsewhere names, have no order.
        """
        labels = collections.Counter(map(self._place, asyncio.all_tasks(self.loop)))
        left = [task for task in self._tasks_left(self.loop) if labels[self._place(task)] == 1]
        for task in left:
            task.cancel("the end")
        if left:
            self.run(asyncio.gather(*left, return_exceptions=True))

    def _tasks_left(self, loop):
        return sorted(asyncio.all_tasks(loop), key=lambda one: self._place(one) + _line(one))

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
        """Collect garbage, and what finalisers of the first time made.

        Not in a context of the program's: since 3.12 the report of a task that has the same one is
        lost there, and whether such a task is found depends on frames of asyncio's own, which keep
        it alive through the traceback of its error.
        """
        if any(map(_is_entered, self.contexts.values())):
            return
        gc.collect()
        gc.collect()

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
        that may be finished at once; and all others where one is of another loop, which ends it.
        """
        futures = [one for one in awaitables if asyncio.isfuture(one)]
        others = [one for one in awaitables if not asyncio.isfuture(one)]
        running = asyncio.get_running_loop()
        if strangers := [one for one in futures if one.get_loop() is not running]:
            for other in others:
                getattr(other, "close", int)()
            return strangers[:1]
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

    def cancel_handle(self, name):
        """Cancel a handle, if there is one of that name."""
        if handle := self.handles.get(name):
            handle.cancel()
            self.say(f"{name} cancelled:", handle.cancelled())

    def _run(self, text, function):
        watch = Watch(self) if self._real else None
        try:
            self.say(f"{text} gave", function())
        except BaseException as error:
            self.say(f"{text} raised", without_frames(error))
            # What asyncio's frames keep alive through tracebacks shall live elsewhere too: of this
            # error, and of those that tasks keep, whose frames know what was run.
            everything = not isinstance(error, Exception)
            self._kept.extend(
                task
                for task in asyncio.all_tasks(self.loop)
                if everything or not task._log_destroy_pending
            )
        finally:
            if watch:
                watch.end()
        self.look_for_recursion(*asyncio.all_tasks(self.loop), *self.box.values())

    def _close_coroutines(self, loop):
        """Close what tasks that are left run, while those that they wake need not run."""
        left = self._tasks_left(loop)
        for task in left:
            try:
                task.get_coro().close()
            except BaseException as error:
                self._held.append(f"closing a coroutine raised {self.describe(error)}")
        self.look_for_recursion(*left)

    def _close(self):
        if not self.loop.is_closed():
            self._close_coroutines(self.loop)
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


def _is_entered(context):
    """Return whether something runs in a context."""
    try:
        context.run(int)
    except RuntimeError:
        return True
    return False


def _close_generator(loop, generator):
    """Close a generator that was let go, as loops do, by a task that takes no number.

    When that is differs: frames of asyncio's own keep some alive through tracebacks.
    """
    loop._asyncgens.discard(generator)
    if not loop.is_closed():
        loop.call_soon_threadsafe(_create_named_task, loop, generator.aclose())


def _create_named_task(loop, coroutine):
    asyncio.Task(coroutine, loop=loop, name="aclose")


async def _one_second(coroutine):
    return await asyncio.wait_for(coroutine, 1)


def _line(task):
    """Return the coroutine function that a task runs and the line where it waits."""
    coroutine = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    return getattr(coroutine, "__qualname__", ""), frame.f_lineno if frame else 0
