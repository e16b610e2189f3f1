"""All errors, as results among the others."""

import asyncio

from .flaky import flaky


async def main():
    """Gather results and errors."""
    for result in await asyncio.gather(*map(flaky, range(10)), return_exceptions=True):
        if isinstance(result, Exception):
            print("I caught:", repr(result))
