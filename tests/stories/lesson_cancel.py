"""A task is cancelled, tidies up, and passes the cancellation on."""

import asyncio


async def slow_work(label):
    """Say that it was cancelled."""
    print("Starting", label)
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        print(label, "was cancelled")
        raise


async def main():
    """Cancel a task after a second."""
    task = asyncio.create_task(slow_work("task_A"))
    await asyncio.sleep(1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("Task cancelled successfully")
