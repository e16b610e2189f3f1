"""Gathers inside a gather: lists of lists, in the order asked for."""

import asyncio
import pprint

DELAYS = [
    [2.613, 2.459, 1.630, 2.058, 2.872],
    [2.249, 1.714, 1.806],
    [1.057, 2.671, 1.846, 2.780, 1.582, 1.505, 2.833, 2.962, 1.210],
]


async def member(tag, seconds):
    """Say when it begins and when it ends."""
    print(">", tag)
    await asyncio.sleep(seconds)
    print("<", tag)
    return tag


def group(number, delays):
    """Begin the members of one group."""
    return asyncio.gather(
        *(member(f"group {number}.{index}", seconds) for index, seconds in enumerate(delays, 1))
    )


async def main():
    """Begin three groups, and wait for all."""
    groups = [group(number, delays) for number, delays in enumerate(DELAYS, 1)]
    pprint.pprint(await asyncio.gather(*groups))
