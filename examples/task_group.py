"""A task group ends when all its tasks have ended; one that fails ends them all."""

import asyncio


async def bake(what, seconds, *, burns=False):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(f"{what}: taken out of the oven early")
        raise
    if burns:
        raise RuntimeError(f"{what} burnt")
    print(f"{what}: ready")
    return what


async def main():
    async with asyncio.TaskGroup() as group:
        bread = group.create_task(bake("bread", 0.04))
        rolls = group.create_task(bake("rolls", 0.02))
    print("on the table:", bread.result(), "and", rolls.result())

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bake("cake", 60))
            group.create_task(bake("biscuits", 0.02, burns=True))
    except* RuntimeError as errors:
        print("no pudding:", *errors.exceptions)


asyncio.run(main())
