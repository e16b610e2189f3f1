"""`wait` raises nothing: all tasks run to their ends, and nobody reads the five errors."""

import asyncio

from .flaky import flaky


async def main():
    """Wait for all, and read none."""
    await asyncio.wait([asyncio.create_task(flaky(number)) for number in range(10)])
