"""Random programs in which every cancellation is known beforehand.

A program is a few trees of tasks that wait for each other in all the ways there are. When nothing
moves any more, something happens: a task is cancelled with a reason of its own, or a token is, a
timeout expires, one of a group fails, one of a race ends; and sometimes the loop ends with what is
left. Each ``CancelledError`` that is caught is asked for its record, and the record has to be the
one that ``cancellation_model`` has worked out, which knows nothing of stook.

    python tests/cancellation_programs.py --programs 10000 --seed 0 --way all
"""

import argparse
import asyncio
import contextlib
import logging
import random
import subprocess
import sys
import traceback

import stook
from cancellation_model import Model, Seen

KINDS = (
    "leaf",
    "await",
    "direct",
    "gather",
    "shield",
    "group",
    "timeout",
    "wait_for",
    "race",
    "token",
    "block",
)
SOURCES = 2
REACTIONS = ("raise", "raise", "raise", "raise", "cleanup", "swallow", "again")
WAYS = ("stook", "loop_factory", "asyncio", "uvloop")
TURNS_TO_REST = 40
LONGEST_SECONDS = 10.0
ATTEMPTS = 5


def lines():
    """Return the lines of this file that are marked, by their marks."""
    found = {}
    with open(__file__, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            _, mark, name = text.rstrip().rpartition("  # line: ")
            if mark:
                found[name] = number
    return found


LINES = lines()


class Node:
    """One coroutine of a program: how it waits, for what, and what it does when cancelled."""

    def __init__(self, number, kind, parts, reaction, leaf, source):
        self.number = number
        self.kind = kind
        self.parts = parts
        self.reaction = reaction
        self.leaf = leaf
        self.source = source

    def __repr__(self):
        more = f" {self.leaf}" if self.kind == "leaf" else ""
        more += f" {self.source}" if self.kind in ("token", "block") else ""
        parts = f" {self.parts}" if self.parts else ""
        return f"({self.number} {self.kind}{more} {self.reaction}{parts})"


def grow(draw, counter, depth):
    """Make a random tree."""
    kind = draw.choice(KINDS) if depth else "leaf"
    if kind == "leaf":
        number = 0
    elif kind in ("gather", "group", "race"):
        number = draw.randint(1, 3)
    else:
        number = 1
    parts = [grow(draw, counter, depth - 1) for _ in range(number)]
    counter[0] += 1
    leaf = draw.choice(("future", "sleep", "event", "queue"))
    source = draw.randrange(SOURCES)
    return Node(counter[0], kind, parts, draw.choice(REACTIONS), leaf, source)


END = object()  # What a leaf is told that is to return.


class Failure(Exception):
    """What one of a group fails with."""


class Run:
    """One program that runs."""

    def __init__(self):
        self.seen = []
        self.tasks = {}
        self.every = set()
        self.timeouts = {}
        self.futures = {}
        self.kept = {}
        self.went_on = {}
        self.ticks = set()
        self.with_blocks = set()
        self.sources = [stook.CancellationSource() for _ in range(SOURCES)]

    def task(self, node, token=None):
        """Start a task for a node."""
        name = f"t{node.number}"
        if token is None:
            task = asyncio.create_task(self.scope(node), name=name)
        else:
            task = stook.create_task(self.scope(node), name=name, token=token)
        self.tasks[node.number] = task
        return task

    async def scope(self, node):
        """Run one node, see what it is cancelled with, and react."""
        kind = node.kind
        if kind in ("group", "timeout", "wait_for", "block"):
            self.with_blocks.add(asyncio.current_task())
        # Nobody else may hold a task that was waited for no longer.
        self.every.add(asyncio.current_task())
        while True:
            try:
                await getattr(self, kind)(node)
                return
            except asyncio.CancelledError as error:
                is_mine = self.see(node, error)
                if node.reaction in ("swallow", "again"):
                    went_on = self.went_on.setdefault(asyncio.current_task(), [])
                    went_on.append((is_mine, kind))
                if node.reaction == "swallow":
                    return
                if node.reaction == "again" and kind != "leaf":
                    kind = "leaf"
                    continue
                if node.reaction == "cleanup":
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                raise

    def see(self, node, error):
        """Remember what the record says; return whether it is of the task's own request."""
        record = stook.cancellation(error)
        is_mine = record is not None and record.is_mine()
        self.seen.append((node.number, seen(record), is_mine))
        if record is not None:
            record.explain()
            steps = [step for each in (record, *record.others) for step in each.chain]
            self.ticks.update(step.when for step in steps if step.kind == "shutdown")
        self.kept[id(error)] = (error, len(self.seen) - 1)
        return is_mine

    async def leaf(self, node):
        """Wait for something that is not going to happen, or for being told to fail."""
        if node.leaf == "future":
            future = asyncio.get_running_loop().create_future()
            self.futures[node.number] = future
            reason = await future  # line: leaf future
            if reason is END:
                return
            if reason:
                stook.cancel(asyncio.current_task(), reason=reason)  # line: ask itself
                await asyncio.sleep(1000)
            raise Failure(node.number)  # line: fail
        if node.leaf == "sleep":
            await asyncio.sleep(1000)  # line: leaf sleep
        elif node.leaf == "event":
            await asyncio.Event().wait()  # line: leaf event
        else:
            await asyncio.Queue().get()  # line: leaf queue

    async def direct(self, node):
        """Wait for a coroutine."""
        await self.scope(node.parts[0])

    # `await` is no name for a method.
    async def await_(self, node):
        """Wait for a task."""
        task = self.task(node.parts[0])
        await task  # line: await

    async def gather(self, node):
        """Wait for tasks together."""
        tasks = [self.task(part) for part in node.parts]
        await asyncio.gather(*tasks)  # line: gather

    async def shield(self, node):
        """Wait for a task that is not to be cancelled."""
        task = self.task(node.parts[0])
        await asyncio.shield(task)  # line: shield

    async def group(self, node):
        """Have a group: the first part is what its block does, where there are several."""
        first = node.parts[:-1] and node.parts[0]
        rest = node.parts[1:] if first else node.parts
        try:
            async with asyncio.TaskGroup() as group:  # line: group
                for part in rest:
                    task = group.create_task(self.scope(part), name=f"t{part.number}")
                    self.tasks[part.number] = task
                if first:
                    await self.scope(first)
        except BaseExceptionGroup:
            # Of failures or, before CPython 3.13, of a ChildCancelled.
            pass

    async def timeout(self, node):
        """Wait no longer than some time."""
        try:
            async with asyncio.timeout(1000) as timeout:
                self.timeouts[node.number] = timeout
                await self.scope(node.parts[0])
        except TimeoutError as error:
            self.seen.append((node.number, "timeout", seen(stook.cancellation(error))))

    async def wait_for(self, node):
        """The same with the other function."""
        await asyncio.wait_for(self.scope(node.parts[0]), 1000)  # line: wait_for

    async def race(self, node):
        """Wait for the first of several tasks."""
        tasks = [self.task(part) for part in node.parts]
        await stook.race(*tasks)  # line: race

    async def token(self, node):
        """Wait for a task that has a token."""
        task = self.task(node.parts[0], self.sources[node.source].token)
        await task  # line: token

    async def block(self, node):
        """Have a block that has a token."""
        async with self.sources[node.source].token:
            await self.scope(node.parts[0])


setattr(Run, "await", Run.await_)


def seen(record):
    """Return what a record says, as the model has it."""
    if record is None or record.kind == "unknown":
        return None
    return tuple(
        Seen(
            step.kind,
            step.who and ("?" if step.who.name.startswith("Task-") else step.who.name),
            step.where.line if step.where and step.where.file == __file__ else step.where,
            step.reason,
        )
        for step in record.chain
    ), tuple(seen(other)[0] for other in record.others)


async def ask(task, reason):
    """Cancel a task from a task."""
    stook.cancel(task, reason=reason)  # line: ask


def ask_soon(task, reason):
    """Cancel a task from no task."""
    stook.cancel(task, reason=reason)  # line: ask soon


def ask_plainly(task, reason):
    """Cancel a task by its own method."""
    task.cancel(reason)  # line: ask plainly


async def fire(source, reason):
    """Cancel a token from a task."""
    source.cancel(reason)  # line: fire


class Asker:
    """Something that cancels, called by a method of another class."""

    def ask(self, task, reason):
        """Cancel a task from deeper down."""
        helper = lambda: ask_plainly(task, reason)  # noqa: E731
        helper()


async def ask_deeply(task, reason):
    """Cancel a task from a task, some calls deeper."""
    Asker().ask(task, reason)


async def rest():
    """Let everything go on that can."""
    for _ in range(TURNS_TO_REST):
        await asyncio.sleep(0)


async def happen(run, model, event):
    """Let one thing happen, in the program and in the model."""
    what, target, reason = event
    loop = asyncio.get_running_loop()
    if what == "ask":
        await asyncio.create_task(ask(run.tasks[target], reason), name=f"a{reason}")
        model.cancel(target, "explicit", f"a{reason}", LINES["ask"], reason)
    elif what == "ask deeply":
        await asyncio.create_task(ask_deeply(run.tasks[target], reason), name=f"a{reason}")
        model.cancel(target, "explicit", f"a{reason}", LINES["ask plainly"], reason)
    elif what == "ask soon":
        loop.call_soon(ask_soon, run.tasks[target], reason)
        model.cancel(target, "explicit", None, LINES["ask soon"], reason)
    elif what == "ask twice":
        loop.call_soon(ask_soon, run.tasks[target], reason)
        loop.call_soon(ask_plainly, run.tasks[target], -reason)
        model.cancel(target, "explicit", None, LINES["ask soon"], reason)
        model.cancel(target, "explicit", None, LINES["ask plainly"], -reason)
    elif what == "fire":
        await asyncio.create_task(fire(run.sources[target], reason), name=f"a{reason}")
        model.fire(target, f"a{reason}", LINES["fire"], reason)
    elif what == "end":
        run.futures[target].set_result(END)
        model.let_end(target)
    elif what == "expire":
        run.timeouts[target].reschedule(loop.time())  # line: expire
        await until_over(run, event)
        model.expire(target, LINES["expire"])
    elif what == "ask itself":
        run.futures[target].set_result(reason)
        model.ask_itself(target, LINES["ask itself"], reason)
    elif what == "fail":
        run.futures[target].set_result(None)
        model.fail(target, LINES["fail"])


def possible(model, draw, reason):
    """Return something that can happen now, by the model."""
    targets = model.alive()
    if not targets:
        return None
    choices = ["ask", "ask", "ask deeply", "ask soon", "ask twice"]
    if model.expirable():
        choices += ["expire"] * 3
    if model.wakeable():
        choices += ["ask itself"] * 2 + ["end"] * 2
    if model.fireable():
        choices += ["fire"] * 2
    if model.failable():
        choices += ["fail"] * 3
    what = draw.choice(choices)
    if what == "expire":
        targets = model.expirable()
    elif what in ("ask itself", "end"):
        targets = model.wakeable()
    elif what == "fire":
        targets = model.fireable()
    elif what == "fail":
        targets = model.failable()
    return what, draw.choice(targets), reason


class Torn(Exception):
    """The clock that records note has gone on while the end of a loop asked its tasks."""


class Wrong(Exception):
    """A record that says something else than the model."""


def compare_swallowed(run):
    """Raise which task is marked that has let its cancellations out, or not marked that has not.

    Of a task with blocks that take requests back only the first is known.
    """
    for task in run.every:
        record = stook.cancellation(task)
        is_marked = record is not None and record.swallowed is not None
        went_on = run.went_on.get(task, [])
        may_be = not task.cancelled() and task.cancelling() and any(mine for mine, _ in went_on)
        if is_marked and not may_be:
            raise Wrong(f"{task} is marked by {record.explain()}: {went_on}")
        must_be = may_be and task not in run.with_blocks and task.exception() is None
        if must_be and (True, "leaf") in went_on and not is_marked:
            raise Wrong(f"{task} is not marked: {went_on}")


async def play(draw, program):
    """Run a program until nothing can happen any more, or until its loop is to end."""
    run, model, events = program.run, program.model, program.events
    for root in program.roots:
        run.task(root)
        model.start(root)
    await rest()
    model.rest()
    # Who goes on waiting when it is cancelled would do so for ever.
    last = draw.randint(0, 4) if program.can_be_shut_down() else 100
    for number in range(1, 100):
        event = possible(model, draw, number)
        if event is None or number > last:
            break
        events.append(event)
        await happen(run, model, event)
        await rest()
        model.rest()
        program.compare()


class Program:
    """One random program."""

    def __init__(self, draw, way):
        counter = [0]
        self.draw = draw
        self.roots = [grow(draw, counter, draw.randint(0, 4)) for _ in range(draw.randint(1, 2))]
        self.way = way
        self.events = []

    def can_be_shut_down(self):
        """Whether every task of it ends when it is cancelled once."""
        return not any(node.reaction == "again" for root in self.roots for node in every(root))

    def play(self):
        """Run it on a loop of its own; return how many cancellations were caught in it."""
        runner = asyncio.Runner(loop_factory=lambda: make_loop(self.way))
        try:
            runner.run(named("main", self.play_and_stop()))
            if asyncio.all_tasks(runner.get_loop()):
                self.events.append("shutdown")
                with in_order():
                    runner.close()  # line: shutdown
                self.model.shut_down(LINES["shutdown"])
                self.model.rest()
                self.compare_end()
            self.compare_again()
        except Exception as error:
            error.add_note(f"the program: {self.roots}")
            raise
        finally:
            runner.close()
        compare_swallowed(self.run)
        return len(self.run.seen)

    async def play_and_stop(self):
        """Run it until its loop is to end; stop what is left where it is not what was expected."""
        # A future is made on the loop.
        self.run, self.model = Run(), Model(self.way, LINES)
        try:
            await play(self.draw, self)
            if self.can_be_shut_down():
                return
        except Exception:
            await stop_all()
            raise
        await stop_all()

    def compare(self):
        """Raise what is different."""
        run, model, events = self.run, self.model, self.events
        if sorted(map(repr, run.seen)) != sorted(map(repr, model.seen)):
            only = [f"    stook: {entry}" for entry in run.seen if entry not in model.seen]
            only += [f"    model: {entry}" for entry in model.seen if entry not in run.seen]
            only = only or [f"    stook: {run.seen}", f"    model: {model.seen}"]
            raise Wrong(f"after {events[-1]}, of {events}:\n" + "\n".join(only))
        alive = sorted(number for number, task in run.tasks.items() if not task.done())
        if alive != sorted(model.alive()):
            raise Wrong(f"alive after {events}: {alive}, model: {sorted(model.alive())}")

    def compare_end(self):
        """Raise what is different; ``Torn`` where the requests of the end may not pass for one."""
        try:
            self.compare()
        except Wrong:
            if len(self.run.ticks) > 1:
                raise Torn from None
            raise

    def compare_again(self):
        """Raise which exception says something else than when it was caught."""
        kept, self.run.kept = self.run.kept, {}
        for error, index in kept.values():
            told = self.run.seen[index][1]
            later = seen(stook.cancellation(error))
            if later != told:
                raise Wrong(f"of {self.events}: later {later}, then {self.run.seen[index]}")


def every(node):
    """Return a node and all below it."""
    return [node, *(below for part in node.parts for below in every(part))]


async def stop_all():
    """Cancel whatever is left, until nothing is."""
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        await rest()


@contextlib.contextmanager
def in_order():
    """Have the tasks of a loop that ends cancelled in the order of the model."""
    all_tasks = asyncio.tasks.all_tasks

    def place(task):
        name = task.get_name()
        return name.startswith("Task-"), int(name.lstrip("Task-t"))

    asyncio.tasks.all_tasks = lambda loop: sorted(all_tasks(loop), key=place)
    try:
        yield
    finally:
        asyncio.tasks.all_tasks = all_tasks


async def until_over(run, event):
    """Wait until a timeout that was made to expire has."""
    what, target, _ = event
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_SECONDS
    while what == "expire" and not run.timeouts[target].expired():
        if loop.time() > end:
            raise Wrong(f"{event} does not come")
        await asyncio.sleep(0)


def play_whole(seed, way):
    """Run one program, again if it was torn; return how many cancellations were caught in it."""
    for _ in range(ATTEMPTS):
        try:
            return Program(random.Random(seed), way).play()
        except Torn:
            pass
    print(f"seed {seed}: the clock was too fast to compare its end")
    return 0


def programs(first, count, way, keep_on):
    """Run programs; return how many cancellations were caught, and how many programs were wrong."""
    caught = wrong = 0
    for seed in range(first, first + count):
        try:
            caught += play_whole(seed, way)
        except Exception as error:
            wrong += 1
            if wrong < 10:
                print(f"seed {seed}: ", end="")
                if isinstance(error, Wrong):
                    print(error, *getattr(error, "__notes__", ()), sep="\n  ")
                else:
                    traceback.print_exception(error, file=sys.stdout)
            if not keep_on:
                break
    return caught, wrong


async def named(name, work):
    """Do some work as a task of this name."""
    asyncio.current_task().set_name(name)
    return await work


def make_loop(way):
    """Return a loop of one of the ways to use stook."""
    if way in ("stook", "loop_factory"):
        return stook.new_event_loop()
    if way == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.SelectorEventLoop()
    loop.set_task_factory(stook.task_factory)
    return loop


def at_least_one(text):
    """Return the number that the text is: of no program none is wrong."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def main():
    """Run what the command line asks for; end with 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=at_least_one, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=(*WAYS, "all"), default="stook")
    parser.add_argument("--keep-on", action="store_true", help="do not stop at the first")
    options = parser.parse_args()
    if options.way == "all":
        # A process for each: what is installed stays so.
        command = [sys.executable, *sys.argv]
        ended = [subprocess.run([*command, "--way", way], check=False) for way in WAYS]
        return 1 if any(process.returncode for process in ended) else 0
    if options.way == "stook":
        stook.install()
    # In debug mode those who swallow are warned of.
    logging.getLogger("asyncio").addFilter(
        lambda record: "has swallowed a cancellation" not in record.getMessage()
    )
    caught, wrong = programs(options.seed, options.programs, options.way, options.keep_on)
    print(f"{options.way}: {options.programs} programs, {caught} cancellations, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
