"""Private attributes of locks, queues and groups, deleted or set to what asyncio never sets."""

import asyncio
import warnings
from collections import deque

from trials import child, text

ODD = {
    "None": lambda: None,
    "a number": lambda: 0,
    "a list": list,
    "no more": None,
    "text": lambda: "",
    "a set": set,
    "a tuple": tuple,
    "a deque": deque,
    "true": lambda: True,
}


def change(subject, name, value):
    if value is None:
        delattr(subject, name)
    else:
        setattr(subject, name, value())


async def tried(awaitable):
    """Await it, for some turns, and tell how that ended."""
    task = asyncio.ensure_future(awaitable)
    for _turn in range(4):
        if task.done():
            break
        await asyncio.sleep(0)
    else:
        task.cancel()
    try:
        return f"gave {type(await task).__name__}"
    except BaseException as error:
        return text(error)


async def asked(function, *arguments):
    """Call it; whatever it gives that can be awaited is awaited."""
    try:
        answer = function(*arguments)
    except Exception as error:
        return text(error)
    if asyncio.iscoroutine(answer):
        return await tried(answer)
    return f"gave {type(answer).__name__}"


def locked():
    lock = asyncio.Lock()
    lock._locked = True
    return lock


def filled():
    queue = asyncio.Queue(1)
    queue.put_nowait(1)
    return queue


LOCKS = "acquire", "release", "locked", "__aenter__", "__repr__"
WAITS = "wait", "set", "clear", "__repr__"
QUEUES = "get", "get_nowait", "put", "put_nowait", "join", "task_done", "qsize", "empty", "full"

SUBJECTS = {
    "lock": (asyncio.Lock, ("_waiters", "_locked"), LOCKS),
    "locked": (locked, ("_waiters", "_locked"), LOCKS),
    "semaphore": (asyncio.Semaphore, ("_waiters", "_value"), LOCKS),
    "no semaphore": (lambda: asyncio.Semaphore(0), ("_waiters", "_value"), LOCKS),
    "event": (asyncio.Event, ("_waiters", "_value"), WAITS),
    "condition": (asyncio.Condition, ("_waiters", "_lock"), ("wait", "notify", "notify_all")),
    "barrier": (lambda: asyncio.Barrier(2), ("_cond", "_count", "_state"), ("wait", "abort")),
    "queue": (asyncio.Queue, ("_getters", "_putters", "_queue", "_maxsize"), QUEUES),
    "full": (filled, ("_getters", "_putters", "_queue", "_unfinished_tasks"), QUEUES),
    "finished": (filled, ("_finished",), QUEUES),
    "stack": (asyncio.LifoQueue, ("_queue",), QUEUES),
    "heap": (asyncio.PriorityQueue, ("_queue",), QUEUES),
}


async def simple():
    for kind, (make, names, methods) in SUBJECTS.items():
        for name in names:
            for odd, value in ODD.items():
                for method in methods:
                    subject = make()
                    change(subject, name, value)
                    arguments = ("item",) if method.startswith("put") else ()
                    print("---", kind, name, odd, method, end=": ")
                    print(await asked(getattr(subject, method), *arguments))


async def group(name, value, *, waits, when):
    async with asyncio.TaskGroup() as tasks:
        if when == "at once":
            change(tasks, name, value)
        tasks.create_task(child("one", 2))
        if waits == "failing":
            tasks.create_task(child("two", 1, error=ValueError("of a child")))
        if when == "last":
            change(tasks, name, value)


async def groups():
    for name in ("_entered", "_exiting"):
        for odd, value in ODD.items():
            for waits in ("waiting", "failing"):
                for when in ("at once", "last"):
                    print("---", name, odd, waits, when, end=": ")
                    print(await tried(group(name, value, waits=waits, when=when)))
                    for _turn in range(4):
                        await asyncio.sleep(0)


def report(loop, context):
    print("reported", context["message"], text(context.get("exception")))


async def main():
    asyncio.get_running_loop().set_exception_handler(report)
    await simple()
    await groups()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # coroutines that no group has taken
    asyncio.run(main())
