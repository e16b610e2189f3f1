"""Recorded programs about a block: a task that is inside a group or a timeout.

The task follows a script. Its words: ``0`` awaits that child, ``g`` awaits a future nobody else
has, ``y`` yields once, ``k`` has the task ask itself to cancel, ``u`` takes a request back. After a
word, ``!`` swallows what it raises, and ``?`` raises another exception while that is handled. The
last word ends the body: ``.`` returns, ``^`` raises, ``B`` raises a ``KeyboardInterrupt``, ``C`` a
cancellation error, ``S`` one of a derived class. What the block then raises is logged after ``>``.
"""

import asyncio

from children import DEADLINE, draw_operation, end, make_child, seen


class DerivedCancelledError(asyncio.CancelledError):
    """A cancellation error of a class of its own."""


class BlockProgram:
    """A task that follows a script, with a block around the part of it after ``|``."""

    def __init__(self, loop, script, kinds):
        self.children = [make_child(kind, loop, place) for place, kind in enumerate(kinds)]
        self.loop = loop
        self.log = []
        self.task = loop.create_task(self.follow(*script.split("|")))

    async def follow(self, before, body):
        """Do what the script says, and log how the block ends."""
        await self.obey_all(before)
        try:
            async with self.block:
                await self.obey_all(body[:-1])
                self.finish(body[-1])
        except (BaseExceptionGroup, Exception, asyncio.CancelledError, KeyboardInterrupt) as error:
            self.log.append(">" + describe(error))
        else:
            self.log.append(">R")

    async def obey_all(self, words):
        """Do words of the script, and log what comes of each."""
        for index, word in enumerate(words):
            if word in "!?":
                continue
            try:
                await self.obey(word)
            except (Exception, asyncio.CancelledError, KeyboardInterrupt) as error:
                self.log.append(word + ("C" if isinstance(error, asyncio.CancelledError) else "E"))
                after = words[index + 1 : index + 2]
                if after == "?":
                    raise ValueError("b") from None
                if after != "!":
                    raise
            else:
                self.log.append(word)

    async def obey(self, word):
        """Do one word that every script may have."""
        if word == "y":
            await asyncio.sleep(0)
        elif word == "g":
            await self.loop.create_future()
        elif word == "k":
            self.task.cancel()
        elif word == "u":
            self.task.uncancel()
        else:
            await self.children[int(word)]

    def finish(self, word):
        """End the body as its last word says."""
        errors = {
            "^": ValueError,
            "B": KeyboardInterrupt,
            "C": asyncio.CancelledError,
            "S": DerivedCancelledError,
        }
        if word in errors:
            raise errors[word]("b")

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
        """Return the state: the task, its requests, what it did, the block, the children."""
        done, self.log[:] = "".join(self.log), []
        requests = f"{self.task.cancelling()}{'due' if self.task._must_cancel else ''}"
        children = "".join(map(seen, self.children))
        return [seen(self.task), requests, done, self.observe_block(), children]


class GroupProgram(BlockProgram):
    """A task in a group of up to three children.

    ``+``, as a word or an operation, makes the next child a task of the group: ``-`` is that there
    is none, ``N``, ``F``, ``S`` are refusals of a group not entered, finished, shutting down. Marks
    are entered, exiting, aborting, parent cancel requested; tasks and errors are counted.
    """

    def __init__(self, loop, script, kinds):
        self.block = asyncio.TaskGroup()
        super().__init__(loop, script, kinds)
        loop.create_task = self.take_child
        self.spawned = 0

    @staticmethod
    def draw(chance):
        """Return the setting and the operations of a random program."""
        count = chance.randint(1, 3)
        kinds = "".join(chance.choice("pppppsnadD") for _ in range(count))
        words = ["+" * chance.randint(0, count)]
        words += [
            chance.choice("+0gyku" + str(count - 1)) + chance.choice(["", "", "!", "?"])
            for _ in range(chance.randint(0, 3))
        ]
        script = "".join(["|", *words, chance.choice(".....^BCS")])
        operations = [
            draw_operation(chance, count, "xx+uttttttt", "reecci") for _ in range(count + 9)
        ]
        return [script, kinds], operations

    def take_child(self, coroutine, **_):
        """Stand in for the loop's ``create_task``: the next child is the task."""
        coroutine.close()
        self.spawned += 1
        return self.children[self.spawned - 1]

    def spawn(self):
        """Have the group make a task."""
        if self.spawned < len(self.children):
            coroutine = asyncio.sleep(0)
            try:
                self.block.create_task(coroutine)
            finally:
                coroutine.close()

    async def obey(self, word):
        """Do one word."""
        if word == "+":
            self.spawn()
        else:
            await super().obey(word)

    def perform(self, operation):
        """Perform one operation and return what it returned."""
        if operation != "+":
            return super().perform(operation)
        if self.spawned == len(self.children):
            return "-"
        try:
            self.spawn()
        except RuntimeError as error:
            return {"entered": "N", "finished": "F", "down": "S"}[str(error).split()[-1]]
        return ""

    def observe_block(self):
        """Return the group's marks and counts."""
        group = self.block
        marks = [group._entered, group._exiting, group._aborting, group._parent_cancel_requested]
        counts = [len(group._tasks), len(group._errors or ())]
        return ",".join(["".join("01"[mark] for mark in marks), *map(str, counts)])


