"""The first failure stops the others, with stook's `gather(on_error="cancel")`.

``flaky_gather.py`` leaves them running; ``task_group.py`` wraps the error in a group.
"""

import asyncio

import stook


async def worker(name, seconds, error=None):
    """Work for a while, clean up, which takes a while too, and fail if told to."""
    try:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return name
    finally:
        await asyncio.sleep(0.01)
        print(f"  {name}: cleaned up")


async def main():
    print("all go well:", await stook.gather(worker("one", 0.02), worker("two", 0.05)))

    try:
        await stook.gather(
            worker("short", 0.02, ValueError("out of paper")), worker("long", 60), on_error="cancel"
        )
    except ValueError as error:
        print("stopped by:", error)


asyncio.run(main())
