"""First-ofs that end otherwise: closed by hand, thrown into, and with methods that raise."""

import asyncio

import pytest

import stook
from loops import LOOPS, run_on

pytestmark = pytest.mark.needs_stook


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine function on each kind of loop."""
    return lambda main: run_on(request.param, main)


async def turns(count):
    """Let so many turns go by."""
    for _ in range(count):
        await asyncio.sleep(0)


async def for_ever():
    """Wait until cancelled."""
    await asyncio.Event().wait()


class Refuses(stook.Task):
    """A task whose method raises when it is asked to cancel, for the first time."""

    def __init__(self, error):
        super().__init__(for_ever(), loop=asyncio.get_running_loop())
        self.error = error
        self.asked = 0

    def cancel(self, msg=None):
        """Raise once; then be asked."""
        self.asked += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return super().cancel(msg)


def contexts(error):
    """Return an exception and those behind it."""
    found = []
    while error is not None:
        found.append(error)
        error = error.__context__
    return found


# methods that raise


async def told():
    """Return None after some turns."""
    await turns(3)


RACES = {
    "race": lambda *tasks: stook.race(told(), *tasks),
    "first_success": lambda *tasks: stook.first_success(told(), *tasks),
    "gather": lambda *tasks: stook.gather(broken(), *tasks, on_error="cancel"),
    "wait_any": lambda *tasks: stook.wait_any([asyncio.ensure_future(told()), *tasks]),
    "wait_any, timeout": lambda *tasks: stook.wait_any(tasks, timeout=0.001),
    "cancel_and_wait": stook.cancel_and_wait,
}


async def broken():
    """Fail after some turns."""
    await turns(3)
    raise OSError("broken")


@pytest.mark.parametrize("way", RACES)
def test_all_are_asked_though_the_method_of_one_raises(run, way):
    async def main():
        errors = [KeyError("one"), KeyError("two")]
        others = [asyncio.ensure_future(for_ever()) for _ in range(3)]
        refusing = [Refuses(error) for error in errors]
        mixed = [others[0], refusing[0], others[1], refusing[1], others[2]]
        await turns(1)
        with pytest.raises(KeyError) as caught:
            await RACES[way](*mixed)
        # Of a set the order is not known.
        assert set(errors) <= set(contexts(caught.value))
        if not way.startswith("wait_any"):
            assert caught.value is errors[0]
        await turns(3)
        assert [task.cancelled() for task in others] == [True, True, True]
        assert [task.asked for task in refusing] == [1, 1]
        for task in refusing:
            task.cancel()
        await asyncio.wait(refusing)

    run(main)


@pytest.mark.parametrize("way", ["race", "wait_any"])
def test_what_a_method_raises_stands_before_the_cancellation(run, way):
    async def main():
        refusing, other = Refuses(KeyError("no")), asyncio.ensure_future(for_ever())
        waiting = {"race": stook.race, "wait_any": lambda *tasks: stook.wait_any(tasks)}[way]
        task = asyncio.ensure_future(waiting(refusing, other))
        await turns(2)
        task.cancel("enough")
        with pytest.raises(KeyError) as caught:
            await task
        assert [type(error) for error in contexts(caught.value)] == [
            KeyError,
            asyncio.CancelledError,
        ]
        await turns(2)
        assert other.cancelled()
        refusing.cancel()
        await asyncio.wait([refusing])

    run(main)


def test_one_error_raised_by_two_is_no_ring(run):
    async def main():
        error = KeyError("shared")
        refusing = Refuses(error), Refuses(error)
        await turns(1)
        with pytest.raises(KeyError) as caught:
            await stook.cancel_and_wait(*refusing)
        assert caught.value is error
        assert error.__context__ is None
        for task in refusing:
            task.cancel()
        await asyncio.wait(refusing)

    run(main)


# closed by hand


CLOSED = {
    "race": lambda *tasks: stook.race(*tasks),
    "race, awaiting": lambda *tasks: stook.race(*tasks, losers="await"),
    "first_success": lambda *tasks: stook.first_success(*tasks),
    "gather": lambda *tasks: stook.gather(*tasks, on_error="cancel"),
}


def close(coroutine):
    """Close a coroutine."""
    coroutine.close()


def throw(coroutine):
    """Throw into a coroutine."""
    with pytest.raises(KeyError, match="thrown"):
        coroutine.throw(KeyError("thrown"))


@pytest.mark.parametrize("way", CLOSED)
@pytest.mark.parametrize("end", [close, throw])
def test_one_that_is_ended_by_hand_asks_the_tasks_that_it_made(run, way, end):
    async def main():
        before = asyncio.all_tasks()
        coroutine = CLOSED[way](for_ever(), for_ever())
        coroutine.send(None)
        made = asyncio.all_tasks() - before
        assert len(made) == 2
        await turns(1)
        end(coroutine)
        await turns(2)
        assert [task.cancelled() for task in made] == [True, True]

    run(main)


def test_one_that_leaves_losers_leaves_them_when_it_is_closed(run):
    async def main():
        task = asyncio.ensure_future(for_ever())
        for coroutine in (stook.race(task, losers="leave"), stook.detect_cancel(task)):
            coroutine.send(None)
            coroutine.close()
        await turns(2)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])

    run(main)


def test_one_in_an_asynchronous_generator_that_is_closed(run):
    async def main():
        before = asyncio.all_tasks()

        async def generator():
            yield 1
            await stook.race(for_ever(), for_ever())

        made = generator()
        assert await made.__anext__() == 1
        step = made.__anext__()
        step.send(None)
        tasks = asyncio.all_tasks() - before
        with pytest.raises(GeneratorExit):
            step.throw(GeneratorExit)
        await turns(2)
        assert [task.cancelled() for task in tasks] == [True, True]
        await made.aclose()

    run(main)


@pytest.mark.parametrize("kind", LOOPS)
def test_one_that_is_closed_between_two_runs_of_its_loop(kind):
    loop = LOOPS[kind]()
    coroutine = None

    async def begin():
        nonlocal coroutine
        before = asyncio.all_tasks()
        coroutine = stook.race(for_ever(), for_ever())
        coroutine.send(None)
        return asyncio.all_tasks() - before

    made = loop.run_until_complete(begin())
    coroutine.close()
    loop.run_until_complete(turns(3))
    assert [task.cancelled() for task in made] == [True, True]
    loop.close()


@pytest.mark.parametrize("kind", LOOPS)
def test_one_whose_loop_is_closed_is_closed_without_a_word(kind):
    loop = LOOPS[kind]()
    coroutine = None

    async def begin():
        nonlocal coroutine
        coroutine = stook.race(loop.create_future(), loop.create_future())
        coroutine.send(None)

    loop.run_until_complete(begin())
    loop.close()
    coroutine.close()
