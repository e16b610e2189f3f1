"""Stopping who waits: `wait` leaves its tasks alone, `gather` takes them along."""

import asyncio


async def work():
    """Take five seconds."""
    await asyncio.sleep(5)
    return "done"


async def stop(waiting):
    """Cancel who waits after two seconds."""
    await asyncio.sleep(2)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("Waiting task cancelled")


async def main():
    """Tell both cases."""
    task = asyncio.create_task(work())
    await stop(asyncio.create_task(asyncio.wait([task])))
    print("Work result:", await task)

    task = asyncio.create_task(work())
    await stop(asyncio.gather(task))
    if task.cancelled():
        print("Work task cancelled")
