"""What the stories about errors have in common: tasks of which every second one fails."""

import asyncio


async def flaky(number):
    """Take its number of seconds, and fail if that is odd."""
    await asyncio.sleep(number)
    if number % 2:
        print(number, "crashed!")
        raise ValueError
    print(number, "ok")
