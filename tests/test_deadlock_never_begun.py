"""Where nothing can go on, tasks are named that were cancelled before their first step.

So is who waits for what they would have had to do with.
"""

import textwrap

import pytest

pytestmark = pytest.mark.needs_stook

HEAD = """
import asyncio
import stook

async def never():
    await asyncio.Event().wait()
"""


@pytest.fixture
def told(program):
    """Run a program, and return what it said on standard error, and its end."""

    def run(body, **more):
        ended = program(HEAD + textwrap.dedent(body), **{"way": "stock", **more})
        return ended.stderr, ended

    return run


def test_a_task_that_was_cancelled_before_it_began_is_named_with_what_it_had(told):
    _said, ended = told("""
        class Service:
            def __init__(self):
                self.started = asyncio.Event()
            async def start(self):
                self.started.set()
        async def answers(future):
            future.set_result(None)
        async def main():
            service, future = Service(), asyncio.get_running_loop().create_future()
            async def waits():
                started = asyncio.create_task(service.started.wait(), name="gathered")
                await asyncio.gather(future, started)
            waiter = asyncio.create_task(waits(), name="waiter")
            asked = asyncio.create_task(service.started.wait(), name="asked")
            answered = asyncio.create_task(awaits(future), name="answered")
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(service.start(), name="starter")
                    group.create_task(answers(future), name="answerer")
                    raise ValueError
            except* ValueError:
                pass
            await waiter
        async def awaits(future):
            await future
        stook.on_deadlock("raise")
        try:
            stook.run(main())
        except stook.DeadlockError as error:
            print(error)
    """)
    lines = [line.partition(" at /")[0] for line in ended.stdout.splitlines()]
    said = lines[lines.index(next(line for line in lines if "first step" in line)) :]
    because = "another task of the group, or its block, failed by Task-1"
    assert said == [
        f"starter was cancelled before its first step: {because}",
        "  it had what asked, gathered wait for",
        f"answerer was cancelled before its first step: {because}",
        "  it had what answered waits for",
    ]


NOT_BEGUN = """
import collections, dataclasses
@dataclasses.dataclass(slots=True)
class Service:
    empty: object = dataclasses.field(init=False)
    started: object
    async def start(self): pass
@dataclasses.dataclass
class Derived(Service):
    more: object = None
async def start(arguments): pass
async def main():
    started = asyncio.Event()
    async def around():
        started.set()
    def hold(*held):
        async def holds():
            return held
        return holds()
    task = asyncio.create_task(THIS, name="starter")
    task.cancel()
    await started.wait()
stook.on_deadlock("raise")
try:
    stook.run(main())
except stook.DeadlockError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "held",
    [
        "start(started)",
        "around()",
        "hold(started)",
        "start([started])",
        "start({1: started})",
        "start(collections.deque([started]))",
        "Service(started).start()",
        "Derived(started).start()",
        "Derived(None, started).start()",
        "start(around())",
        "asyncio.wait_for(around(), 1)",
    ],
)
@pytest.mark.parametrize("way", ["stock", "launcher"])
def test_whatever_it_had_it_by(told, held, way):
    # Coroutines that never run at all are warned of.
    _said, ended = told(NOT_BEGUN.replace("THIS", held), way=way, options=())
    assert "it had what Task-1 waits for" in ended.stdout


def test_what_does_not_lead_to_it_is_not_told(told):
    _said, ended = told(NOT_BEGUN.replace("THIS", "start(list(range(2000)) + [started])"))
    assert "starter was cancelled" in ended.stdout
    assert "it had" not in ended.stdout


def test_a_task_that_had_begun_is_not_named(told):
    _said, ended = told("""
        async def main():
            task = asyncio.create_task(never())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await never()
        stook.on_deadlock("raise")
        try:
            stook.run(main())
        except stook.DeadlockError as error:
            print("first step" in str(error))
    """)
    assert ended.stdout == "False\n"
