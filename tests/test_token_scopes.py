"""Blocks of a token that another task leaves than the one that has entered them."""

import asyncio
import contextlib

import pytest

pytestmark = [pytest.mark.needs_stook, pytest.mark.anywhere]

try:
    import stook
except ImportError:
    stook = None


async def forever():
    """Sleep until cancelled."""
    await asyncio.sleep(3600)


async def in_a_block(token):
    """An asynchronous generator that waits in a block of the token."""
    async with token:
        yield "in"


async def in_a_stack(token):
    """The same, by way of a stack."""
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(token)
        yield "in"


@pytest.mark.parametrize("generator", [in_a_block, in_a_stack])
async def test_a_block_that_another_task_leaves_is_that_of_who_entered_it(engine, loop, generator):
    source = stook.CancellationSource()
    token = source.token
    entered, left = asyncio.Event(), asyncio.Event()

    async def enters():
        made.append(generator(token))
        assert await made[0].__anext__() == "in"
        entered.set()
        await left.wait()
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    made = []
    task = asyncio.ensure_future(enters())
    await entered.wait()
    async with token:
        await made[0].aclose()
        left.set()
        # Its own block is still one.
        loop.call_soon(source.cancel, "mine")
        with pytest.raises(asyncio.CancelledError) as caught:
            await forever()
        assert stook.cancellation(caught.value).reason == "mine"
    assert asyncio.current_task().cancelling() == 0
    assert await task == 0


@pytest.mark.parametrize("generator", [in_a_block, in_a_stack])
async def test_a_block_that_a_task_leaves_which_is_in_none(engine, loop, generator):
    source = stook.CancellationSource()
    made = []

    async def enters():
        made.append(generator(source.token))
        await made[0].__anext__()

    await asyncio.ensure_future(enters())
    await made[0].aclose()
    assert source.token._scopes._of_task == {}
    assert source.cancel() is True


async def test_a_block_that_has_asked_is_left_by_another_task(engine, loop):
    source = stook.CancellationSource()
    entered = asyncio.Event()
    made = []

    async def enters():
        made.append(in_a_block(source.token))
        await made[0].__anext__()
        entered.set()
        try:
            await forever()
        except asyncio.CancelledError:
            before = asyncio.current_task().cancelling()
            await closes()
            return before, asyncio.current_task().cancelling()

    async def closes():
        await asyncio.ensure_future(made[0].aclose())

    task = asyncio.ensure_future(enters())
    await entered.wait()
    source.cancel()
    assert asyncio.current_task().cancelling() == 0
    assert await task == (1, 0)
    assert asyncio.current_task().cancelling() == 0


async def test_blocks_that_are_left_in_the_order_in_which_they_were_entered(engine, loop):
    source = stook.CancellationSource()
    first, second = in_a_block(source.token), in_a_stack(source.token)
    await first.__anext__()
    await second.__anext__()
    await first.aclose()
    source.cancel("second")
    with pytest.raises(asyncio.CancelledError):
        await forever()
    assert asyncio.current_task().cancelling() == 1
    await second.aclose()
    assert asyncio.current_task().cancelling() == 0


async def test_methods_that_are_called_by_their_names(engine, loop):
    source = stook.CancellationSource()
    token = source.token
    assert hasattr(token, "__aexit__")
    await token.__aenter__()
    async with token:
        await token.__aenter__()
        await token.__aexit__(None, None, None)
    await type(token).__aexit__(token, None, None, None)
    assert token._scopes._of_task == {}
    with pytest.raises(RuntimeError, match="has not entered a block of this token"):
        await token.__aexit__(None, None, None)
    async with contextlib.AsyncExitStack() as stack:
        await token.__aenter__()
        stack.push_async_exit(token)
    assert token._scopes._of_task == {}


async def test_a_block_is_left_once(engine, loop):
    token = stook.CancellationSource().token
    leave = token.__aexit__
    await token.__aenter__()
    await leave(None, None, None)
    with pytest.raises(RuntimeError, match="has not entered a block of this token"):
        await leave(None, None, None)
    async with token:
        with pytest.raises(RuntimeError, match="has not entered a block of this token"):
            await leave(None, None, None)
    assert token._scopes._of_task == {}


def test_a_block_that_is_left_when_no_loop_runs(engine):
    source = stook.CancellationSource()
    made = []

    async def main():
        made.append(in_a_block(source.token))
        await made[0].__anext__()

    loop = engine.new_event_loop()
    loop.run_until_complete(main())
    with pytest.raises(StopIteration):
        made[0].aclose().send(None)
    assert source.token._scopes._of_task == {}
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def test_a_block_of_a_token_that_is_never_cancelled(engine, loop):
    closed = stook.CancellationSource()
    closed.close()
    for token in (stook.CancellationToken.none(), closed.token):
        async with token:
            await asyncio.sleep(0)
        assert asyncio.current_task().cancelling() == 0
