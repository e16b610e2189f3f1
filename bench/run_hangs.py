"""What it costs to be told of hangs: ``python bench/run_hangs.py [--tasks 100000]``.

Prints what an await of a task takes with and without the look whether it closes a circle, what the
thread that watches takes of a loop's time, how long it takes to put together who waits for whom,
and how long to look for tasks that can never go on. With valgrind, the first two in instructions as
well. Run it with an interpreter that has stook; with another the exit status is 2.
"""

import argparse
import asyncio
import gc
import os
import re
import signal
import statistics
import sys
import time

try:
    import stook
except ImportError:
    stook = None  # `main` says why.

from counting import callgrind
from driver import campaign
from driver.arguments import count as at_least_one

AWAITS = 10_000
PAIRS = 101
GRAPHS = 5
COUNTED = 1000
COUNTS = 5
STEPS = 100
WATCHED_SECONDS = 3.0


async def awaits(task):
    await task


async def sleeps():
    await asyncio.sleep(3600)


async def holds(lock):
    async with lock:
        await asyncio.sleep(3600)


async def end(tasks):
    """Cancel tasks, and wait for them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def cost_of_a_step():
    """Return seconds that a first step takes, which awaits a task that waits itself."""
    awaited = asyncio.create_task(sleeps())
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(awaits(awaited)) for _ in range(AWAITS)]
    gc.disable()
    began = time.thread_time()
    await asyncio.sleep(0)
    took = time.thread_time() - began
    gc.enable()
    await end([awaited, *tasks])
    return took / AWAITS


async def cost_of_looking():
    """Print what the look takes: rounds with it and without it take turns, in pairs."""
    without, more = [], []
    for number in range(PAIRS):
        took = {}
        for is_on in (number % 2 == 0, number % 2 == 1):
            stook.refuse_deadlocks(is_on)
            took[is_on] = await cost_of_a_step() * 1e9
        without.append(took[False])
        more.append(took[True] - took[False])
    stook.refuse_deadlocks(True)
    low, middle, high = statistics.quantiles(more, n=4)
    print(
        f"the look in a step that awaits a task: {middle:+.1f} ns to"
        f" {statistics.median(without):.0f} ns, the median of {PAIRS} pairs of rounds;"
        f" half of them {low:+.1f} to {high:+.1f} ns"
    )


async def cost_of_the_graph(count):
    """Print how long it takes to tell who waits for whom, of tasks that do so in several ways."""
    lock = asyncio.Lock()
    ways = {
        "tasks that sleep": lambda _before: sleeps(),
        "tasks in a chain": lambda before: awaits(before),
        "tasks at one lock": lambda _before: holds(lock),
    }
    for name, way in ways.items():
        tasks = [asyncio.create_task(holds(lock) if name == "tasks at one lock" else sleeps())]
        while len(tasks) < count:
            tasks.append(asyncio.create_task(way(tasks[-1])))
        for _ in range(3):
            await asyncio.sleep(0)
        graphs = []
        for _ in range(GRAPHS):
            began = time.process_time()
            graph = stook.wait_graph()
            graphs.append(time.process_time() - began)
            assert len(graph) == count + 1
            assert len(graph.edges) == (0 if name == "tasks that sleep" else count - 1)
        began = time.process_time()
        str(graph)
        gc.disable()
        shown = time.process_time()
        stacks = [task.get_stack() for task in asyncio.all_tasks()]
        stacked = time.process_time()
        gc.enable()
        print(
            f"{count} {name}: graph {statistics.median(graphs):.2f} s of processor time, the median"
            f" of {GRAPHS}; as a tree {shown - began:.2f} s; all_tasks() and get_stack() of each "
            f"{stacked - shown:.2f} s"
        )
        del graph, stacks
        await end(tasks)


async def turns(seconds):
    """Turn for so long; return how many turns that were."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0)
        count += 1
    return count


