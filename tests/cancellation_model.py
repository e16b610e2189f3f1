"""What the records of cancellations have to say, worked out without stook.

A small model of tasks that wait for each other: who is asked to cancel, what that leads to, and
what each of them then catches. It is written from what asyncio promises and from the meaning of a
record, and knows no function of stook's.
"""

import inspect
import sys
from asyncio import taskgroups, tasks, timeouts
from collections import deque
from typing import NamedTuple

# Whether a timeout counts only the requests since it was entered.
COUNTS_FROM_ENTRY = "_cancelling" in inspect.getsource(timeouts)
# Whether a group takes its own request back before it waits for its tasks: then one that it makes
# while it waits is never taken back.
_GROUP = inspect.getsource(taskgroups)
GROUPS_UNCANCEL_FIRST = _GROUP.index(".uncancel()") < _GROUP.index("while self._tasks")
# Whether a group that has failed asks its task once more to cancel, where somebody else had.
GROUPS_REPEAT = "_parent_task.cancelling()" in _GROUP
# Whether a block that a class derived from CancelledError is raised in counts as cancelled; else it
# has failed, or is not known to be over time.
BLOCKS_TAKE_DERIVED = "issubclass(et, " in _GROUP
# Whether with the last request that is taken back a cancellation that is due goes too.
UNCANCELS_WHAT_IS_DUE = "_must_cancel" in inspect.getsource(tasks._PyTask.uncancel)
# Whether what `wait_for` is given gets a task of its own.
WAITS_IN_A_TASK = sys.version_info < (3, 12)
# So many of its own requests a task knows again.
REMEMBERED = 9
# So many of them are kept until they are raised.
KEPT = 8


class Seen(NamedTuple):
    """One record of a chain, as it is compared."""

    kind: str
    who: str | None
    line: int | None
    reason: object


class Record:
    """A request, and the one it follows from."""

    def __init__(self, kind, who, line, reason=None, cause=None):
        self.step = Seen(kind, who, line, reason)
        self.cause = cause

    def steps(self):
        """Return it and all that it follows from."""
        steps, record = [], self
        while record:
            steps.append(record)
            record = record.cause
        return steps

    def chain(self):
        """Return what these say."""
        return tuple(record.step for record in self.steps())

    def leads_to(self, other):
        """Tell whether it follows from another one, or is it."""
        return other in self.steps()

    def then(self, kind, who, line=None):
        """Return what follows from it."""
        return Record(kind, who, line or self.step.line, None, self)


def different(told, others):
    """Return those that are of other requests than the one told, each once."""
    known, left = {told.chain()}, []
    for other in others:
        if other.chain() not in known:
            known.add(other.chain())
            left.append(other)
    return tuple(left)


def follows(record, others):
    """Tell whether a record follows from one of others, and is none of them."""
    return record is not None and any(other in record.steps()[1:] for other in others)


class Frame:
    """A coroutine of a task that is waiting."""

    def __init__(self, node):
        self.node = node
        self.kind = node.kind
        self.children = []
        self.raising = None  # A cancellation, after the block of a group or a wait has ended.
        self.aborted = False
        self.ending = False  # The block of a group, or a wait, is over but for its tasks.
        self.parent_asked = False
        self.failed = False
        self.expired = False
        self.base = 0
        self.cleaning = 0
        self.decider = None  # Of a race: who has ended first.
        self.heard = 0  # How many of a race or a group are known to have ended.
        self.asked = False  # Of a race: the others; of a token's block: its task.
        self.leaving = None  # How a token's block was left, while it waits for a request.


class Task:
    """A task."""

    def __init__(self, name, number):
        self.name = name
        self.number = number
        self.frames = []
        self.wait = None  # What it waits for: a kind, and whom.
        self.wait_line = None
        self.received = []
        self.due = False
        self.told = None
        self.told_own = []
        self.told_last = None  # What a step was told last, and whether that was its own.
        self.told_mine = False
        self.tells_of_child = False  # It was not told by a step, but asked a child for its result.
        self.told_others = ()
        self.raises_derived = False  # A ChildCancelled; once it is done, one that nobody was given.
        self.cancelling = 0
        self.done = None
        self.waiters = []
        self.scheduled = False

    def ending(self):
        """Return what the cancellation that it ended by is to the next who asks for its result."""
        derived, self.raises_derived = self.raises_derived, False
        return self.told, self.told_others, derived


class Gather:
    """Tasks that are waited for together."""

    def __init__(self, waiter, children):
        self.waiter = waiter
        self.children = children
        self.heard = 0
        self.asked = False
        self.done = False


