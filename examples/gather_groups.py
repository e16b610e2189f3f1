"""Groups inside a group: ``gather`` of gathers gives lists of lists, in the order asked for."""

import asyncio


async def visit(town, hours):
    print("off to", town)
    await asyncio.sleep(hours / 100)
    print("back from", town)
    return town.upper()


async def main():
    north = asyncio.gather(visit("Groningen", 5), visit("Assen", 3))
    south = asyncio.gather(visit("Maastricht", 4), visit("Breda", 2), visit("Tilburg", 1))
    print(await asyncio.gather(north, south))


asyncio.run(main())