async def cost_of_watching():
    """Print what of a loop's time its watcher takes, while the loop is busy and while it rests."""
    stook.on_slow_callback("report", after=0.1)
    stook.on_stuck_cancellation("report")
    await asyncio.sleep(0.01)
    for what, work in (("is busy", turns), ("rests", asyncio.sleep)):
        everything, own = time.process_time(), time.thread_time()
        await work(WATCHED_SECONDS)
        others = time.process_time() - everything - (time.thread_time() - own)
        print(f"the watcher, of a loop that {what}: {others / WATCHED_SECONDS:.3%} of its time")
    stook.on_slow_callback("debug")
    stook.on_stuck_cancellation("debug")


async def cost_of_a_look(count):
    """Print how long a look takes for tasks that can never go on, of tasks that wait."""
    from stook import _stuck_parts

    loop = asyncio.get_running_loop()
    stook.on_deadlock(lambda graph: None)
    for name in ("wait for an event of their own", "wait for each other"):
        events = [asyncio.Event() for _ in range(count)]
        tasks = [
            asyncio.create_task(waits(events[n], events[n - 1] if name.endswith("other") else None))
            for n in range(count)
        ]
        del events
        await asyncio.sleep(0)
        took = []
        for _ in range(4):
            began = time.perf_counter()
            _stuck_parts.look_at(loop)
            took.append(time.perf_counter() - began)
        print(f"a look at {count} tasks that {name}: {max(took) * 1e3:.1f} ms")
        await end(tasks)


async def waits(event, other):
    await event.wait()
    other.set()


async def counted():
    """Do what instructions are counted of; `instructions` runs this under callgrind."""
    gc.disable()
    for is_on in (False, True) * COUNTS:
        stook.refuse_deadlocks(is_on)
        for count in (COUNTED, 2 * COUNTED):
            awaited = asyncio.create_task(sleeps())
            await asyncio.sleep(0)
            tasks = [asyncio.create_task(awaits(awaited)) for _ in range(count)]
            os.sched_yield()
            await asyncio.sleep(0)
            os.sched_yield()
            await end([awaited, *tasks])
    for is_on in (False, True) * COUNTS:
        # A time that is never reached: the thread is there, and sleeps.
        stook.on_slow_callback("report" if is_on else None, after=1e6)
        await asyncio.sleep(0.01)
        for count in (COUNTED, 2 * COUNTED):
            os.sched_yield()
            # Many to a turn: how often the loop looks for events depends on the clock.
            await asyncio.gather(*[steps(count // STEPS) for _ in range(STEPS)])
            os.sched_yield()


async def steps(count):
    for _ in range(count):
        await asyncio.sleep(0)


def instructions():
    """Print what was counted under callgrind."""
    command = [sys.executable, __file__, "--counted"]
    _printed, parts = callgrind.run(command, re.compile("stook"))
    work = [part.all for part in parts[::2]]
    each = [(twice - once) / COUNTED for once, twice in zip(work[::2], work[1::2], strict=True)]
    for what, of in (
        ("a look for circles in a step that awaits a task", each[: 2 * COUNTS]),
        ("a step of a loop that is watched", each[2 * COUNTS :]),
    ):
        without, with_it = statistics.median(of[::2]), statistics.median(of[1::2])
        more = with_it - without
        print(f"{what}: {without:.0f} instructions, with it {with_it:.0f} ({more:+.0f})")


async def measure(tasks):
    await cost_of_looking()
    await cost_of_watching()
    await cost_of_the_graph(tasks)
    await cost_of_a_look(200)


def main():
    """Print what the command line asks for; return the exit status."""
    # As other programs that write to a pipe that somebody has closed.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Times what tells of hangs.")
    parser.add_argument("--tasks", type=at_least_one, default=100_000)
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.counted:
        stook.run(counted())
        return 0
    if not campaign.has_stook():
        return 2
    stook.run(measure(arguments.tasks))
    if callgrind.is_installed():
        instructions()
    return 0


if __name__ == "__main__":
    sys.exit(main())
