"""Was it me or my child?"""

import asyncio


async def child():
    """Sleep until it is cancelled."""
    print("cancel_me")
    try:
        await asyncio.sleep(3600)
    finally:
        print("cancel_me(): after sleep")


async def parent(task):
    """Wait for the child, and tell whose a cancellation is."""
    await asyncio.wait([task])
    if task.cancelled():
        print("parent(): child is cancelled now")


async def main(who):
    """Cancel one of them."""
    task = asyncio.create_task(child())
    waiting = asyncio.create_task(parent(task))
    await asyncio.sleep(0.1)
    if who == "child":
        task.cancel()
        await waiting
        return
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("parent(): I am cancelled")
    assert not task.done(), "it is left alone"
