"""What it costs to be told of hangs: ``python bench/run_hangs.py [--tasks 100000]``.

Prints what an await of a task takes with and without the look whether it closes a circle, and how
long it takes to put together who waits for whom. Run it with an interpreter that has stook.
"""

import argparse
import asyncio
import statistics
import time

import stook

AWAITS = 20_000
ROUNDS = 40


async def awaits(task):
    await task


async def sleeps():
    await asyncio.sleep(3600)


async def end(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def cost_of_a_step():
    """Return seconds that a first step takes, which awaits a task that waits itself."""
    awaited = asyncio.create_task(sleeps())
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(awaits(awaited)) for _ in range(AWAITS)]
    began = time.perf_counter()
    await asyncio.sleep(0)
    took = time.perf_counter() - began
    await end([awaited, *tasks])
    return took / AWAITS


async def cost_of_looking():
    """Print what the look takes: rounds with it and without it take turns."""
    took = {True: [], False: []}
    for number in range(ROUNDS):
        is_on = number % 2 == 0
        stook.refuse_deadlocks(is_on)
        took[is_on].append(await cost_of_a_step())
    stook.refuse_deadlocks(True)
    looking, not_looking = (statistics.median(took[is_on]) * 1e9 for is_on in (True, False))
    print(f"a step that awaits a task: {not_looking:.1f} ns, with the look {looking:.1f} ns")


async def cost_of_the_graph(count):
    """Print how long it takes to tell who waits for whom, of tasks side by side and in a chain."""
    for name in ("tasks that sleep", "tasks in a chain"):
        tasks = [asyncio.create_task(sleeps())]
        while len(tasks) < count:
            coroutine = sleeps() if name == "tasks that sleep" else awaits(tasks[-1])
            tasks.append(asyncio.create_task(coroutine))
        for _ in range(3):
            await asyncio.sleep(0)
        began = time.perf_counter()
        graph = stook.wait_graph()
        made = time.perf_counter()
        text = str(graph)
        shown = time.perf_counter()
        assert len(graph) == count + 1
        assert len(graph.edges) == (0 if name == "tasks that sleep" else count - 1)
        print(f"{count} {name}: graph {made - began:.2f} s, as a tree {shown - made:.2f} s")
        del graph, text
        await end(tasks[::-1])


async def main():
    parser = argparse.ArgumentParser(description="Times what tells of hangs.")
    parser.add_argument("--tasks", type=int, default=100_000)
    arguments = parser.parse_args()
    await cost_of_looking()
    await cost_of_the_graph(arguments.tasks)


if __name__ == "__main__":
    stook.run(main())
