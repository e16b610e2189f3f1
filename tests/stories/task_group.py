"""A task group ends as a whole."""

import asyncio


async def work(name, number, seconds):
    """Return its number after a while."""
    await asyncio.sleep(seconds)
    print(name, number)
    return number


async def main():
    """Begin two tasks, and read them when the group has ended."""
    async with asyncio.TaskGroup() as group:
        one = group.create_task(work("some_coro", 1, 0.2))
        two = group.create_task(work("another_coro", 2, 0.1))
    print("Both tasks have completed now.")
    print(one.result(), two.result())
