"""Who was cancelled, by whom and why, with stook's `detect_cancel` and `cancellation`.

The same parent and child as in ``who_cancelled_me.py``, without a future of their own.
"""

import asyncio

import stook


async def child():
    try:
        await asyncio.sleep(60)
    finally:
        print("  child: cleans up")


async def parent(task):
    try:
        await stook.detect_cancel(task)
    except stook.ChildCancelled:
        print("  parent: my child was cancelled, I go on")
    except asyncio.CancelledError as error:
        record = stook.cancellation(error)
        print(f"  parent: I was cancelled by {record.who.name}: {record.reason}")
        print("  parent: my child goes on:", not task.done())
        raise


async def warden(task):
    """Ask a task to end, and say why."""
    stook.cancel(task, reason="it is late")


async def main():
    # Tasks of asyncio's own loop keep no records; those of this factory do, on every loop.
    asyncio.get_running_loop().set_task_factory(stook.task_factory)
    for whom in ("child", "parent"):
        print("cancelling the", whom)
        child_task = asyncio.create_task(child())
        parent_task = asyncio.create_task(parent(child_task))
        await asyncio.sleep(0.02)
        await asyncio.create_task(
            warden(child_task if whom == "child" else parent_task), name="warden"
        )
        await asyncio.wait([parent_task])
        await stook.cancel_and_wait(child_task)
    asyncio.get_running_loop().set_task_factory(None)


asyncio.run(main())
