"""The first error of a `gather` comes out at once; here the program ends by it."""

import asyncio

from .flaky import flaky


async def main():
    """Wait for all, which fails."""
    await asyncio.gather(*map(flaky, range(10)))
