"""What a program does, or has a destructor do, between requests to cancel that are put off.

Where many tasks that wait for each other are asked one after the other, requests are counted later,
together: nobody is to notice.
"""

import contextlib

import pytest

pytestmark = pytest.mark.native


async def wait(awaited):
    """Wait for something, and no more."""
    return await awaited


class Message:
    """A message that calls something when it goes."""

    def __init__(self, goes):
        self.goes = goes

    def __del__(self):
        self.goes()


class Chain:
    """A task that awaits a gather of another task, which waits for a future."""

    def __init__(self, engine, loop):
        self.future = loop.create_future()
        self.below = loop.create_task(wait(self.future), name="below")
        self.gathered = engine.gather(self.below)
        self.above = loop.create_task(wait(self.gathered), name="above")

    @classmethod
    async def begun(cls, engine, loop):
        chain = cls(engine, loop)
        for _ in range(2):
            await engine.sleep(0)
        return chain

    def ask_often(self):
        """Ask so often that the next record takes the place of another."""
        for _ in range(8):
            self.above.cancel("often")
        assert self.counts() == (8, 8)

    def counts(self):
        return self.below.cancelling(), self.above.cancelling()

    async def end(self, engine):
        self.above.cancel()
        await engine.wait([self.above])
        assert self.above.cancelled()
        assert self.below.cancelled()


@pytest.mark.parametrize("is_inside", [False, True])
async def test_a_gather_of_two_tasks_tells_of_the_request_that_came_last(engine, loop, is_inside):
    stook = pytest.importorskip("stook")
    chain = await Chain.begun(engine, loop)
    inside = engine.gather(chain.gathered, loop.create_future()) if is_inside else chain.gathered
    other = loop.create_task(wait(inside))
    await engine.sleep(0)
    for reason in ("first", "second"):
        stook.cancel(chain.above, reason=reason)
    stook.cancel(other, reason="third")
    assert stook.cancellation(chain.gathered).chain[-1].reason == "third"
    assert chain.counts() == (3, 2)
    stook.cancel(other, reason="fourth")
    stook.cancel(chain.above, reason="fifth")
    assert stook.cancellation(chain.gathered).chain[-1].reason == "fifth"
    await chain.end(engine)
    await engine.wait([other])


async def test_a_task_that_is_renamed_has_asked_by_the_name_it_had(engine, loop):
    stook = pytest.importorskip("stook")
    caught = []

    async def catch():
        try:
            await loop.create_future()
        except engine.CancelledError as error:
            caught.append(stook.cancellation(error))
            raise

    lowest = loop.create_task(catch())
    middle = loop.create_task(wait(lowest), name="before")
    above = loop.create_task(wait(engine.gather(middle)))
    for _ in range(2):
        await engine.sleep(0)
    for reason in range(2):
        stook.cancel(above, reason=reason)
    middle.set_name("after")
    stook.cancel(above, reason=2)
    await engine.wait([above])
    [record] = caught
    names = [met.who.name for met in (record, *record.others)]
    assert names == ["before", "before", "after"]


async def test_a_future_that_begins_anew_on_another_loop_is_asked(engine, loop):
    chain = await Chain.begun(engine, loop)
    with contextlib.closing(engine.new_event_loop()) as other:
        chain.future.__init__(loop=other)
        assert chain.above.cancel("first")
        assert chain.future.cancelled()
        assert chain.above.cancel("second")
        chain.future.__init__(loop=loop)
        assert chain.above.cancel("third")
        assert chain.future.cancelled()
        assert chain.counts() == (3, 3)
        assert chain.below._must_cancel
    # It does not wake the task any more.
    chain.below.__init__(wait(loop.create_future()), loop=loop)
    await engine.sleep(0)
    chain.below.add_done_callback(chain.gathered._done_callback)
    await chain.end(engine)


