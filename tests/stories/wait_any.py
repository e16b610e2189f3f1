"""The first of two decides: the work, or the client that hangs up; and who waits may be stopped."""

import asyncio


async def first_of(tasks):
    """Wait for the first, and cancel all that have not ended; all of them when cancelled."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class Case:
    """Two tasks, and one that waits for them."""

    def __init__(self):
        self.hang_up = asyncio.Event()
        self.work = asyncio.create_task(asyncio.sleep(5))
        self.hung_up = asyncio.create_task(self.hang_up.wait())
        self.waiting = asyncio.create_task(first_of([self.work, self.hung_up]))

    async def tell(self):
        """Print how each has ended."""
        print("waiting is", await how(self.waiting))
        lost = await how(self.hung_up) == "done"
        print("connection is lost" if lost else "waiting connection lost is cancelled")
        print("work is", await how(self.work))


async def how(task):
    """Wait for a task, and return the word for its end."""
    await asyncio.wait([task])
    return "cancelled" if task.cancelled() else "done"


def title(text):
    """Print a heading."""
    print(text, "-------------------", sep="\n")


async def main():
    """Tell the three cases."""
    title("Work done")
    await Case().tell()

    title("\nConnection lost")
    case = Case()
    await asyncio.sleep(2)
    case.hang_up.set()
    await case.tell()

    title("\nCancel waiting")
    case = Case()
    await asyncio.sleep(2)
    case.waiting.cancel()
    await case.tell()
