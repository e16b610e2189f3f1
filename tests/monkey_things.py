"""What the monkey of ``monkey.py`` plays with: objects that swing whatever is asked of them."""

import asyncio
import random
import weakref

from stook import _core

RAISED = (Exception, asyncio.CancelledError)
MOST_OBJECTS = 60
DEEPEST = 6

chance = random.Random()
objects = []
references = []
loops = []
operations = []
wrong = []
depth = 0
left = 0


def operation(function):
    operations.append(function)
    return function


def swing(*_):
    """Do up to two random operations, here and now."""
    global depth, left
    if depth > DEEPEST or left <= 0:
        return
    depth += 1
    for _ in range(chance.randrange(3)):
        left -= 1
        attempt(chance.choice(operations))
    depth -= 1


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except RAISED as error:
        note(error)


def note(error):
    if isinstance(error, SystemError):
        wrong.append(repr(error))


def keep(thing):
    """Put an object among the others, sometimes with what is run when it goes."""
    objects.append(thing)
    while len(objects) > MOST_OBJECTS:
        objects.pop(chance.randrange(len(objects)))
    while len(references) > MOST_OBJECTS:
        references.pop(chance.randrange(len(references)))
    try:
        if chance.random() < 0.4:
            references.append(weakref.ref(thing, swing))
        if chance.random() < 0.3:
            thing.hook, thing.other = Hook(), chance.choice(objects)
    except (TypeError, AttributeError):
        pass
    return thing


def one(kind=object, make=lambda: None):
    found = [thing for thing in objects if isinstance(thing, kind) or kind is object]
    return chance.choice(found) if found else make()


def native(kind, make=lambda: None):
    found = [thing for thing in objects if issubclass(type(thing), kind)]
    return chance.choice(found) if found else make()


def loop():
    return chance.choice(loops)


def future():
    return native(_core.Future, lambda: keep(loop().create_future()))


class Hook:
    """An object that swings whatever is asked of it."""

    def __init__(self):
        self.other = one()

    def __del__(self):
        swing()
        if chance.random() < 0.1:
            objects.append(self)

    def __eq__(self, other):
        swing()
        return chance.random() < 0.5

    __bool__ = __le__ = __lt__ = lambda self, *_: self == None  # noqa: E711

    def __hash__(self):
        swing()
        return 1

    def __call__(self, *_, **__):
        swing()
        if chance.random() < 0.2:
            raise Failure

    def __repr__(self):
        swing()
        return "hook"

    __str__ = __repr__

    def __float__(self):
        swing()
        return chance.random() - 0.5

    def __radd__(self, other):
        swing()
        return other

    def __iter__(self):
        swing()
        return iter(chance.choices(objects, k=3))


class Failure(Exception):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.hook = Hook()


class FinalisedFuture(_core.Future):
    def __del__(self):
        swing()
        super().__del__()


class SlottedTask(_core.Task):
    __slots__ = ("extra",)

    def __del__(self):
        swing()
        if chance.random() < 0.1:
            objects.append(self)


class OverridingTask(_core.Task):
    def cancel(self, msg=None):
        swing()
        return super().cancel(msg)


class OverridingFuture(_core.Future):
    """A future whose methods are not all ours."""


def _overriding(name):
    own = getattr(_core.Future, name)

    def method(self, *arguments, **options):
        swing()
        return own(self, *arguments, **options)

    return method


for _name in (
    "add_done_callback",
    "cancel",
    "done",
    "exception",
    "remove_done_callback",
    "result",
    "__await__",
):
    setattr(OverridingFuture, _name, _overriding(_name))

NATIVE = (_core.Future, _core.Task, _core._GatheringFuture, _core.LoopCore)
KINDS = (_core.Future, FinalisedFuture, OverridingFuture)
TASKS = (_core.Task, SlottedTask, OverridingTask)
