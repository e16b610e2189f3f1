"""Record what the running CPython does in small random programs.

``replay.rs`` runs the same programs on the kernel's machines and compares. Print a recording anew
with the interpreter to be recorded, and keep it beside this file as ``cpython-<version>.txt``::

    python record.py > cpython-3.13.txt

A line is a program: what it is about, its setting, then operations, each with what was seen after
it. The programs are the same every time and for every version. Letters:

- A *child* is a future. It is plain (``p``), or its ``cancel()`` accepts and changes nothing
  (``s``, as a task's may), refuses (``n``), or refuses once and then accepts and changes nothing
  (``a``); ``d`` and ``D`` are plain ones that have a result or an exception before the program
  begins.
- ``r0`` ``e0`` ``i0`` ``c0``: child 0 gets a result, an exception, a ``KeyboardInterrupt``, is
  cancelled. ``x``: the gather or the task is asked to cancel. ``u``: the task's ``uncancel()``.
  ``t``: one turn of the loop. ``o``: the deadline passes. ``blocks.py`` has more.
- In what is seen: the operation's own result (``T``, ``F``, a number, ``I`` for an invalid state),
  then the state; ``-`` is pending, ``R``, ``E``, ``C`` are ended with a result, an exception, a
  cancellation. Marks are 1 where an exception is not yet retrieved.
"""

import asyncio
import random
import sys
import warnings

from blocks import GroupProgram, TimeoutProgram
from children import DEADLINE, VirtualLoop, draw_operation, end, make_child, marks, seen

PROGRAMS = 150
"""Programs of each kind."""


class GatherProgram:
    """A gather of up to three children, some of them given twice."""

    def __init__(self, loop, mode, kinds, order):
        self.children = [make_child(kind, loop) for kind in kinds]
        self.outer = asyncio.gather(
            *(self.children[int(number)] for number in order),
            return_exceptions=mode == "return",
        )
        self.loop = loop

    @staticmethod
    def draw(chance):
        """Return the setting and the operations of a random program."""
        count = chance.randint(1, 3)
        kinds = "".join(chance.choice("pppssnadD") for _ in range(count))
        order = [*range(count), *(chance.randrange(count) for _ in range(chance.randint(0, 1)))]
        chance.shuffle(order)
        setting = [chance.choice(["propagate", "return"]), kinds, "".join(map(str, order))]
        return setting, [draw_operation(chance, count, "xttt") for _ in range(count + 6)]

    def perform(self, operation):
        """Perform one operation and return what it returned."""
        if operation == "x":
            return "FT"[self.outer.cancel(msg="g")]
        if operation == "t":
            return self.loop.turn() or ""
        return end(self.children[int(operation[1])], operation[0], operation[1])

    def observe(self):
        """Return the state: the outer future, the children, their marks."""
        outer = seen(self.outer)
        if outer == "E":
            outer = describe(self.outer.exception())
        elif outer == "R":
            outer = "[" + ",".join(map(describe, self.outer.result())) + "]"
        return [outer, "".join(map(seen, self.children)), marks(self.children)]


def describe(result):
    """Return a letter for a result of a gather, and the message of a cancellation."""
    if isinstance(result, asyncio.CancelledError):
        return "C" + "".join(filter(None, result.args))
    return "R" if result is None else "E" + "".join(result.args)


class WaitProgram:
    """A task that waits for up to three children, perhaps not forever."""

    def __init__(self, loop, when, patience, kinds):
        self.children = [make_child(kind, loop) for kind in kinds]
        self.loop = loop
        self.task = loop.create_task(
            asyncio.wait(
                self.children,
                return_when={
                    "first": asyncio.FIRST_COMPLETED,
                    "exception": asyncio.FIRST_EXCEPTION,
                    "all": asyncio.ALL_COMPLETED,
                }[when],
                timeout=None if patience == "forever" else DEADLINE,
            )
        )
        loop.turn()

    @staticmethod
    def draw(chance):
        """Return the setting and the operations of a random program."""
        count = chance.randint(1, 3)
        kinds = "".join(chance.choice("psn") for _ in range(count))
        setting = [
            chance.choice(["first", "exception", "exception", "all"]),
            chance.choice(["forever", "deadline"]),
            kinds,
        ]
        return setting, [draw_operation(chance, count, "xottt") for _ in range(count + 5)]

    def perform(self, operation):
        """Perform one operation and return what it returned."""
        if operation == "x":
            return "FT"[self.task.cancel()]
        if operation == "o":
            self.loop.now += 10 * DEADLINE
            return ""
        if operation == "t":
            return self.loop.turn() or ""
        return end(self.children[int(operation[1])], operation[0], operation[1])

    def observe(self):
        """Return the state: the task, the children it found done, the children, their marks."""
        task = seen(self.task)
        found = ""
        if task == "R":
            done, _ = self.task.result()
            found = "".join(
                str(number) for number, child in enumerate(self.children) if child in done
            )
        return [task, found, "".join(map(seen, self.children)), marks(self.children)]


