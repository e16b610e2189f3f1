"""Telling "the task I wait for was cancelled" from "I was cancelled".

Both raise ``CancelledError`` at the same ``await``. ``outcome_of`` waits through a future of its
own instead, so that only a cancellation of the caller comes out as ``CancelledError``.
"""

import asyncio


class ChildCancelled(Exception):
    """The task waited for was cancelled, not the one who waits."""


async def outcome_of(task):
    """Return what ``task`` returns.

    Raises:
        ChildCancelled: ``task`` was cancelled.
    """
    relay = asyncio.get_running_loop().create_future()

    def settle(task):
        if relay.done():
            return
        if task.cancelled():
            relay.set_exception(ChildCancelled())
        elif task.exception() is not None:
            relay.set_exception(task.exception())
        else:
            relay.set_result(task.result())

    task.add_done_callback(settle)
    return await relay


async def child():
    try:
        await asyncio.sleep(60)
    finally:
        print("  child: cleans up")


async def parent(task):
    try:
        await outcome_of(task)
    except ChildCancelled:
        print("  parent: my child was cancelled, I go on")
    except asyncio.CancelledError:
        print("  parent: I was cancelled, my child goes on:", not task.done())
        raise


async def main():
    for whom in ("child", "parent"):
        print("cancelling the", whom)
        child_task = asyncio.create_task(child())
        parent_task = asyncio.create_task(parent(child_task))
        await asyncio.sleep(0.02)
        (child_task if whom == "child" else parent_task).cancel()
        await asyncio.wait([parent_task])
        child_task.cancel()
        await asyncio.wait([child_task])


asyncio.run(main())
