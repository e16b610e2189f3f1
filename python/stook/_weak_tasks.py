"""asyncio's weak set of tasks, into which stook's are put when somebody looks.

Names that a program bound before ``install()``, or uses with stook's loop alone, look for tasks in
a weak set of asyncio's. It keeps them in ``data``, which all its methods read: so what reads that
is shown stook's tasks as well.

DIFFERENCE: the class of asyncio's weak set of tasks (``asyncio.tasks._all_tasks``, from 3.12 on
``_scheduled_tasks``) is a subclass of `weakref.WeakSet`, and of stook's tasks it has those that
were not done when somebody looked.
"""

import weakref

from stook import _platform

_core = _platform.load_core()


def watch():
    """Let stook's tasks wait until somebody looks, if the set is as asyncio made it."""
    tasks = getattr(_core, "_scheduled_tasks", None)
    if tasks is None:
        tasks = _core._all_tasks
    if type(tasks) is not weakref.WeakSet:
        return
    forget = _forgetting(tasks)
    tasks.__class__ = _looked_into(tasks, forget)
    tasks._remove = forget
    _core._watch_tasks()


def _looked_into(tasks, forget):
    """Make the class that has stook's tasks put into ``tasks`` when somebody looks."""
    # A name of its own: the module's is gone while the interpreter ends.
    list_tasks = _core._list_tasks

    def look(weak_set):
        list_tasks(vars(tasks)["data"], forget)
        return vars(weak_set)["data"]

    def keep(weak_set, references):
        vars(weak_set)["data"] = references

    return type("Tasks", (weakref.WeakSet,), {"data": property(look, keep)})


def _forgetting(tasks):
    """Make what takes out of ``tasks`` what has died: nobody looks, so nothing is put in.

    Source:
        ``WeakSet.__init__``, CPython 3.13.
    """

    def forget(reference):
        if tasks._iterating:
            tasks._pending_removals.append(reference)
        else:
            vars(tasks)["data"].discard(reference)

    return forget
