"""Groups that are made in every way, of a class that is as it was and of one that is not."""

import asyncio
import copy
import functools
import gc
import inspect
import sys
import weakref
from asyncio import TaskGroup

from trials import child, text, trial


def shown(group):
    return type(group).__name__, list(vars(group).items())


class Named(TaskGroup):
    def __init__(self, name):
        super().__init__()
        self.name = name


class Plain(TaskGroup):
    pass


class Before(TaskGroup):
    def __init__(self):
        self.first = 1
        TaskGroup.__init__(self)


@trial
async def new_ones():
    print(shown(TaskGroup()), TaskGroup())
    one, other = TaskGroup(), asyncio.TaskGroup()
    print(one._tasks is other._tasks, one._errors is other._errors, one == other)
    print(sys.getrefcount(one), sys.getrefcount(one._tasks), sys.getrefcount(one._errors))
    print(shown(functools.partial(TaskGroup)()))
    nothing = {}
    print(shown(type.__call__(TaskGroup)), shown(TaskGroup(*nothing, **nothing)))
    print(inspect.signature(TaskGroup), inspect.signature(TaskGroup.__init__))
    print(shown(copy.copy(one)), vars(TaskGroup.__new__(TaskGroup)))


@trial
async def wrong_calls():
    for call in (
        lambda: TaskGroup(1),
        lambda: TaskGroup(name=1),
        lambda: TaskGroup(1, 2, name=3),
        lambda: TaskGroup.__init__(),
        lambda: TaskGroup.__init__(TaskGroup(), 1),
        lambda: Named(),
        lambda: Plain(1),
        lambda: type.__call__(TaskGroup, 1),
    ):
        try:
            print(call())
        except TypeError as error:
            print(text(error))


@trial
async def subclasses():
    print(shown(Named("n")), shown(Plain()), shown(Before()))
    again = TaskGroup()
    again._entered = again.other = True
    print(TaskGroup.__init__(again), shown(again))


@trial
async def with_another_init():
    usual = TaskGroup.__init__

    def init(self, *args):
        usual(self)
        self.args = args

    TaskGroup.__init__ = init
    try:
        print(shown(TaskGroup()), shown(TaskGroup(1)), shown(Plain(2)))
    finally:
        TaskGroup.__init__ = usual
    print(shown(TaskGroup()))


@trial
async def with_another_new():
    made = []

    def new(cls, *args):
        made.append((cls.__name__, args))
        return object.__new__(cls)

    TaskGroup.__new__ = new
    try:
        print(shown(TaskGroup()), shown(Plain()), made)
    finally:
        del TaskGroup.__new__
    print(len(made), shown(TaskGroup()), len(made))


@trial
async def with_watched_attributes():
    names = []

    def watch(self, name, value):
        names.append(name)
        object.__setattr__(self, name, value)

    TaskGroup.__setattr__ = watch
    try:
        TaskGroup()
    finally:
        del TaskGroup.__setattr__
    print(names)
    TaskGroup._errors = property(lambda self: "mine", lambda self, value: names.append(value))
    try:
        print(shown(TaskGroup()), TaskGroup()._errors)
    finally:
        del TaskGroup._errors
    print(names, shown(TaskGroup()))


@trial
async def in_circles():
    group = TaskGroup()
    group.own = [group]
    there = weakref.ref(group)
    print(gc.is_tracked(group))
    del group
    gc.collect()
    print(there())


@trial
async def many():
    for _ in range(300):
        async with TaskGroup() as group:
            group.create_task(child())
    print(list(vars(group)))
