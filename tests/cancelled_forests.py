"""Random forests of tasks that wait for each other, cancelled in random ways; prints what is seen.

    python tests/cancelled_forests.py [--forests N] [--seed N] [--look] [--records]
        [--eager] [--loop-factory]

Under stock asyncio and under stook the same has to be printed, and with ``--look``, which looks at
every task after each request, the same as without.
"""

import argparse
import asyncio
import gc
import random
import sys

MESSAGES = (None, None, None, "why", ("any", "object"))
MOST_TASKS = 24


class OwnTask(asyncio.Task):
    """A task of a program's own class, with asyncio's methods."""


class Stubborn(asyncio.Task):
    """A task whose class has a ``cancel`` of its own."""

    def cancel(self, msg=None):
        """Ask as asyncio does."""
        return super().cancel(msg=msg)


class OwnFuture(asyncio.Future):
    """A future of a program's own class."""


class Forest:
    """Tasks, futures and what was seen of them.

    Args:
        rng: Makes every choice, so that the same seed gives the same forest.
        look: Look at all tasks after each request.
        records: Print records of cancellations too, which only stook has.
        eager: Have half of the tasks begin while they are made, from CPython 3.12 on.
    """

    def __init__(self, rng, look, records, eager):
        self.rng = rng
        self.look = look
        self.records = records
        self.eager = eager
        self.loop = asyncio.get_running_loop()
        self.tasks = []
        self.futures = []
        self.gathers = []
        self.makers = []
        self.asked = 0

    def make(self):
        """Make a task that waits for something that there is, or for a new future."""
        name = f"t{len(self.tasks)}"
        patience = self.rng.choice((0, 0, 0, 0, 0, 1, 2))
        asks = self.rng.randrange(4) if self.rng.random() < 0.2 else 0
        coroutine = self.body(name, self.awaitable(), patience, asks)
        make = self.rng.choice((None,) * 8 + (OwnTask, Stubborn))
        eager = self.eager and self.rng.random() < 0.5
        if make is None:
            self.loop.set_task_factory(asyncio.eager_task_factory if eager else None)
            self.tasks.append(self.loop.create_task(coroutine, name=name))
        else:
            options = {"eager_start": True} if eager else {}
            self.tasks.append(make(coroutine, loop=self.loop, name=name, **options))

    def awaitable(self):
        """Return a function that makes what a task waits for, from what there is by now."""
        rng = self.rng
        if not self.tasks or rng.random() < 0.15:
            is_own = rng.random() < 0.1
            future = OwnFuture(loop=self.loop) if is_own else self.loop.create_future()
            self.futures.append(future)
            return rng.choice((lambda: future,) * 5 + (lambda: asyncio.shield(future),))
        # As a rule the newest, so that there are chains.
        known = self.tasks[-1] if rng.random() < 0.7 else rng.choice(self.tasks)
        kind = rng.random()
        # Where one request comes in so many ways, records may tell of a tick of the clock.
        if kind < 0.1 and not self.records:
            number, choice = len(self.tasks), rng.random()
            is_collecting, is_inside = rng.random() < 0.5, rng.random() < 0.3
            return lambda: self.gather_of_another(number, choice, known, is_inside, is_collecting)
        if kind < 0.6:
            return lambda: known
        if kind < 0.9:
            others = rng.sample(self.tasks, min(rng.choice((0, 0, 1, 2)), len(self.tasks)))
            is_collecting, is_nested = rng.random() < 0.5, rng.random() < 0.3
            number = len(self.tasks)
            return lambda: self.gather(number, [known, *others], is_collecting, is_nested)
        if kind < 0.93:
            return lambda: asyncio.shield(known)
        if kind < 0.96:
            return lambda: asyncio.wait_for(known, 3600)
        return lambda: asyncio.sleep(0)

    def gather_of_another(self, number, choice, known, is_inside, is_collecting):
        """Return what a task before this one gathers, by itself or gathered again."""
        others = [
            gathered
            for gathered, maker in zip(self.gathers, self.makers, strict=True)
            if maker < number
        ]
        if not others:
            return known
        other = others[int(choice * len(others))]
        return self.gather(number, [other, known], is_collecting, False) if is_inside else other

    def gather(self, number, awaited, is_collecting, is_nested):
        """Gather these, and the last of them and two futures once more inside."""
        if is_nested:
            futures = [self.loop.create_future() for _ in range(2)]
            self.futures += futures
            inner = asyncio.gather(awaited[-1], *futures)
            self.gathers.append(inner)
            self.makers.append(number)
            awaited = [*awaited, inner]
        gathered = asyncio.gather(*awaited, return_exceptions=is_collecting)
        self.gathers.append(gathered)
        self.makers.append(number)
        return gathered

    async def body(self, name, awaitable, patience, asks):
        """Wait, and again after so many cancellations; at each of these ask so many others."""
        while True:
            try:
                print(name, "got", await awaitable())
            except asyncio.CancelledError as error:
                print(name, "is told", error.args, self.record(error))
                for task in self.tasks[-asks:] if asks else ():
                    self.ask(task, "when told")
                if not patience:
                    raise
                patience -= 1
                if patience:
                    print(name, "takes back", asyncio.current_task().uncancel())
            except Exception as error:
                print(name, "failed", type(error).__name__)
                raise
            else:
                return name

    def record(self, of):
        """Tell the record of something, where there are records."""
        if not self.records:
            return ""
        import stook

        record = stook.cancellation(of)
        if record is None:
            return record
        told = [
            (one.kind, one.who and one.who.name, one.where and one.where.line, one.reason)
            for one in record.chain
        ]
        # Those that say the same are one record, or several if a tick of the clock lies between.
        others = dict.fromkeys(
            (other.kind, other.who and other.who.name, str([one.reason for one in other.chain]))
            for other in record.others
        )
        return told, list(others), record.is_mine()

    def state(self, task):
        """Look at a task."""
        try:
            message = task._cancel_message
        except AttributeError:  # not everywhere readable
            message = None
        state = "cancelled" if task.cancelled() else "done" if task.done() else "pending"
        return state, task.cancelling(), task._must_cancel, message, self.record(task)

    def state_of_gather(self, gathered):
        """Look at what a gather has returned."""
        return gathered.done(), gathered._cancel_requested, self.record(gathered)

    def ask(self, task, message):
        """Ask a task to cancel; where there are records, each request has a reason of its own."""
        if self.records:
            import stook

            self.asked += 1
            print(
                "ask", self.asked, task.get_name(), stook.cancel(task, message, reason=self.asked)
            )
        else:
            print("ask", task.get_name(), task.cancel(message))
        if self.look:
            for task in self.tasks:
                self.state(task)
            for gathered in self.gathers:
                self.state_of_gather(gathered)

    async def play(self):
        """Make a forest and do things to it."""
        rng = self.rng
        for _ in range(rng.randrange(2, MOST_TASKS)):
            self.make()
            if rng.random() < 0.05:
                await asyncio.sleep(0)
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        for _ in range(rng.randrange(1, 5)):
            await self.act()
        self.show()
        for _ in range(12):
            if all(task.done() for task in self.tasks):
                break
            for task in rng.sample(self.tasks, len(self.tasks)):
                self.ask(task, "end")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self.show()

    async def act(self):
        """Ask many or one, or do something in between."""
        rng = self.rng
        act = rng.random()
        if act < 0.4:
            message, each_own = rng.choice(MESSAGES), rng.random() < 0.3
            for task in rng.sample(self.tasks, rng.randrange(len(self.tasks) + 1)):
                self.ask(task, f"for {task.get_name()}" if each_own else message)
        elif act < 0.55:
            for _ in range(rng.randrange(1, 20)):
                self.ask(rng.choice(self.tasks), rng.choice(MESSAGES))
        elif act < 0.75:
            await asyncio.sleep(0)
        elif act < 0.9 or not self.gathers:
            self.meddle(rng.choice(self.tasks))
        else:
            self.meddle_with_gather(rng.choice(self.gathers))

    def meddle(self, task):
        """Do to a task, or to a future, what is not often done."""
        act = self.rng.randrange(8)
        future = self.rng.choice(self.futures) if self.futures else None
        if act == 0:
            print("look", task.get_name(), self.state(task))
        elif act == 1:
            print("take back", task.get_name(), task.uncancel())
        elif act == 2 and future is not None and not future.done():
            future.set_result("result")
        elif act == 3 and future is not None:
            print("cancel future", future.cancel())
        elif act == 4 and (done := [future for future in self.futures if future.done()]):
            print("begin again")
            self.rng.choice(done).__init__(loop=self.loop)
        elif act == 5 and not task.done() and self.rng.random() < 0.3:
            print("behind its back", future_class(task).cancel(task))
        elif act == 6 and not task.done() and self.rng.random() < 0.3:
            print("done behind its back", future_class(task).set_result(task, 1))
        elif act == 7:
            task.set_name(f"{task.get_name()}x")

    def meddle_with_gather(self, gathered):
        """Do to a gather what is not often done."""
        act = self.rng.randrange(8)
        # Circles, which asyncio cannot cancel, do not come of these.
        other = self.rng.choice((self.tasks[0], self.tasks[0], *self.futures))
        if act == 0:
            print("look at gather", self.state_of_gather(gathered))
        elif act == 1:
            print("cancel gather", gathered.cancel(self.rng.choice(MESSAGES)))
        elif act == 2:
            gathered._cancel_requested = self.rng.choice((False, True, 0, "yes"))
            print("gather by hand", self.state_of_gather(gathered))
        elif act == 3 and not gathered.done():
            gathered._children.append(other)
            print("one more child")
        elif act == 4 and not gathered.done():
            gathered._children = [other, *gathered._children[1:]]
            print("other children")
        elif act == 5 and not gathered.done() and self.rng.random() < 0.5:
            gathered.set_result("set by hand")
            print("gather done by hand")
        elif act == 6 and not gathered.done() and self.rng.random() < 0.5:
            print("gather behind its back", future_class(gathered).cancel(gathered))

    def show(self):
        """Print what is seen of all tasks."""
        for task in self.tasks:
            print(task.get_name(), self.state(task))
        for gathered in self.gathers:
            print("gather", self.state_of_gather(gathered))


def future_class(task):
    """Return the class of futures of which a task's class is one."""
    return next(base for base in type(task).__mro__ if base.__name__ == "Future")


async def play(seed, options, handled):
    """Play one forest, and keep what the loop's handler is told: when, the collector decides."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: handled.append(context["message"][:20]))
    forest = Forest(random.Random(seed), options.look, options.records, options.eager)
    try:
        await forest.play()
    except RecursionError:
        print("recursion")


def main():
    """Run as many as was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forests", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--loop-factory", action="store_true")
    options = parser.parse_args()
    run = asyncio.run
    if options.loop_factory:
        import stook

        run = stook.run
    # What it finds may ask others to cancel: between forests, where nobody is told of that.
    gc.disable()
    for seed in range(options.seed, options.seed + options.forests):
        print("forest", seed)
        handled = []
        run(play(seed, options, handled))
        gc.collect()
        print("handler:", sorted(handled))


if __name__ == "__main__":
    sys.exit(main())
