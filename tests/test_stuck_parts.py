"""Tasks that can never go on are told of while the rest of a program does; others never are.

Two looks have to find the same, so each program goes on for longer than three looks take; the cases
of one kind share one.
"""

import textwrap

import pytest

pytestmark = pytest.mark.needs_stook

HEAD = """
import asyncio, contextvars, functools, gc, signal, sys, threading, time, types, weakref
import stook

background = set()

def spawn(coroutine, name):
    task = asyncio.create_task(coroutine, name=name)
    background.add(task)
    return task

async def pair(mine, other):
    await mine.wait()
    other.set()

def start(name, *others):
    # Two that wait for each other's events; `others` get the first event.
    one, two = asyncio.Event(), asyncio.Event()
    for other in others:
        other(one)
    return [spawn(pair(one, two), f"{name}-1"), spawn(pair(two, one), f"{name}-2")]

async def goes_on(seconds=3.2):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        for _ in range(int(seconds / 0.1)):
            await asyncio.sleep(0.1)

class Noticed:
    # Standard error that counts reports.
    reports = 0
    def write(self, text, to=sys.stderr):
        self.reports += "can never go on" in text
        to.write(text)
    def flush(self):
        pass

async def goes_on_and_is_told():
    sys.stderr = Noticed()
    await goes_on()
    while not sys.stderr.reports:
        await goes_on(0.1)

async def until_told(reports=1):
    sys.stderr = Noticed()
    for _ in range(200):
        if sys.stderr.reports >= reports:
            break
        await goes_on(0.1)
"""


@pytest.fixture
def told(program):
    """Run a program, and return what it said on standard error."""

    def run(body, **more):
        ended = program(HEAD + textwrap.dedent(body), way="stock", **more)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    return run


def only_control(said):
    """Whether a report is of the two alone that are there to show that one is made."""
    lines = said.splitlines()
    reached = "nothing but these can reach what they wait for: control-1, control-2"
    return (lines[0], lines[-1]) == ("stook: tasks can never go on", reached) and len(lines) == 6


def test_two_that_wait_for_each_other_are_told_once_while_a_server_runs(told):
    said = told("""
        async def main():
            start("pair")
            await until_told()
            await goes_on()
        stook.run(main())
    """)
    lines = [line.partition(" at ")[0] for line in said.splitlines()]
    assert lines == [
        "stook: tasks can never go on",
        "pair-1 waits for an event to be set",
        " ",
        "pair-2 waits for an event to be set",
        " ",
        "nothing but these can reach what they wait for: pair-1, pair-2",
    ]


def test_what_they_hold_is_asked_for_nothing(told):
    said = told("""
        class Proxy:
            def missing(self, *_):
                raise LookupError("nothing is behind this proxy")
            __class__ = property(missing)
            __dict__ = property(missing)
            __getattr__ = __eq__ = missing
            __hash__ = None

        async def holds(proxy, mine, other):
            await pair(mine, other)

        def start_with(proxy):
            one, two = asyncio.Event(), asyncio.Event()
            spawn(holds(proxy, one, two), "pair-1"), spawn(holds(proxy, two, one), "pair-2")

        async def main():
            proxy = Proxy()
            asyncio.get_running_loop().call_later(60, print, proxy)
            start_with(proxy)
            await until_told()
        stook.run(main())
    """)
    assert "pair-1 waits for an event to be set" in said
    assert "LookupError" not in said


def test_a_look_that_fails_does_not_stop_the_program(told):
    said = told("""
        class Task(asyncio.Task):
            @property
            def _fut_waiter(self):
                if looks:
                    raise LookupError("not to be seen")
                return super()._fut_waiter
        looks = []
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_task_factory(lambda loop, coro, **more: Task(coro, loop=loop, **more))
            start("pair")
            looks.append(True)
            await goes_on()
            looks.clear()
        stook.run(main())
    """)
    assert said.count("LookupError: not to be seen") == 1


