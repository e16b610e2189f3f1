"""A notebook's manner: a loop runs already, and ``asyncio.run`` is called all the same.

Plain asyncio refuses that; ``nest_asyncio.apply()`` allows it. The tasks of the outer loop go on
while the inner run lasts. Needs ``nest_asyncio`` (pip install nest_asyncio).
"""

import asyncio

import nest_asyncio

nest_asyncio.apply()


async def clock(ticks):
    """Tick in the background, as a notebook's own machinery does."""
    for _ in range(1000):
        ticks.append("tick")
        await asyncio.sleep(0.001)


async def lookup(key):
    await asyncio.sleep(0.03)
    return {"answer": 42}[key]


def cell():
    """Ordinary code, called from inside the running loop."""
    return asyncio.run(lookup("answer"))


async def notebook():
    ticks = []
    ticking = asyncio.create_task(clock(ticks))
    await asyncio.sleep(0)
    before = len(ticks)
    print("the cell gives", cell())
    print("the clock went on meanwhile:", len(ticks) > before)
    print("the task is the same:", asyncio.current_task().get_name())
    ticking.cancel()


async def start():
    await asyncio.create_task(notebook(), name="notebook")


asyncio.run(start())
