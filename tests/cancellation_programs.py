"""Random programs in which every cancellation is known beforehand.

A program is a few trees of tasks that wait for each other in all the ways there are. When nothing
moves any more, something happens: a task is cancelled with a reason of its own, a timeout expires,
one of a group fails. Each ``CancelledError`` that is caught is asked for its record, and the record
has to be the one that ``cancellation_model`` has worked out, which knows nothing of stook.

    python tests/cancellation_programs.py --programs 10000 --seed 0 --way all

Lost races, tokens and the end of a loop are not among what happens.
"""

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import traceback

import stook
from cancellation_model import Model, Seen

KINDS = ("leaf", "await", "direct", "gather", "shield", "group", "timeout", "wait_for")
REACTIONS = ("raise", "raise", "raise", "raise", "cleanup", "swallow", "again")
WAYS = ("stook", "loop_factory", "asyncio", "uvloop")
TURNS_TO_REST = 40
LONGEST_SECONDS = 10.0


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

    def __init__(self, number, kind, parts, reaction, leaf):
        self.number = number
        self.kind = kind
        self.parts = parts
        self.reaction = reaction
        self.leaf = leaf

    def __repr__(self):
        more = f" {self.leaf}" if self.kind == "leaf" else ""
        parts = f" {self.parts}" if self.parts else ""
        return f"({self.number} {self.kind}{more} {self.reaction}{parts})"


def grow(draw, counter, depth):
    """Make a random tree."""
    kind = draw.choice(KINDS) if depth else "leaf"
    if kind == "leaf":
        number = 0
    elif kind in ("gather", "group"):
        number = draw.randint(1, 3)
    else:
        number = 1
    parts = [grow(draw, counter, depth - 1) for _ in range(number)]
    counter[0] += 1
    leaf = draw.choice(("future", "sleep", "event", "queue"))
    return Node(counter[0], kind, parts, draw.choice(REACTIONS), leaf)


class Leaf:
    """What a leaf waits for, and what it is told to do then."""

    def __init__(self):
        self.future = asyncio.get_running_loop().create_future()
        self.event = asyncio.Event()


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
        self.with_blocks = set()

    def task(self, node):
        """Start a task for a node."""
        task = asyncio.create_task(self.scope(node), name=f"t{node.number}")
        self.tasks[node.number] = task
        return task

    async def scope(self, node):
        """Run one node, see what it is cancelled with, and react."""
        kind = node.kind
        if kind in ("group", "timeout", "wait_for"):
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
        self.kept[id(error)] = (error, len(self.seen) - 1)
        return is_mine

    async def leaf(self, node):
        """Wait for something that is not going to happen, or for being told to fail."""
        if node.leaf == "future":
            future = asyncio.get_running_loop().create_future()
            self.futures[node.number] = future
            reason = await future  # line: leaf future
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
        except* Failure:
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
        choices += ["ask itself"] * 2
    if model.failable():
        choices += ["fail"] * 3
    what = draw.choice(choices)
    if what == "expire":
        targets = model.expirable()
    elif what == "ask itself":
        targets = model.wakeable()
    elif what == "fail":
        targets = model.failable()
    return what, draw.choice(targets), reason


class Wrong(Exception):
    """A record that says something else than the model."""


def compare(run, model, events):
    """Raise what is different."""
    if sorted(map(repr, run.seen)) != sorted(map(repr, model.seen)):
        only = [f"    stook: {entry}" for entry in run.seen if entry not in model.seen]
        only += [f"    model: {entry}" for entry in model.seen if entry not in run.seen]
        only = only or [f"    stook: {run.seen}", f"    model: {model.seen}"]
        raise Wrong(f"after {events[-1]}, of {events}:\n" + "\n".join(only))


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


async def program(draw, way):
    """Run one random program; return how many cancellations were caught in it."""
    counter = [0]
    roots = [grow(draw, counter, draw.randint(0, 4)) for _ in range(draw.randint(1, 2))]
    run, model, events = Run(), Model(way, LINES), []
    try:
        for root in roots:
            run.task(root)
            model.start(root)
        await rest()
        model.rest()
        for number in range(1, 100):
            event = possible(model, draw, number)
            if event is None:
                break
            events.append(event)
            await happen(run, model, event)
            await rest()
            model.rest()
            compare(run, model, events)
            alive = sorted(number for number, task in run.tasks.items() if not task.done())
            if alive != sorted(model.alive()):
                raise Wrong(f"alive after {events}: {alive}, model: {sorted(model.alive())}")
        for error, index in run.kept.values():
            told = run.seen[index][1]
            if seen(stook.cancellation(error)) != told:
                later = seen(stook.cancellation(error))
                raise Wrong(f"of {events}: later {later}, then {told} ({run.seen[index]})")
    except Exception as error:
        error.add_note(f"the program: {roots}")
        raise
    finally:
        while left := [
            task for task in asyncio.all_tasks() if not task.get_name().startswith("main")
        ]:
            for task in left:
                task.cancel()
            await rest()
        for task in run.every.union(run.tasks.values()):
            task.cancelled() or task.exception()
        run.kept.clear()
    compare_swallowed(run)
    return len(run.seen)


async def until_over(run, event):
    """Wait until a timeout that was made to expire has."""
    what, target, _ = event
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_SECONDS
    while what == "expire" and not run.timeouts[target].expired():
        if loop.time() > end:
            raise Wrong(f"{event} does not come")
        await asyncio.sleep(0)


async def programs(first, count, way, keep_on):
    """Run programs; return how many cancellations were caught, and how many programs were wrong."""
    caught = wrong = 0
    for seed in range(first, first + count):
        try:
            caught += await asyncio.create_task(program(random.Random(seed), way), name="main")
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


def main():
    """Run what the command line asks for; end with 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=200)
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
    with asyncio.Runner(loop_factory=lambda: make_loop(options.way)) as runner:
        work = programs(options.seed, options.programs, options.way, options.keep_on)
        caught, wrong = runner.run(named("main of all", work))
    print(f"{options.way}: {options.programs} programs, {caught} cancellations, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