def test_whatever_they_wait_for(told):
    said = told("""
        lock_1, lock_2 = asyncio.Lock(), asyncio.Lock()

        async def locks(first, second):
            async with first:
                await asyncio.sleep(0)
                async with second:
                    pass

        async def queues(mine, others):
            others.put_nowait(await mine.get())

        async def futures(mine, other):
            await mine
            other.set_result(None)

        async def condition(one, event):
            async with one:
                await one.wait()
            event.set()

        async def notifies(one, event):
            await event.wait()
            async with one:
                one.notify()

        async def gathers(others, events):
            await asyncio.gather(*others)

        class Object:
            def __init__(self):
                self.event = asyncio.Event()

            async def run(self, other):
                await self.event.wait()
                other.event.set()

        def ring(length):
            events = [asyncio.Event() for _ in range(length)]
            for number in range(length):
                spawn(pair(events[number], events[number - 1]), f"ring-{number}")

        def closures():
            one, two = asyncio.Event(), asyncio.Event()
            async def first():
                await one.wait()
                two.set()
            async def second():
                await two.wait()
                one.set()
            spawn(first(), "closures-1"), spawn(second(), "closures-2")

        def begin():
            # Anybody can reach the locks: here it counts who holds them.
            spawn(locks(lock_1, lock_2), "locks-1")
            spawn(locks(lock_2, lock_1), "locks-2")
            one, two = asyncio.Queue(), asyncio.Queue()
            spawn(queues(one, two), "queues-1"), spawn(queues(two, one), "queues-2")
            loop = asyncio.get_running_loop()
            one, two = loop.create_future(), loop.create_future()
            spawn(futures(one, two), "futures-1"), spawn(futures(two, one), "futures-2")
            both = asyncio.Condition(), asyncio.Event()
            spawn(condition(*both), "condition-1"), spawn(notifies(*both), "condition-2")
            one, two = asyncio.Event(), asyncio.Event()
            for number, each in enumerate([(one, two), (two, one)]):
                spawn(gathers([spawn(pair(*each), f"below-{number}")], each), f"gathers-{number}")
            one, two = Object(), Object()
            spawn(one.run(two), "objects-1"), spawn(two.run(one), "objects-2")
            ring(3)
            closures()

        async def main():
            begin()
            # One each.
            await until_told(8)
        stook.run(main())
    """)
    names = {
        word for word in said.replace(",", "").split() if word.rstrip("0123456789").endswith("-")
    }
    assert names == {
        *("locks-1", "locks-2", "queues-1", "queues-2", "futures-1", "futures-2"),
        *("condition-1", "condition-2", "below-0", "below-1", "gathers-0", "gathers-1"),
        *("objects-1", "objects-2", "ring-0", "ring-1", "ring-2", "closures-1", "closures-2"),
    }


def test_nothing_is_said_where_somebody_may_wake_them(told):
    said = told("""
        events = []
        by_name = weakref.WeakValueDictionary()
        variable = contextvars.ContextVar("variable")

        async def sleeps(event):
            await asyncio.sleep(60)
            event.set()

        async def reads(event, reader):
            await reader.read()
            event.set()

        async def generates(event):
            yield 1
            event.set()

        class Owner:
            def __init__(self):
                self.events = []

        class Node:
            def __init__(self, event):
                self.event = event

        def node(event):
            made.append(Node(event).event.set)

        def in_context(event):
            context = contextvars.copy_context()
            context.run(variable.set, event)
            contexts.append(context)

        made, contexts = [], []

        async def main():
            loop = asyncio.get_running_loop()
            local, owner, generators = [], Owner(), []
            start("global", events.append)
            start("local", local.append)
            start("attribute", owner.events.append)
            start("closure", lambda event: made.append(lambda: event.set()))
            start("method", node)
            start("partial", lambda event: made.append(functools.partial(event.set)))
            start("timer", lambda event: loop.call_later(60, event.set))
            start("sleeper", lambda event: spawn(sleeps(event), "sleeper"))
            start("signal", lambda event: loop.add_signal_handler(signal.SIGUSR1, event.set))
            start("handler", lambda event: signal.signal(signal.SIGUSR2, lambda *_: event.set()))
            start("weak", lambda event: by_name.__setitem__("event", event))
            start("context", in_context)
            start("reader", lambda event: asyncio.get_running_loop().add_reader(ours, event.set))
            async def begin_generator(event):
                generator = generates(event)
                await anext(generator)
                generators.append(generator)
            held = []
            start("generator", held.append)
            await begin_generator(held.pop())
            start("control")
            await goes_on_and_is_told()
            loop.remove_reader(ours)
            ours.close(), theirs.close()

        import socket
        ours, theirs = socket.socketpair()
        stook.run(main())
    """)
    assert only_control(said)


def test_nothing_is_said_where_a_timer_ends_it(told):
    said = told("""
        async def with_timeout():
            async with asyncio.timeout(60):
                await asyncio.gather(*start("timeout"))

        async def with_wait_for():
            await asyncio.wait_for(asyncio.gather(*start("wait_for")), 60)

        async def looks_again_and_again():
            tasks = start("waited")
            while True:
                await asyncio.wait(tasks, timeout=0.3)

        async def each_with_its_own(mine, other):
            async with asyncio.timeout(60):
                await pair(mine, other)

        class Scope:
            # As libraries have them that do without asyncio's own.
            def __init__(self, task):
                self.tasks = {task}
                asyncio.get_running_loop().call_later(60, self.end)
            def end(self):
                for task in self.tasks:
                    task.cancel()

        async def main():
            spawn(with_timeout(), "with_timeout")
            spawn(with_wait_for(), "with_wait_for")
            spawn(looks_again_and_again(), "looks")
            one, two = asyncio.Event(), asyncio.Event()
            spawn(each_with_its_own(one, two), "own-1")
            spawn(each_with_its_own(two, one), "own-2")
            del one, two
            Scope(start("scope")[0])
            asyncio.get_running_loop().call_later(60, start("cancel")[1].cancel)
            start("control")
            await goes_on_and_is_told()
        stook.run(main())
    """)
    # asyncio says a word of each gather that ends with the loop.
    assert only_control(said[: said.find("_GatheringFuture")])


