"""What was released leaves nothing behind in the memory that the next object of its class gets."""

import asyncio
import gc
import weakref

import pytest

pytestmark = pytest.mark.needs_stook
MANY = 300


def test_futures_that_the_collector_finalised_do_not_silence_later_ones(engine):
    told = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        for number in range(MANY):
            future = loop.create_future()
            future.set_exception(ValueError(str(number)))
            if number % 2:
                future.itself = future
            del future
            gc.collect(0)
            await asyncio.sleep(0)
        gc.collect()

    engine.run(main())
    assert sorted(told, key=int) == [str(number) for number in range(MANY)]


def test_a_new_future_has_nothing_of_the_one_before(engine):
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(MANY):
            future = loop.create_future()
            assert not future.done() and not future.cancelled()
            assert future._callbacks is None and not hasattr(future, "mark")
            assert weakref.getweakrefcount(future) == 0
            assert gc.is_tracked(future)
            future.mark = weakref.ref(future)
            future.add_done_callback(print)
            future.remove_done_callback(print)
            future.cancel()

    engine.run(main())


def test_a_subclass_gets_no_memory_of_its_base(engine):
    class Wider(asyncio.Future):
        def __init__(self, number):
            super().__init__()
            self.number = number

    async def main():
        loop = asyncio.get_running_loop()
        for number in range(MANY):
            plain, wider = loop.create_future(), Wider(number)
            assert type(plain) is not Wider and wider.number == number
            assert not hasattr(plain, "number")
            wider.set_result(number)
            assert await wider == number
            del plain, wider

    engine.run(main())


def test_a_handle_that_was_cancelled_does_not_cancel_the_next(engine):
    ran = []

    async def main():
        loop = asyncio.get_running_loop()
        for number in range(MANY):
            loop.call_soon(ran.append, -1).cancel()
            handle = loop.call_soon(ran.append, number)
            assert not handle.cancelled()
            del handle
            await asyncio.sleep(0)

    engine.run(main())
    assert ran == list(range(MANY))
