"""Cancelling who waits: ``gather`` takes its children along, ``wait`` leaves them alone."""

import asyncio


async def work():
    await asyncio.sleep(0.1)
    return "finished"


async def try_out(name, waiter, task):
    """Cancel the waiter and look at what became of the task."""
    await asyncio.sleep(0.02)
    waiter.cancel()
    try:
        await waiter
    except asyncio.CancelledError:
        print(f"{name}: the waiter is cancelled")
    try:
        print(f"{name}: the task has {await task}")
    except asyncio.CancelledError:
        print(f"{name}: the task is cancelled too")


async def main():
    task = asyncio.create_task(work())
    await try_out("wait", asyncio.create_task(asyncio.wait([task])), task)

    task = asyncio.create_task(work())
    await try_out("gather", asyncio.gather(task), task)


asyncio.run(main())