class Model:
    """All tasks of one program."""

    def __init__(self, way, lines):
        self.knows_timers = way in ("stook", "loop_factory")
        self.knows_futures = self.knows_timers
        self.lines = lines
        self.tasks = {}
        self.unnamed = []
        self.ready = deque()
        self.seen = []
        self.frames = {}
        self.registered = {}  # What each token cancels, in order.

    # What happens.

    def start(self, node, source=None):
        """Start a task of a node."""
        task = Task(f"t{node.number}", node.number)
        if source is not None:
            self.registered.setdefault(source, []).append((task, None))
        self.tasks[node.number] = task
        self.ready.append((self.begin, task, node))
        return task

    def begin(self, task, node):
        """Make the first step."""
        if task.due:
            task.due = False
            self.told(task, None)
            return self.end(task, "cancelled")
        return self.enter(task, node)

    def rest(self):
        """Go on until nothing moves."""
        while self.ready:
            function, *arguments = self.ready.popleft()
            function(*arguments)

    def cancel(self, number, kind, who, line, reason):
        """Somebody asks a task to cancel."""
        self.ask(self.tasks[number], Record(kind, who, line, reason))

    def expire(self, number, line):
        """A timeout expires."""
        task, frame = self.frames[number]
        frame.expired = True
        if not self.knows_timers:
            line = task.wait_line
        self.ask(task, Record("timeout", None, line))

    def fail(self, number, _line):
        """One of a group is told to fail."""
        task, _ = self.frames[number]
        self.ready.append((self.leave, task, "failed"))
        task.scheduled = True

    def fire(self, source, who, line, reason):
        """Somebody cancels a token."""
        record = Record("token", who, line, reason)
        for task, frame in self.registered.pop(source):
            if frame is None:
                self.ask(task, record)
            elif frame in task.frames:
                frame.asked = True
                self.ask(task, record)

    def fireable(self):
        """Return the tokens that have something to cancel."""
        return sorted(self.registered)

    def let_end(self, number):
        """A leaf is told to return."""
        task, _ = self.frames[number]
        self.wake(task, "ok")

    def shut_down(self, line):
        """The run of the loop ends: all tasks are asked, those that have a number first."""
        # One statement that asks many makes one record.
        record = Record("shutdown", None, line)
        for number in sorted(self.alive()):
            self.ask(self.tasks[number], record)
        for task in self.unnamed:
            self.ask(task, record)

    def ask_itself(self, number, line, reason):
        """A leaf asks its own task to cancel, and waits."""
        task, _ = self.frames[number]
        self.ask(task, Record("explicit", task.name, line, reason))

    def wakeable(self):
        """Return the numbers of the leaves that wait for a future."""
        return [
            number
            for number, (task, frame) in self.frames.items()
            if task.frames
            and task.frames[-1] is frame
            and frame.node.kind == frame.kind == "leaf"
            and frame.node.leaf == "future"
            and not frame.cleaning
        ]

    def alive(self):
        """Return the numbers of the tasks that are not done."""
        return [task.number for task in self.tasks.values() if not task.done]

    def expirable(self):
        """Return the numbers of the timeouts that can expire."""
        return [
            number
            for number, (task, frame) in self.frames.items()
            if frame.kind == "timeout" and frame in task.frames and not frame.expired
        ]

    def failable(self):
        """Return the numbers of the leaves that may fail: those that are a task of a group."""
        return [
            number
            for number, (task, frame) in self.frames.items()
            if task.frames == [frame]
            and frame.kind == "leaf"
            and frame.node.kind == "leaf"
            and frame.node.leaf == "future"
            and any(kind == "group" for kind, *_ in task.waiters)
        ]

    # How requests go on.

    def ask(self, task, record):
        """Ask a task to cancel."""
        if task.done:
            return False
        task.cancelling += 1
        # The last one stands for all beyond those that are kept.
        task.received[KEPT - 1 :] = []
        task.received.append(record)
        if task.scheduled or not task.wait or not self.pass_on(task, record):
            task.due = True
        return True

    def pass_on(self, task, record):
        """Ask what a task waits for; tell whether that has taken the request."""
        kind, *whom = task.wait
        if kind in ("future", "group", "shield", "wait_for", "race"):
            self.wake(task, "cancelled", record if self.knows_futures else None)
            return True
        if kind == "task":
            return self.ask(whom[0], record.then("parent cancelled", task.name))
        gather = whom[0]
        if gather.done:
            return False
        common = record.then("group", record.step.who)
        taken = [self.ask(child, common) for child in gather.children]
        if any(taken):
            gather.asked = True
        return any(taken)

    def wake(self, task, how, *told):
        """Let a task go on in the next turn."""
        task.scheduled = True
        self.ready.append((self.resume, task, how, *told))

    def told(self, task, record, others=(), derived=False):
        """Decide what a task is told of when a cancellation is raised in it."""
        received, task.received = task.received, []
        task.due = task.tells_of_child = False
        task.raises_derived = derived
        task.told_mine = bool(received)
        if not received:
            task.told, task.told_others = task.told_last, _ = record, others
            own = task.told_own[-1:]
            task.told_mine = task.cancelling > 0 and follows(record, own)
            return
        steps = record.steps() if record else []
        of = [step for step in steps if step in received]
        first = of[0] if of else received[0]
        others = [own for own in received if own is not first]
        task.told_own = (task.told_own + others + [first])[-REMEMBERED:]
        task.told = first
        task.told_others = tuple(own for own in received if own is not first)
        if record and not of:
            # What it waited for was cancelled by somebody else.
            task.told, task.told_others = record, tuple(received)
        task.told_others = different(task.told, task.told_others)
        task.told_last = task.told

    # How tasks go on.

    def resume(self, task, how, *told):
        """Make a step."""
        task.scheduled = False
        task.wait = None
        if how == "cancelled" or task.due:
            self.told(task, *(told if how == "cancelled" else (None,)))
            how = "cancelled"
        else:
            task.received = []
        self.leave(task, how)

    def wait_on(self, task, kind, *whom, line):
        """Wait; at once cancelled where that is due."""
        task.wait = (kind, *whom)
        task.wait_line = self.lines.get(line)
        if task.due:
            task.due = not self.pass_on(task, task.received[-1])

    def enter(self, task, node, kind=None):
        """Run a coroutine until it waits."""
        frame = Frame(node)
        frame.kind = kind or node.kind
        frame.base = task.cancelling
        task.frames.append(frame)
        self.frames[node.number] = (task, frame)
        kind = frame.kind
        if kind == "leaf":
            return self.wait_on(task, "future", line=f"leaf {node.leaf}")
        first, *_ = node.parts
        if kind == "block":
            self.registered.setdefault(node.source, []).append((task, frame))
        if kind in ("direct", "timeout", "block") or (kind == "wait_for" and not WAITS_IN_A_TASK):
            return self.enter(task, first)
        if kind in ("await", "token"):
            child = self.start(first, node.source if kind == "token" else None)
            child.waiters.append(("task", task))
            return self.wait_on(task, "task", child, line=kind)
        if kind == "race":
            frame.children = [self.start(part) for part in node.parts]
            for child in frame.children:
                child.waiters.append(("race", task, frame))
            return self.wait_on(task, "race", line="race")
        if kind == "gather":
            gather = Gather(task, [self.start(part) for part in node.parts])
            for child in gather.children:
                child.waiters.append(("gather", gather))
            return self.wait_on(task, "gather", gather, line="gather")
        if kind == "shield":
            child = self.start(first)
            child.waiters.append(("shield", task, frame))
            return self.wait_on(task, "shield", line="shield")
        if kind == "wait_for":
            child = Task("?", None)
            self.unnamed.append(child)
            self.ready.append((self.begin, child, first))
            child.waiters.append(("wait_for", task, frame))
            frame.children = [child]
            return self.wait_on(task, "wait_for", line="wait_for")
        rest = node.parts[1:] or node.parts
        for part in rest:
            child = self.start(part)
            child.waiters.append(("group", task, frame))
            frame.children.append(child)
        if node.parts[1:]:
            return self.enter(task, first)
        return self.leave_group(task, frame, "ok")

    def leave(self, task, how):
        """The newest coroutine of a task goes on, or what it called has ended."""
        frame = task.frames[-1]
        if how == "failed":
            task.frames.pop()
            return self.end(task, "failed")
        if frame.cleaning:
            return self.clean(task, frame, how)
        if frame.kind == "group":
            return self.leave_group(task, frame, how)
        if frame.kind == "wait_for" and WAITS_IN_A_TASK:
            return self.leave_wait_for(task, frame, how)
        if frame.kind == "race":
            return self.leave_race(task, frame, how)
        if frame.kind == "block" and frame.asked:
            return self.leave_block(task, frame, how)
        if frame.kind == "timeout" and frame.expired:
            self.uncancel(task)
            least = frame.base if COUNTS_FROM_ENTRY else 0
            is_known = BLOCKS_TAKE_DERIVED or not task.raises_derived
            if how == "cancelled" and is_known and task.cancelling <= least:
                self.seen.append((frame.node.number, "timeout", self.view(task)))
                how = "ok"
        return self.leave_scope(task, frame, how)

    def view(self, task):
        """Return what the record of a task's cancellation says now."""
        if task.told is None:
            return None
        return task.told.chain(), tuple(other.chain() for other in task.told_others)

    def is_mine(self, task):
        """Tell whether the cancellation that is going on is of the task's own request."""
        if task.told is task.told_last and not task.tells_of_child:
            return task.told_mine
        told = (task.told, *task.told_others) if task.told else ()
        may_be_own = told[1:] if task.tells_of_child else told
        is_own = any(record in task.told_own for record in may_be_own)
        stands = task.cancelling > 0
        return is_own or (stands and any(follows(record, task.told_own) for record in told))

    def leave_scope(self, task, frame, how):
        """A coroutine has ended but for what it does when it is cancelled."""
        if how == "cancelled":
            self.seen.append((frame.node.number, self.view(task), self.is_mine(task)))
            reaction = frame.node.reaction
            if reaction == "swallow":
                how = "ok"
            elif reaction == "again" and frame.kind != "leaf":
                task.frames.pop()
                return self.enter(task, frame.node, "leaf")
            elif reaction == "cleanup":
                frame.cleaning = 3
                return self.clean(task, frame, "ok")
        return self.leave_frame(task, how)

    def leave_frame(self, task, how):
        """A coroutine has ended."""
        task.frames.pop()
        if task.frames:
            return self.leave(task, how)
        return self.end(task, how)

    def clean(self, task, frame, how):
        """A coroutine sleeps for two turns and raises its cancellation again, or a newer one."""
        frame.cleaning -= 1
        if how == "cancelled" or not frame.cleaning:
            return self.leave_frame(task, "cancelled")
        task.wait = None
        task.scheduled = True
        self.ready.append((self.resume, task, "ok"))
        return None

    def uncancel(self, task):
        """A request is taken back."""
        task.cancelling -= 1
        if UNCANCELS_WHAT_IS_DUE and not task.cancelling:
            task.due = False

    def from_task(self, task, line):
        """Return the request of a task that is cancelled itself."""
        if task.told is None:
            return Record("parent cancelled", task.name, line)
        return task.told.then("parent cancelled", task.name, line)

    def abort(self, frame, record):
        """Ask the tasks of a group to cancel."""
        frame.aborted = True
        for child in frame.children:
            self.ask(child, record)

    def leave_group(self, task, frame, how):
        """The block of a group has ended, or one of its tasks has."""
        if how == "cancelled" and not frame.ending:
            frame.failed |= task.raises_derived and not BLOCKS_TAKE_DERIVED
        if how == "cancelled" and not (frame.ending and frame.aborted):
            frame.raising = (task.told, task.told_others, task.raises_derived)
        if GROUPS_UNCANCEL_FIRST and frame.parent_asked and not frame.ending:
            self.uncancel(task)
        frame.ending = True
        if how == "cancelled" and not frame.aborted:
            line = self.lines["group"]
            self.abort(frame, self.from_task(task, line))
        if frame.heard < len(frame.children):
            return self.wait_on(task, "group", line="group")
        if frame.parent_asked and not GROUPS_UNCANCEL_FIRST:
            self.uncancel(task)
        how = "ok"
        if frame.failed and GROUPS_REPEAT and task.cancelling > 0:
            others = [own for own in task.told_own if own.step.kind != "sibling failed"]
            task.received.append(others[-1] if others else task.told)
            task.due = True
        if frame.raising and not frame.failed:
            task.told, task.told_others, task.raises_derived = frame.raising
            how = "cancelled"
        return self.leave_scope(task, frame, how)

    def leave_wait_for(self, task, frame, how):
        """What is waited for has ended, or the wait was cancelled."""
        (child,) = frame.children
        if how == "cancelled" and frame.raising:
            # Cancelled once more: it waits for nothing any longer.
            return self.leave_scope(task, frame, how)
        if how == "cancelled" and not child.done:
            frame.raising = (task.told, task.told_others)
            line = self.lines["wait_for"]
            self.ask(child, self.from_task(task, line))
            return self.wait_on(task, "wait_for", line="wait_for")
        if how == "cancelled":
            # What it waits for has ended meanwhile: that counts.
            how = "ok" if child.done == "ok" else self.replace_own(task, child)
        elif frame.raising:
            task.told, task.told_others = frame.raising
            how = "cancelled"
        elif child.done == "cancelled":
            # Raised by the result of what was waited for, not by a step.
            task.told, task.told_others, task.raises_derived = child.ending()
            task.tells_of_child = True
            how = "cancelled"
        return self.leave_scope(task, frame, how)

    def leave_race(self, task, frame, how):
        """The first has ended, or all have, or the race was cancelled."""
        if how == "cancelled" and not frame.raising:
            frame.raising = (task.told, task.told_others)
        left = frame.heard < len(frame.children)
        if left and not frame.asked:
            frame.asked = True
            self.ask_losers(task, frame)
        if left:
            return self.wait_on(task, "race", line="race")
        how = "ok"
        if frame.raising:
            task.told, task.told_others = frame.raising
            how = "cancelled"
        elif frame.decider.done == "cancelled":
            task.told, task.told_others, _ = frame.decider.ending()
            task.raises_derived = task.tells_of_child = True
            how = "cancelled"
        return self.leave_scope(task, frame, how)

    def ask_losers(self, task, frame):
        """Ask those of a race that have not ended to cancel."""
        if not frame.raising:
            record = Record("lost race", task.name, self.lines["race"])
        elif task.told is None:
            record = Record("parent cancelled", task.name, self.lines["race"])
        else:
            record = task.told.then("parent cancelled", task.name)
        for child in frame.children:
            self.ask(child, record)

    def leave_block(self, task, frame, how):
        """The block of a token that was cancelled has ended."""
        if frame.leaving:
            before, told = frame.leaving
            if how == "cancelled" and before == "cancelled" and task.cancelling <= frame.base + 1:
                task.told, task.told_others, task.raises_derived = told
            if how != "cancelled":
                how = before
        elif task.due:
            # It waits for the request, which is for the block and not for what is after it.
            frame.leaving = (how, (task.told, task.told_others, task.raises_derived))
            task.wait = None
            task.scheduled = True
            self.ready.append((self.resume, task, "ok"))
            return None
        self.uncancel(task)
        return self.leave_scope(task, frame, how)

    def replace_own(self, task, child):
        """A task raises what a child has ended by in the place of its own cancellation."""
        own = task.told
        task.told, task.told_others, task.raises_derived = child.ending()
        task.tells_of_child = True
        if not self.is_mine(task) and task.cancelling > 0:
            if task.told is not None and task.told.chain() == own.chain():
                task.told, task.tells_of_child = own, False
            task.told_others = different(task.told, (own, *task.told_others))
        return "cancelled"

    def end(self, task, how):
        """A task has ended: who waits for it goes on."""
        if how == "ok" and task.due:
            task.due = False
            self.told(task, None)
            how = "cancelled"
        task.done = how
        for waiter in task.waiters:
            self.ready.append((self.ended, task, *waiter))

    def ended(self, child, kind, *waiter):
        """Somebody who waits for a task hears that it has ended."""
        if kind == "task":
            self.resume(waiter[0], child.done, *child.ending())
        elif kind == "gather":
            self.gathered(child, waiter[0])
        elif kind == "shield":
            task, frame = waiter
            waits = task.wait and task.wait[0] == "shield" and task.frames[-1] is frame
            if waits and not task.scheduled:
                told = (child.told, child.told_others) if self.knows_futures else (None,)
                self.wake(task, child.done, *told)
        elif kind == "race":
            task, frame = waiter
            decides = frame.decider is None
            frame.decider = frame.decider or child
            frame.heard += 1
            over = frame.heard == len(frame.children)
            if frame in task.frames and task.wait and not task.scheduled and (decides or over):
                self.wake(task, "ok")
        elif kind == "wait_for":
            task, frame = waiter
            if frame in task.frames and task.wait and not task.scheduled:
                self.wake(task, "ok")
        else:
            self.group_heard(child, *waiter)

    def gathered(self, child, gather):
        """One of those that were gathered has ended."""
        gather.heard += 1
        if gather.done:
            return
        if child.done == "cancelled":
            gather.done = True
            self.wake(gather.waiter, "cancelled", *child.ending())
        elif gather.heard == len(gather.children):
            gather.done = True
            self.wake(gather.waiter, "cancelled" if gather.asked else "ok", None)

    def group_heard(self, child, task, frame):
        """One of a group has ended."""
        if frame not in task.frames:
            return
        frame.heard += 1
        if child.done == "failed":
            frame.failed = True
            if not frame.aborted and not frame.parent_asked:
                record = Record("sibling failed", child.name, self.lines["fail"])
                self.abort(frame, record)
                frame.parent_asked = True
                self.ask(task, record)
                return
        if frame.ending and frame.heard == len(frame.children) and not task.scheduled:
            self.wake(task, "ok")
