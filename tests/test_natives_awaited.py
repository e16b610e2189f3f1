"""A coroutine is awaited by one at a time, and whoever looks into it finds a frame."""

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

AWAITED_TWICE = """
import asyncio, sys

async def other(coroutine):
    return await coroutine

async def main():
    queue, lock, event = asyncio.Queue(), asyncio.Lock(), asyncio.Event()
    none = asyncio.Semaphore(0)
    await lock.acquire()
    kinds = {
        "get": (queue.get, lambda: queue.put_nowait(5)),
        "acquire": (lock.acquire, lock.release),
        "wait": (event.wait, event.set),
        "semaphore": (none.acquire, none.release),
        "wait_for": (lambda: asyncio.wait_for(queue.get(), 1), lambda: queue.put_nowait(6)),
        "sleep": (lambda: asyncio.sleep(0.01), int),
        "sleep(0)": (lambda: asyncio.sleep(0), int),
        "wait()": (lambda: asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.01))]), int),
    }
    for name, (make, wake) in kinds.items():
        coroutine = make()
        first = asyncio.create_task(other(coroutine))
        await asyncio.sleep(0)
        others = [other(coroutine)]
        if sys.version_info >= (3, 12):  # before, it makes a task of a coroutine
            others.append(asyncio.wait_for(coroutine, 0.05))
        for second in others:
            try:
                await asyncio.wait_for(second, 0.05)
            except BaseException as error:
                print(name, repr(error))
        wake()
        print(name, type(await first))
        coroutine = make()
        try:
            coroutine.send(None)
            await coroutine
        except BaseException as error:
            print(name, "by hand", repr(error))
        coroutine.close()

asyncio.run(main())
"""

LOOKED_INTO = """
import asyncio, inspect

async def main():
    coroutine = next(iter(asyncio.as_completed([asyncio.sleep(0)])))
    print(coroutine.cr_frame.f_code.co_name, coroutine.cr_code.co_qualname)
    inspect.getcoroutinelocals(coroutine)
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    print(len([frame.f_locals for frame in task.get_stack()]))
    await task

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [AWAITED_TWICE, LOOKED_INTO], ids=["twice", "looked into"])
def test_a_coroutine_is_as_on_stock(tmp_path, program):
    outcome = Workplace(tmp_path).same(program)
    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output