def test_nothing_is_said_of_those_that_wait_on_purpose(told):
    said = told("""
        async def keeps_alive():
            await asyncio.Event().wait()

        async def serves(queue):
            while True:
                await queue.get()

        async def tidies_up(queue):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                queue.put_nowait(None)

        async def through_another():
            event = asyncio.Event()
            await asyncio.wait([asyncio.create_task(event.wait())])

        async def through_several(event):
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(event.wait())

        class App:
            def __init__(self):
                self.stop, self.jobs = asyncio.Event(), asyncio.Queue()
            async def ticks(self):
                await self.stop.wait()
            async def works(self):
                while True:
                    await self.jobs.get()
            async def run(self):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.ticks())
                    group.create_task(self.works())
                    group.create_task(goes_on_and_stops(self))

        async def goes_on_and_stops(app):
            await goes_on_and_is_told()
            raise KeyError

        async def main():
            spawn(keeps_alive(), "alive")
            queue = asyncio.Queue()
            spawn(serves(queue), "serves"), spawn(tidies_up(queue), "tidies")
            del queue
            spawn(through_another(), "another"), spawn(through_several(asyncio.Event()), "several")
            start("control")
            try:
                await App().run()
            except* KeyError:
                pass
        stook.run(main())
    """)
    assert only_control(said)


def test_nothing_is_said_with_a_thread_alive(told):
    said = told("""
        async def main():
            thread = threading.Thread(target=time.sleep, args=(3.2,))
            thread.start()
            start("pair")
            await goes_on()
            thread.join()
        stook.run(main())
    """)
    assert said == ""


def test_those_that_are_stuck_after_some_looks_are_told_of_too(told):
    said = told("""
        async def main():
            await goes_on(4)
            start("later")
            await until_told()
        stook.run(main())
    """)
    assert said.endswith("nothing but these can reach what they wait for: later-1, later-2\n")


def test_the_policy_decides(told):
    said = told(
        """
        def noted(graph):
            print(len(graph), *(info.name for info in graph.tasks), file=sys.stderr)
            sys.stderr.reports += 1
            raise ValueError("in the function")
        async def main(name, waits=until_told):
            start(name)
            await waits()
        stook.on_deadlock(noted)
        stook.run(main("function"))
        stook.on_deadlock("raise")
        stook.run(main("raise"))
        stook.on_deadlock(None)
        stook.run(main("nothing", goes_on))
    """,
        options=(),
    )
    assert said.startswith("2 function-1 function-2\n")
    assert said.count("ValueError: in the function") == 1
    assert said.count("stook: tasks can never go on") == 1
    assert "raise-1" in said
    assert "nothing-1" not in said


def test_a_loop_with_very_many_tasks_is_not_looked_at(told):
    said = told("""
        async def main():
            others = [asyncio.create_task(asyncio.sleep(60)) for _ in range(5001)]
            start("pair")
            await goes_on()
        stook.run(main())
    """)
    assert said == ""


def test_random_programs_are_judged_as_a_model_judges_them(told):
    # Each task waits for its event, as it is or through another task, and holds some others'.
    said = told("""
        import random
        from stook import _stuck_parts

        found = []
        stook.on_deadlock(lambda graph: found.extend(info.name for info in graph.tasks))

        async def waits(mine, others, how):
            if how == 0:
                await mine.wait()
            elif how == 1:
                await asyncio.wait({asyncio.create_task(mine.wait(), name="below")})
            else:
                await asyncio.gather(asyncio.create_task(mine.wait(), name="below"))
            for other in others:
                other.set()

        def leads_to(begin, holders):
            seen, left = set(), [begin]
            while left:
                new = holders[left.pop()] - seen
                seen |= new
                left += new
            return seen

        def expected(holders, held):
            # Those that lead to nobody who can go on, and to another one that leads back.
            below = [leads_to(number, holders) for number in range(len(holders))]
            return {
                number
                for number, reached in enumerate(below)
                if not (reached | {number}) & held
                and any(other != number and number in below[other] for other in reached)
            }

        async def judged(choose):
            count = choose.randint(2, 6)
            events = [asyncio.Event() for _ in range(count)]
            others = [choose.sample(range(count), choose.randint(0, 2)) for _ in range(count)]
            holders = [{n for n in range(count) if number in others[n]} for number in range(count)]
            held = {number for number in range(count) if choose.random() < 0.15}
            kept = [events[number] for number in held]
            tasks = [
                asyncio.create_task(
                    waits(events[n], [events[other] for other in others[n]], choose.randint(0, 2)),
                    name=str(n),
                )
                for n in range(count)
            ]
            del events
            for _ in range(4):
                await asyncio.sleep(0)
            found.clear()
            _stuck_parts._known.clear()
            for _ in range(3):
                _stuck_parts.look_at(asyncio.get_running_loop())
            assert {int(name) for name in found if name != "below"} == expected(holders, held)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            del kept
            return bool(found)

        async def main():
            choose = random.Random(7)
            stuck = [await judged(choose) for _ in range(200)]
            assert 20 < sum(stuck) < 180
        stook.run(main())
    """)
    assert said == ""
