"""Contexts of tasks and handles that were made in one step, and what programs do with them."""

import asyncio
import contextvars
import gc
import sys
import weakref

from trials import trial

number = contextvars.ContextVar("number", default=0)


async def sets(own):
    before = number.get()
    number.set(own)
    await asyncio.sleep(0)
    return before, number.get()


async def reads(own):
    before = number.get()
    await asyncio.sleep(0)
    return before, number.get()


async def sets_the_same(own):
    token = number.set(number.get())
    await asyncio.sleep(0)
    number.reset(token)
    return number.get(), number in contextvars.copy_context()


async def sets_and_takes_back(own):
    token = number.set(own)
    number.reset(token)
    await asyncio.sleep(0)
    try:
        number.reset(token)
    except RuntimeError as error:
        return str(error).startswith("<Token used"), number.get()


async def keeps_a_token(kept):
    kept.append(number.set(number.get()))


async def uses_a_token(kept):
    try:
        number.reset(kept[0])
    except ValueError as error:
        return "different Context" in str(error)


@trial
async def many_of_each_kind():
    kinds = (sets, reads, sets_the_same, sets_and_takes_back)
    for value in (None, 7):
        if value is not None:
            number.set(value)
        print(await asyncio.gather(*[kinds[own % 4](own) for own in range(24)]))
        print(number.get())


@trial
async def variables_change_between():
    tasks = []
    for own in range(6):
        number.set(own // 2)
        tasks.append(asyncio.create_task(reads(own)))
    number.set(-1)
    print(await asyncio.gather(*tasks))


@trial
async def inside_another_context():
    other = contextvars.copy_context()
    other.run(number.set, 5)
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(reads(0))]
    tasks += [other.run(loop.create_task, reads(0)) for _ in range(3)]
    tasks += [loop.create_task(reads(0)), loop.create_task(reads(0), context=other)]
    print(await asyncio.gather(*tasks))


@trial
async def tokens_of_another():
    kept = []
    tasks = [asyncio.create_task(keeps_a_token(kept))]
    tasks += [asyncio.create_task(uses_a_token(kept)) for _ in range(3)]
    print(await asyncio.gather(*tasks))


@trial
async def seen_from_outside():
    if sys.version_info < (3, 12):
        return
    number.set(3)
    tasks = [asyncio.create_task(reads(own)) for own in range(5)]
    seen = [task.get_context() for task in tasks[:2]]
    print(seen[0] is seen[1], seen[0] is tasks[0].get_context(), [each[number] for each in seen])
    seen[0].run(number.set, 9)
    print(await asyncio.gather(*tasks))
    print(seen[0] is tasks[0].get_context(), tasks[4].get_context()[number])
    ids = {id(task.get_context()) for task in tasks}
    print(len(ids))


@trial
async def seen_from_inside():
    if sys.version_info < (3, 12):
        return

    async def look():
        own = asyncio.current_task().get_context()
        number.set(5)
        await asyncio.sleep(0)
        return own[number], own is asyncio.current_task().get_context()

    print(await asyncio.gather(*[look() for _ in range(4)]))


@trial
async def handles():
    loop = asyncio.get_running_loop()
    told = []

    def tell(own):
        told.append((own, number.get()))
        number.set(own)

    number.set(1)
    handles = [loop.call_soon(tell, own) for own in range(5)]
    handles += [loop.call_later(0, tell, own) for own in range(5, 8)]
    handles[1]._context.run(number.set, 11)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(told, number.get(), [handle._context.get(number) for handle in handles])
    handles[0]._run()
    print(told[-1])
    loop.call_soon(tell, 20, context=handles[1]._context)
    await asyncio.sleep(0)
    print(told[-1], handles[1]._context[number])


@trial
async def one_handle_runs_itself():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context["exception"].args[0][:22]))
    handles = []
    for _ in range(3):
        handles.append(loop.call_soon(lambda: len(handles) == 3 and handles.pop()._run()))
    await asyncio.sleep(0)
    print(len(handles))


@trial
async def errors_and_cancellations():
    async def fails(own):
        number.set(own)
        raise ValueError(own, number.get())

    tasks = [asyncio.create_task(fails(own) if own % 2 else reads(own)) for own in range(6)]
    tasks[0].cancel()
    print(list(map(repr, await asyncio.gather(*tasks, return_exceptions=True))))
    print(number.get())


@trial
async def eager():
    if sys.version_info < (3, 12):
        return
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    number.set(2)
    print(await asyncio.gather(*[sets(own) for own in range(3)], *[reads(9) for _ in range(3)]))
    print(number.get())


class Thing:
    pass


@trial
async def nothing_is_kept():
    thing = Thing()
    alive = weakref.ref(thing)
    token = number.set(thing)
    tasks = [asyncio.create_task(reads(0)) for _ in range(4)]
    number.reset(token)
    del thing, token
    await asyncio.gather(*tasks)
    print(alive() is None)
    del tasks
    print(alive() is None)


@trial
async def circles_are_collected():
    thing = Thing()
    alive = weakref.ref(thing)
    token = number.set(thing)
    thing.tasks = [asyncio.create_task(reads(0)) for _ in range(4)]
    number.reset(token)
    await asyncio.gather(*thing.tasks)
    del thing, token
    await asyncio.sleep(0)
    gc.collect()
    print(alive() is None)
