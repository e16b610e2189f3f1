"""Every error is collected: by ``gather`` as results, by ``wait`` from the tasks themselves."""

import asyncio


async def flaky(number):
    await asyncio.sleep(number / 100)
    if number % 2:
        raise ValueError(f"number {number}")
    return number


async def main():
    results = await asyncio.gather(*(flaky(number) for number in range(4)), return_exceptions=True)
    print("gather:", results)

    tasks = [asyncio.create_task(flaky(number)) for number in range(4)]
    await asyncio.wait(tasks)
    for task in tasks:
        if error := task.exception():
            print("wait: caught", repr(error))
        else:
            print("wait: got", task.result())


asyncio.run(main())
