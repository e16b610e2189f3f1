"""The first failure comes out of ``gather`` at once; the other tasks go on behind its back.

When ``main`` ends, ``asyncio.run`` cancels those that still run.
"""

import asyncio


async def flaky(number, seconds):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(number, "stopped by the end of the program")
        raise
    if number % 2:
        print(number, "fails")
        raise ValueError(f"number {number}")
    print(number, "is fine")


async def main():
    delays = (0, 0.02, 0.1, 60)
    tasks = [asyncio.create_task(flaky(number, delay)) for number, delay in enumerate(delays)]
    try:
        await asyncio.gather(*tasks)
    except ValueError as error:
        print("gather gave up:", error)
    print("still running:", sum(not task.done() for task in tasks))
    await asyncio.sleep(0.15)
    print("still running:", sum(not task.done() for task in tasks))


asyncio.run(main())
