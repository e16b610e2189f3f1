"""The first result wins, with stook's `wait_any`, `race` and `first_success`.

The same clients as in ``first_of_with_disconnect.py``; then mirrors, of which some do not answer.
"""

import asyncio

import stook


async def answer(seconds):
    """Prepare an answer, which takes a while, and put the tools back in any case."""
    try:
        await asyncio.sleep(seconds)
        return "the answer"
    finally:
        print("  answer: tools put back")


async def serve(name, *, work_seconds, client_stays_seconds):
    """Serve one client until the work is done or the client goes away."""
    work = asyncio.create_task(answer(work_seconds))
    gone = asyncio.create_task(asyncio.sleep(client_stays_seconds))
    print(f"{name}: served")
    done, _ = await stook.wait_any({work, gone})
    print(f"{name}:", f"gets {work.result()}" if work in done else "has left")


async def mirror(name, seconds, error=None):
    """Fetch from a mirror."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(f"  {name}: not needed")
        raise
    if error is not None:
        raise error
    return name


async def main():
    await serve("patient client", work_seconds=0.05, client_stays_seconds=60)
    await serve("hasty client", work_seconds=60, client_stays_seconds=0.05)
    await asyncio.sleep(0)

    # The server shuts down: who waits for the first of two is cancelled, and so are both.
    serving = asyncio.create_task(serve("last client", work_seconds=60, client_stays_seconds=60))
    await asyncio.sleep(0.05)
    await stook.cancel_and_wait(serving, reason="shutdown")
    print("last client: cut off:", serving.cancelled())

    print("race:", await stook.race(mirror("near", 0.01), mirror("far", 60)))
    down = OSError("down")
    print(
        "first success:",
        await stook.first_success(mirror("near", 0.01, down), mirror("far", 0.05)),
    )
    try:
        await stook.first_success(mirror("near", 0.01, down), mirror("far", 0.02, OSError("full")))
    except ExceptionGroup as group:
        print("no success:", *group.exceptions)


asyncio.run(main())