class TaskProgram:
    """A task that follows a script while it is asked to cancel.

    A script's words: ``0`` awaits that child, ``y`` yields once, ``k`` has the task ask itself to
    cancel, ``u`` takes a request back; ``!`` after a word swallows what it raises. The last word is
    ``.`` (return) or ``^`` (raise).
    """

    def __init__(self, loop, script, kinds):
        self.children = [make_child(kind, loop) for kind in kinds]
        self.loop = loop
        self.log = []
        self.task = loop.create_task(self.follow(script))

    @staticmethod
    def draw(chance):
        """Return the setting and the operations of a random program."""
        count = 2
        words = [
            chance.choice(["0", "1", "0", "1", "y", "k", "u"]) + chance.choice(["", "!", "!"])
            for _ in range(chance.randint(1, 5))
        ]
        script = "".join([*words, chance.choice("..^")])
        kinds = "".join(chance.choice("ppsna") for _ in range(count))
        operations = [draw_operation(chance, count, "xxxutttt") for _ in range(9)]
        return [script, kinds], operations

    async def follow(self, script):
        """Do what the script says, and log what comes of each word."""
        for index, word in enumerate(script[:-1]):
            if word == "!":
                continue
            try:
                await self.obey(word)
            except (asyncio.CancelledError, ValueError) as error:
                self.log.append(word + ("E" if isinstance(error, ValueError) else "C"))
                if script[index + 1] != "!":
                    raise
            else:
                self.log.append(word)
        if script[-1] == "^":
            raise ValueError

    async def obey(self, word):
        """Do one word of the script."""
        if word == "y":
            await asyncio.sleep(0)
        elif word == "k":
            self.task.cancel()
        elif word == "u":
            self.task.uncancel()
        else:
            await self.children[int(word)]

    def perform(self, operation):
        """Perform one operation and return what it returned."""
        if operation == "x":
            return "FT"[self.task.cancel()]
        if operation == "u":
            return str(self.task.uncancel())
        if operation == "t":
            return self.loop.turn() or ""
        return end(self.children[int(operation[1])], operation[0], operation[1])

    def observe(self):
        """Return the state: the task, its requests, what it did in this operation, the children."""
        done, self.log[:] = "".join(self.log), []
        requests = f"{self.task.cancelling()}{'due' if self.task._must_cancel else ''}"
        return [seen(self.task), requests, done, "".join(map(seen, self.children))]


def record(kind, program, chance):
    """Run one random program and return its line."""
    setting, operations = program.draw(chance)
    loop = VirtualLoop()
    loop.set_exception_handler(lambda *_: None)
    try:
        asyncio.set_event_loop(loop)
        running = program(loop, *setting)
        line = [kind, *setting, "start=" + "/".join(["", *running.observe()])]
        for operation in operations:
            returned = running.perform(operation)
            line.append(f"{operation}=" + "/".join([returned, *running.observe()]))
        del running
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return " ".join(line)


def main():
    """Print a recording of the running interpreter."""
    # Some programs end before their task's first step.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
    # Some never end, and a group that is closed goes on waiting for its children.
    sys.unraisablehook = lambda _: None
    print("# CPython", ".".join(map(str, sys.version_info[:3])))
    programs = {
        "gather": GatherProgram,
        "wait": WaitProgram,
        "task": TaskProgram,
        "group": GroupProgram,
        "timeout": TimeoutProgram,
    }
    for kind, program in programs.items():
        chance = random.Random(kind)
        for _ in range(PROGRAMS):
            print(record(kind, program, chance))


if __name__ == "__main__":
    main()