async def test_a_child_that_begins_anew_on_another_loop_is_asked(engine, loop):
    chain = await Chain.begun(engine, loop)
    with contextlib.closing(engine.new_event_loop()) as other:
        never_begun = wait(other.create_future())
        chain.below.__init__(never_begun, loop=other)
        for message in ("first", "second", "third"):
            assert chain.above.cancel(message)
        assert chain.below.cancelling() == 3
        assert chain.below._cancel_message == "third"
        # Its first step is on a loop that does not run.
        chain.below._log_destroy_pending = False
        chain.below.__init__(wait(loop.create_future()), loop=loop)
    await engine.sleep(0)
    chain.below.add_done_callback(chain.gathered._done_callback)
    await chain.end(engine)
    never_begun.close()


async def test_a_task_that_begins_anew_on_another_loop_is_asked(engine, loop):
    messages = ("first", "second", "third")
    with contextlib.closing(engine.new_event_loop()) as other:
        never_begun = wait(other.create_future())
        lowest = loop.create_task(wait(loop.create_future()))
        middle = loop.create_task(wait(lowest))
        above = loop.create_task(wait(middle))
        for _ in range(2):
            await engine.sleep(0)
        lowest.__init__(never_begun, loop=other)
        for message in messages:
            assert above.cancel(message)
        assert lowest.cancelling() == len(messages)
        assert lowest._cancel_message == messages[-1]
        lowest._log_destroy_pending = False
        lowest.__init__(wait(loop.create_future()), loop=loop)
    await engine.sleep(0)
    middle.__init__(wait(lowest), loop=loop)
    await engine.sleep(0)
    never_begun.close()
    middle.cancel()
    await engine.wait([middle])
    above.__init__(wait(middle), loop=loop)
    await engine.wait([above])
    assert above.cancelled()


async def test_a_destructor_finds_all_requests_counted(engine, loop):
    chains = [await Chain.begun(engine, loop) for _ in range(5)]
    asked, seen = [8] * 5, []

    def look():
        seen.append([chain.counts() for chain in chains] == [(count, count) for count in asked])

    for chain in chains:
        chain.ask_often()
    for number, chain in enumerate(chains):
        asked[number] += 1
        chain.above.cancel(Message(look))
    for number, chain in enumerate(chains):
        asked[number] += 1
        chain.above.cancel("last")
    assert [chain.counts() for chain in chains] == [(10, 10)] * 5
    assert seen == [True] * 5
    for chain in chains:
        await chain.end(engine)


async def test_a_destructor_asks_anew_while_others_are_counted(engine, loop):
    chain = await Chain.begun(engine, loop)
    chain.ask_often()
    chain.above.cancel(Message(lambda: [chain.above.cancel(number) for number in range(3)]))
    chain.above.cancel("last")
    assert chain.counts() == (13, 13)
    assert chain.below._cancel_message == 2
    await chain.end(engine)


@pytest.mark.parametrize("which", ["below", "above"])
async def test_a_destructor_asks_anew_while_a_request_is_passed_on(engine, loop, which):
    chain = await Chain.begun(engine, loop)
    asked = getattr(chain, which)
    for _ in range(8):
        asked.cancel("often")
        assert asked.cancelling() == chain.below.cancelling()
    asked.cancel(Message(lambda: asked.cancel("anew")))
    assert asked.cancelling() == 9
    asked.cancel("last")
    assert asked.cancelling() == chain.below.cancelling() == 11
    assert chain.below._cancel_message == "anew"
    # None of them goes on before what it awaits is over.
    assert asked._fut_waiter is not None
    await chain.end(engine)


async def test_a_destructor_asks_anew_while_a_gather_is_asked_that_is_about_to_end(engine, loop):
    chain = await Chain.begun(engine, loop)
    chain.future.set_result("result")
    await engine.sleep(0)
    assert chain.below.done()
    assert not chain.gathered.done()
    assert not chain.gathered.cancel(Message(lambda: chain.above.cancel("anew")))
    assert chain.above.cancel("last")
    assert chain.above.cancelling() == 2
    assert chain.above._cancel_message == "anew"
    assert chain.above._fut_waiter is chain.gathered
    await engine.wait([chain.above])
    assert chain.above.cancelled()
