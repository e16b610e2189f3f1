"""A program for a strict type checker: each line says what its type must come out as.

It is checked, never run.
"""

import asyncio
import contextvars
from typing import Any, assert_type

import stook
import stook.events


async def number() -> int:
    return 1


async def text() -> str:
    return "a"


async def tasks() -> None:
    task = stook.create_task(number(), name="one")
    assert_type(task, asyncio.Task[int])
    assert_type(await task, int)
    assert_type(stook.current_task(), asyncio.Task[Any] | None)
    both = await stook.gather(number(), text())
    assert_type(both, tuple[int, str])
    either = await stook.gather(number(), text(), return_exceptions=True)
    assert_type(either, tuple[int | BaseException, str | BaseException])
    done, pending = await stook.wait([task], timeout=1.5)
    assert_type(done, set[asyncio.Task[int]])
    assert_type(pending, set[asyncio.Task[int]])
    assert_type(await stook.sleep(0, "slept"), str)


async def first_of_several() -> None:
    task = stook.create_task(number())
    done, pending = await stook.wait_any({task}, timeout=1.5)
    assert_type(done, set[asyncio.Task[int]])
    assert_type(pending, set[asyncio.Task[int]])
    assert_type(await stook.race(number(), number(), losers="await"), int)
    assert_type(await stook.first_success(text(), text()), str)
    assert_type(await stook.gather(number(), number(), on_error="cancel"), list[int])
    assert_type(await stook.detect_cancel(task), int)
    [ended] = await stook.cancel_and_wait(task, reason="closing", timeout=1)
    assert_type(ended, stook.Ended)


async def cancelled() -> None:
    try:
        await number()
    except asyncio.CancelledError as error:
        record = stook.cancellation(error)
        assert_type(record, stook.Cancellation | None)
        if record is not None and record.where is not None and record.who is not None:
            assert_type(record.is_mine(), bool)
            assert_type((record.where.line, record.who.name), tuple[int | None, str])
    assert_type(stook.cancel(stook.create_task(number()), reason=[1]), bool)


async def ours_are_asyncio_s() -> None:
    future: asyncio.Future[int] = stook.Future[int]()
    task: asyncio.Task[int] = stook.Task(number())
    assert_type(await future, int)
    assert_type(await task, int)
    task.cancel("enough")


async def tokens() -> None:
    with stook.CancellationSource() as source:
        linked = stook.CancellationSource.linked(source.token, stook.CancellationToken.none())
        assert_type(linked, stook.CancellationSource)
        linked.cancel_after(0.5, reason="late")
        assert_type(source.cancel(), bool)
    token = linked.token
    assert_type(token, stook.CancellationToken)
    assert_type(token.is_cancelled, bool)
    with token.register(lambda fired: print(fired.reason)) as registration:
        assert_type(registration.unregister(), bool)
    assert_type(await token.wait(), Any)
    async with token as entered:
        assert_type(entered, stook.CancellationToken)
    token.raise_if_cancelled()
    task = stook.create_task(number(), name="one", token=token)
    assert_type(task, asyncio.Task[int])
    assert_type(await stook.when_all([number(), task], token), list[int])
    assert_type(await stook.when_any([number(), task], token=None), tuple[int, int])


def loops() -> None:
    loop = stook.new_event_loop()
    assert_type(loop, stook.EventLoop)
    base: asyncio.AbstractEventLoop = loop
    policy: asyncio.AbstractEventLoopPolicy = stook.EventLoopPolicy()
    asyncio.set_event_loop_policy(policy)
    handle = base.call_later(0.5, print, "later", context=contextvars.copy_context())
    assert_type(handle.when(), float)
    assert_type(loop.run_until_complete(number()), int)


def ways_in() -> None:
    stook.install()
    stook.uninstall()
    stook.allow_nesting(None)
    assert_type(stook.run(number(), debug=True), int)
    assert_type(stook.run(text(), loop_factory=stook.new_event_loop), str)
    assert_type(asyncio.run(number(), debug=False), int)


def wrong() -> None:
    stook.run(number)  # type: ignore[arg-type]
    stook.sleep("a")  # type: ignore[call-overload]
    stook.new_event_loop(1)  # type: ignore[call-arg]
    stook.CancellationSource(1)  # type: ignore[arg-type]
    stook.CancellationToken.none().register(1)  # type: ignore[arg-type]
