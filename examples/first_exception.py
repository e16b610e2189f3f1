"""Stop at the first failure, and cancel what is left."""

import asyncio


async def fetch(part):
    await asyncio.sleep(part / 20)
    if part == 3:
        raise OSError("the line is dead")
    return f"part {part}"


async def main():
    tasks = [asyncio.create_task(fetch(part), name=f"part {part}") for part in range(1, 7)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in sorted(done, key=asyncio.Task.get_name):
        print(task.get_name(), "->", task.exception() or task.result())
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    print("cancelled:", sorted(task.get_name() for task in pending if task.cancelled()))


asyncio.run(main())
