"""What random programs make and use besides asyncio's own: classes of theirs, and named things."""

import asyncio
import contextvars


class OwnTask(asyncio.Task):
    """A task of a class of the program's own."""

    def cancel(self, msg=None):
        return super().cancel(msg=msg)


class OwnFuture(asyncio.Future):
    """A future of a class of the program's own."""

    def set_result(self, result):
        super().set_result(result)


class Yielding:
    """An awaitable that yields one value; ``None`` is what a bare ``yield`` gives."""

    def __init__(self, value=None):
        self.value = value

    def __await__(self):
        return (yield self.value)


class OrderedSet(dict):
    """What a task group needs of a set, iterated in the order of arrival."""

    def add(self, value):
        self[value] = None

    def discard(self, value):
        self.pop(value, None)


class Box(dict):
    """The tasks and futures of a program by name; one that is missing becomes a new future."""

    def __init__(self, stage):
        super().__init__()
        self._stage = stage

    def __missing__(self, name):
        self[name] = self._stage.new_future()
        return self[name]

    def __setitem__(self, name, value):
        self._stage.give_label(value, name)
        super().__setitem__(name, value)


class Contexts(dict):
    """Contexts by name; one that is missing becomes a copy of the present one."""

    def __missing__(self, name):
        self[name] = contextvars.copy_context()
        return self[name]
