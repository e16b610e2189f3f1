"""Waiting for the same tasks in steps: the first, what two seconds bring, then all the others."""

import asyncio

DELAYS = [4.130, 3.784, 1.919, 2.881, 4.712, 3.311, 2.108, 2.314, 0.628, 4.260]


async def runner(number):
    """Say when it begins and when it ends."""
    print(">", number)
    await asyncio.sleep(DELAYS[number - 1])
    print("<", number)
    return number


def show(done):
    """Print the results in order; a set has none."""
    for number in sorted(task.result() for task in done):
        print(number)


async def main():
    """Wait three times."""
    tasks = [asyncio.create_task(runner(number)) for number in range(1, 11)]

    print("Get first result:")
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    show(done)
    print("unfinished:", len(pending))

    print("Get more results in 2 seconds:")
    done, pending = await asyncio.wait(pending, timeout=2)
    show(done)
    print("unfinished2:", len(pending))

    print("Get all other results:")
    done, pending = await asyncio.wait(pending)
    show(done)
