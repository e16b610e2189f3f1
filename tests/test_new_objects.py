"""Objects that are made and thrown away many times over: each begins anew."""

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

AGAIN_AND_AGAIN = """
import asyncio, gc, warnings, weakref
warnings.simplefilter("always")
warnings.showwarning = lambda message, *_: print(message)

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context["message"]))
    event, lock = asyncio.Event(), asyncio.Lock()
    for number in range(200):
        # Finalised without a word, finalised with one, and alive: in the same memory.
        event.wait().close()
        event.wait()
        future = loop.create_future()
        future.set_exception(ValueError(number))
        del future
        future = loop.create_future()
        gone = weakref.ref(future, lambda _: print("gone"))
        future.set_result(number)
        print(await future)
        del future
        waiting = [event.wait() for _ in range(number % 5)]
        for coroutine in waiting:
            coroutine.send(None)
        kept = [weakref.ref(coroutine) for coroutine in waiting]
        print(event, gc.is_tracked(event.wait), [gc.is_tracked(one) for one in waiting])
        del waiting
        if number % 5:
            del coroutine
        print(event, [reference() for reference in kept])
        task = asyncio.create_task(lock.acquire())
        await task
        lock.release()
        if not number % 50:
            gc.collect()

asyncio.run(main())
"""


def test_what_was_there_before_leaves_no_trace(tmp_path):
    outcome = Workplace(tmp_path).same(AGAIN_AND_AGAIN)
    assert outcome.status == 0
    assert outcome.output.count("was never awaited") == 200
    assert outcome.output.count("exception was never retrieved") == 200
