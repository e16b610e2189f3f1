"""Groups that are cancelled, and exceptions that end the program."""

import asyncio

from trials import child, state, trial


def cancel_at(turn, message=None, times=1, gap=1):
    task = asyncio.current_task()
    asyncio.get_running_loop()

    async def canceller():
        for _each in range(turn):
            await asyncio.sleep(0)
        for _each in range(times):
            print("cancel", task.cancel(message) if message else task.cancel(), task.cancelling())
            for _ in range(gap):
                await asyncio.sleep(0)

    return asyncio.create_task(canceller())


for turn in range(6):
    for times in (1, 2, 3):

        @trial
        async def cancelled_from_outside():
            print("at", turn, times)
            cancel_at(turn, f"m{turn}", times)
            async with asyncio.TaskGroup() as group:
                group.create_task(child("a", 3))
                group.create_task(child("b", 2, swallow=1))
                await asyncio.sleep(0)


for turn in range(6):

    @trial
    async def cancelled_with_errors():
        print("at", turn)
        cancel_at(turn)
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a", 3, error=ValueError(3)))
            group.create_task(child("b", 6, swallow=1, error=KeyError(4)))
            await asyncio.sleep(0)


for turn in range(6):

    @trial
    async def cancelled_then_error_in_a_nested_one():
        print("at", turn)
        cancel_at(turn, "deep")
        async with asyncio.TaskGroup() as outer:
            outer.create_task(child("o", 4, error=ValueError("o")))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(child("i", 3, error=ValueError("i")))
                inner.create_task(child("j", 5, swallow=2))
                await asyncio.sleep(0)
            print("between")
            await asyncio.sleep(0)


for kind in (KeyboardInterrupt, SystemExit):

    @trial
    async def base_error_in_a_child():
        async def bad():
            await asyncio.sleep(0)
            raise kind("bad")

        group = asyncio.TaskGroup()
        try:
            async with group:
                group.create_task(bad())
                group.create_task(child("a", 3))
                await asyncio.sleep(1)
        finally:
            print(state(group))

    @trial
    async def base_error_in_the_body():
        group = asyncio.TaskGroup()
        try:
            async with group:
                group.create_task(child("a", 3))
                group.create_task(child("e", 3, error=ValueError(1), swallow=1))
                await asyncio.sleep(0)
                raise kind("bad")
        finally:
            print(state(group))

    @trial
    async def base_error_while_waiting():
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a", 3, swallow=1, error=kind("late")))
            group.create_task(child("e", 1, error=ValueError(1)))
