"""The smallest coroutines, shared by the rows."""

import asyncio


async def one() -> int:
    """Finish at once."""
    return 1


async def yields(times: int) -> int:
    """Give way so many times, then finish."""
    for _ in range(times):
        await asyncio.sleep(0)
    return times
