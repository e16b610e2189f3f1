"""Waiting for the same tasks in steps: the first one, then what a moment brings, then the rest."""

import asyncio


async def runner(number):
    await asyncio.sleep(number / 10)
    return number


def show(what, done, pending):
    numbers = sorted(task.result() for task in done)
    print(f"{what}: {numbers} are in, {len(pending)} still running")


async def main():
    tasks = [asyncio.create_task(runner(number)) for number in (4, 1, 6, 2, 3)]

    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    show("the winner", done, pending)

    done, pending = await asyncio.wait(pending, timeout=0.25)
    show("a moment later", done, pending)

    done, pending = await asyncio.wait(pending)
    show("in the end", done, pending)


asyncio.run(main())
