"""A request is served until it is done or the client goes away, whichever comes first.

``first_of`` waits for the first of several tasks, cancels the rest, and waits until these have
cleaned up. When it is cancelled itself, it takes all of them along.
"""

import asyncio


async def first_of(*tasks):
    """Return the task that ends first; no other of them is running afterwards."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task for task in tasks if task in done)


async def answer(seconds):
    """Prepare an answer, which takes a while, and put the tools back in any case."""
    try:
        await asyncio.sleep(seconds)
        return "the answer"
    except asyncio.CancelledError:
        print("  answer: not wanted any more")
        raise
    finally:
        print("  answer: tools put back")


async def serve(name, *, work_seconds, client_stays_seconds):
    """Serve one client."""
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(client_stays_seconds, gone.set)
    work = asyncio.create_task(answer(work_seconds), name="work")
    disconnect = asyncio.create_task(gone.wait(), name="disconnect")
    print(f"{name}: served")
    first = await first_of(work, disconnect)
    if first is work:
        print(f"{name}: gets {first.result()}")
    else:
        print(f"{name}: has left, the work was cancelled: {work.cancelled()}")


async def main():
    await serve("patient client", work_seconds=0.05, client_stays_seconds=60)
    await serve("hasty client", work_seconds=60, client_stays_seconds=0.05)

    # The server shuts down: who waits for the first of two is cancelled, and so are both.
    serving = asyncio.create_task(serve("last client", work_seconds=60, client_stays_seconds=60))
    await asyncio.sleep(0.05)
    serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        print("last client: cut off by the shutdown")
    print("tasks left:", len(asyncio.all_tasks()) - 1)


asyncio.run(main())
