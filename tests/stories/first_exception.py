"""`wait` until the first error, and read it from its task."""

import asyncio

from .flaky import flaky


async def main():
    """Stop at the first error."""
    tasks = [asyncio.create_task(flaky(number)) for number in range(10)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print(len(done), "done", len(pending), "pending")
    for task in done:
        if error := task.exception():
            print("I caught:", repr(error))
