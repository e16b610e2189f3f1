"""Runs one scenario on one loop, whose clock is virtual, and keeps what is observed.

An observation is a line: the time in seconds, the task, and what it did or was told. A task's own
end is told when its coroutine returns; of one that is cancelled before its first step there is
nobody to tell it, so that its handle does.
"""

import asyncio
import contextlib
import gc

from conformance.order.virtual_time import START, virtual_loop_class

from . import words
from .steps import Steps


class Deadlock(Exception):
    """Nothing can happen any more, and tasks are left."""


class Stage:
    """What the tasks of one scenario share.

    In ``dropped`` are children of a ``wait_for`` that was cancelled, whose result or error it has
    dropped, as it does up to CPython 3.11.

    Args:
        scenario: The scenario.
        names: Where asyncio's names are looked up.
        maker: Of the loop: ``module:name``.
        factory: The loop's task factory, or None.
    """

    def __init__(self, scenario, names=asyncio, maker="asyncio:SelectorEventLoop", factory=None):
        self.scenario = scenario
        self.names = names
        self.lines = []
        self.tasks = {}
        self.begun = set()
        self.events = {}
        self.groups = {}
        self.tokens = {}
        self.dropped = []
        self._unread = []
        self.loop = virtual_loop_class(maker)(self._deadlocked)
        self.loop.set_exception_handler(self._report)
        if factory is not None:
            self.loop.set_task_factory(factory)

    def perform(self):
        """Run the scenario and return the lines of what was observed.

        Raises:
            Deadlock: Tasks are left that wait for what never comes.
        """
        try:
            with contextlib.suppress(*words.ENDS):
                self.loop.run_until_complete(self.start("main"))
            while left := self._left():
                self.loop.run_until_complete(asyncio.wait(left))
            # What ended last may have told others by callbacks.
            self.loop.run_until_complete(asyncio.sleep(0))
        finally:
            for task in self._left():
                task.cancel()
            self.tasks.clear()
            self.groups.clear()
            gc.collect()
            self.loop.close()
        if self._unread:
            self.lines.append(f"never read: {', '.join(sorted(self._unread))}")
        return self.lines

    def _left(self):
        return asyncio.all_tasks(self.loop)

    def _deadlocked(self):
        names = sorted(task.get_name() for task in self._left())
        raise Deadlock(f"{self.scenario.name}: left for ever: {', '.join(names)}")

    def _report(self, loop, context):
        if "never retrieved" in context["message"]:
            self._unread.append(context["future"].get_name())
        else:
            loop.default_exception_handler(context)

    def say(self, name, text):
        """Keep an observation."""
        time = round(self.loop.time() - START, 6)
        self.lines.append(f"{int(time) if time.is_integer() else time} {name}: {text}")

    def event(self, name):
        """Return the event of this name."""
        return self.events.setdefault(name, asyncio.Event())

    def start(self, name, create=None, **options):
        """Make the task of this name, and return it."""
        create = create or self.loop.create_task
        coroutine = self.run(name)
        try:
            task = create(coroutine, name=name, **options)
        except BaseException:
            coroutine.close()
            self.say(name, "never started")
            raise
        task.add_done_callback(self._ended)
        self.tasks[name] = task
        return task

    def awaited(self, name):
        """Return the task or the gather of this name, which begins if it has not."""
        return self.tasks[name] if name in self.tasks else self.start(name)

    async def run(self, name):
        """Do what the task of this name does, and tell its end."""
        self.begun.add(name)
        try:
            flow = await Steps(self, name).run(self.scenario.tasks[name])
        except asyncio.CancelledError as error:
            self.say(name, words.error(error))
            raise
        except BaseException as error:
            self.say(name, f"raised {words.error(error)}")
            raise
        result = None if flow is None else flow.value
        self.say(name, words.returned(result))
        return result

    def _ended(self, task):
        name = task.get_name()
        if name not in self.begun:
            self.say(name, "never started")