class TimeoutProgram(BlockProgram):
    """A task in a timeout whose time never comes, comes later, or has come.

    ``m`` and ``p``, as words or operations, move the deadline to later and to the past, operation
    ``n`` takes it away; a refusal tells the state, or ``N`` if it was not entered. Word ``n``
    enters once more. An exception whose context was marked is logged with ``M``.
    """

    def __init__(self, loop, script, deadline, kinds):
        when = {"never": None, "later": DEADLINE, "past": -DEADLINE}[deadline]
        self.block = asyncio.timeout_at(when)
        super().__init__(loop, script, kinds)

    @staticmethod
    def draw(chance):
        """Return the setting and the operations of a random program."""
        count = chance.randint(1, 2)
        kinds = "".join(chance.choice("pppppsna") for _ in range(count))
        words = [chance.choice(["", "g", "g?", "g!", "g!", "g!n", "0", "y"])]
        words += [
            chance.choice("0gyykumpn" + str(count - 1)) + chance.choice(["", "", "!", "?"])
            for _ in range(chance.randint(0, 3))
        ]
        before = chance.choice(["", "", "ky!", "ky!ky!", "yk"])
        script = "".join([before, "|", *words, chance.choice("...^CSS")])
        deadline = chance.choice(["never", "later", "later", "past"])
        others = "xooomnpu" + "t" * 10
        operations = [draw_operation(chance, count, others) for _ in range(count + 9)]
        return [script, deadline, kinds], operations

    def move(self, letter):
        """Move the deadline as the letter says."""
        when = {"m": self.loop.now + DEADLINE, "p": self.loop.now - DEADLINE, "n": None}[letter]
        self.block.reschedule(when)

    async def obey(self, word):
        """Do one word."""
        if word == "n":
            await self.block.__aenter__()
        elif word in "mp":
            self.move(word)
        else:
            await super().obey(word)

    def perform(self, operation):
        """Perform one operation and return what it returned."""
        if operation == "o":
            self.loop.now += 10 * DEADLINE
            return ""
        if operation not in {"m", "n", "p"}:
            return super().perform(operation)
        asyncio._set_running_loop(self.loop)
        try:
            self.move(operation)
        except (RuntimeError, AssertionError) as error:
            words = str(error).split()
            return words[-2] if "state" in words else "N"
        finally:
            asyncio._set_running_loop(None)
        return ""

    def observe_block(self):
        """Return the timeout's state."""
        return self.block._state.value + ("!" if self.block.expired() else "")


def describe(error):
    """Return letters for what a block raised."""
    if isinstance(error, BaseExceptionGroup):
        return "G" + "".join(map(describe_member, error.exceptions))
    if isinstance(error, TimeoutError):
        return "T"
    if isinstance(error, asyncio.CancelledError):
        return "S" if isinstance(error, DerivedCancelledError) else "C"
    if isinstance(error, KeyboardInterrupt):
        return "B" + error.args[0]
    context = error.__context__
    while context is not None and not isinstance(context, TimeoutError):
        context = context.__context__
    return "E" if context is None else "EM"


def describe_member(error):
    """Return a letter for an error in a group."""
    if isinstance(error, ValueError):
        return "".join(error.args) or "D"
    return "S" if isinstance(error, DerivedCancelledError) else "R"
