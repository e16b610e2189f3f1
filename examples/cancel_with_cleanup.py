"""A cancelled task cleans up, raises the cancellation again, and its waiter learns of it."""

import asyncio


async def write_report(pages):
    print("report: begun")
    try:
        for page in range(1, pages + 1):
            await asyncio.sleep(0.1)
            print("report: page", page)
    except asyncio.CancelledError as error:
        print("report: cancelled because of", *error.args)
        await asyncio.sleep(0.01)  # Awaiting is allowed while cleaning up.
        print("report: draft saved")
        raise


async def main():
    task = asyncio.create_task(write_report(pages=100))
    await asyncio.sleep(0.25)
    task.cancel("the deadline")
    try:
        await task
    except asyncio.CancelledError:
        print("main: the report is not coming")
    print("main: cancelled", task.cancelled(), "requests", task.cancelling())


asyncio.run(main())
