"""What the unsafe layer has to stand: reentrancy, errors everywhere, threads, odd memory."""

import gc
import inspect
import itertools
import pathlib
import sys
import traceback

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

MONKEY = pathlib.Path(__file__).with_name("monkey.py")
CHECKED_MEMORY = {"PYTHONMALLOC": "debug", "PYTHONASYNCIODEBUG": ""}


@pytest.mark.parametrize("seed", range(6))
def test_monkey_finds_no_crash_and_no_broken_rule(seed):
    arguments = ["-X", "faulthandler", str(MONKEY), str(seed), "600"]
    process = run_python(arguments, environment=CHECKED_MEMORY)
    assert process.returncode == 0, process.stderr
    said = [line for line in process.stdout.splitlines() if line.startswith(("alive", "wrong"))]
    assert said == ["alive"], process.stderr
    assert "panicked at" not in process.stderr


THREADS = """
import asyncio, gc, random, sys, threading, time
import stook

SECONDS = 1.5
gc.disable()  # CPython 3.12 crashes when a collection comes due inside one that was asked for
sys.setswitchinterval(1e-6)
loops, errors, over = [], [], threading.Event()


async def child(number):
    await stook.sleep(random.choice([0, 0, 0.0005]))
    if number == 3:
        raise ValueError
    return number


async def main(loop):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        children = (child(number) for number in range(5))
        results = await stook.gather(*children, return_exceptions=True)
        assert [type(result) for result in results].count(int) == 4
        sleeper = loop.create_task(stook.sleep(3600))
        await stook.sleep(0)
        sleeper.cancel()
        await stook.wait([sleeper])
        other = random.choice(loops)
        other.call_soon_threadsafe(int)
        asyncio.run_coroutine_threadsafe(child(0), other)
        stook.all_tasks(other), other._ready, other._scheduled, stook.current_task(other)


def work():
    loop = stook.new_event_loop()
    loops.append(loop)
    try:
        loop.run_until_complete(main(loop))
    except BaseException as error:
        errors.append(error)


def collect():
    while not over.is_set():
        gc.collect()


workers = [threading.Thread(target=work) for _ in range(4)]
collector = threading.Thread(target=collect)
for thread in (*workers, collector):
    thread.start()
for thread in workers:
    thread.join()
over.set()
collector.join()
for loop in loops:
    loop.run_until_complete(stook.sleep(0.01))
    loop.close()
print(errors)
"""


def test_threads_use_each_others_loops_while_another_one_collects():
    process = run_python(["-X", "faulthandler", "-c", THREADS], environment=CHECKED_MEMORY)
    assert output_of(process) == "[]\n"


def natives():
    """Return an instance of each native class, and what has to be ended afterwards."""
    import stook
    from stook import _core

    loop = stook.new_event_loop()
    things = [
        loop,
        loop.create_future(),
        _core.Task.__new__(_core.Task),
        _core._GatheringFuture.__new__(_core._GatheringFuture),
        loop.call_soon(int),
        loop.call_later(3600, int),
        iter(loop.create_future()),
        stook.sleep(0),
        stook.wait([loop.create_future()]),
        stook.gather,
    ]
    return loop, things


@pytest.fixture
def instances():
    loop, things = natives()
    yield things
    for thing in things:
        if hasattr(thing, "cr_frame"):
            thing.close()
    loop.close()


def test_no_object_can_take_on_the_class_of_another_layout(instances):
    set_class = vars(object)["__class__"].__set__
    for thing, other in itertools.permutations(instances, 2):
        if type(thing) is not type(other):
            with pytest.raises(TypeError):
                set_class(thing, type(other))


def test_no_class_can_inherit_two_layouts(instances):
    import _asyncio

    ours = {type(thing) for thing in instances}
    made = []
    for pair in itertools.permutations(ours | {_asyncio.Future, _asyncio.Task, dict, int}, 2):
        related = issubclass(*pair) or issubclass(*reversed(pair))
        if ours.isdisjoint(pair) or related:
            continue
        try:
            made.append(type("Both", pair, {}))
        except TypeError:
            pass
    assert made == []


def test_what_has_no_constructor_cannot_be_made_by_that_of_another_class(instances):
    for thing in instances:
        cls = type(thing)
        with pytest.raises(TypeError):
            object.__new__(cls)
        with pytest.raises(TypeError):
            object.__new__(type("Deeper", (cls,), {"__new__": object.__new__}))


def test_frame_of_a_native_coroutine_stands_all_that_is_done_with_frames(capsys):
    import stook

    async def main():
        future = stook.get_running_loop().create_future()
        for coroutine in (stook.sleep(3600), stook.wait([future])):
            for has_begun in (False, True):
                if has_begun:
                    coroutine.send(None)
                frame = coroutine.cr_frame
                assert frame.f_code.co_name == coroutine.__name__
                assert frame.f_back is None
                assert inspect.getcoroutinelocals(coroutine) == {}
                traceback.print_stack(frame)
                with pytest.raises(ValueError):
                    frame.f_lineno = 1
                frame.f_trace = print
                frame.clear()
                del frame
                gc.collect()
            coroutine.close()
            assert coroutine.cr_frame is None

    stook.run(main())


class Refusal(Exception):
    """What a :class:`Refusing` object raises."""


class Refusing:
    """An object that answers every question with an error."""

    def refuse(self, *_):
        raise Refusal

    __eq__ = __hash__ = __bool__ = __float__ = __iter__ = __str__ = refuse
    __le__ = __lt__ = __radd__ = __call__ = refuse


def failing_calls(loop, future, coroutine, odd):
    """Return calls that fail, at every place at which an argument is asked something."""
    import stook
    from stook import _core

    def drive(made):
        try:
            made.send(None)
        finally:
            made.close()

    return {
        "Future(1)": lambda: _core.Future(1),
        "Future(loop=odd)": lambda: _core.Future(loop=odd),
        "Future(odd=1)": lambda: _core.Future(loop=loop, odd=odd),
        "Task(odd)": lambda: _core.Task(odd, loop=loop),
        "Task(name=odd)": lambda: _core.Task(coroutine, loop=loop, name=odd),
        "set_exception(odd)": lambda: loop.create_future().set_exception(odd),
        "remove_done_callback(odd)": lambda: future.remove_done_callback(odd),
        "add_done_callback(odd, odd)": lambda: future.add_done_callback(odd, odd),
        "cancel(odd, odd)": lambda: future.cancel(odd, odd),
        "blocking = odd": lambda: setattr(future, "_asyncio_future_blocking", odd),
        "_log_traceback = odd": lambda: setattr(future, "_log_traceback", odd),
        "del _cancel_message": lambda: delattr(future, "_cancel_message"),
        "iterator.throw(odd)": lambda: iter(future).throw(odd),
        "gather(odd)": lambda: stook.gather(odd),
        "gather(future, return_exceptions=odd)": lambda: stook.gather(
            future, return_exceptions=odd
        ),
        "_GatheringFuture(odd).cancel": lambda: _core._GatheringFuture(odd, loop=loop).cancel(),
        "ensure_future(odd)": lambda: stook.ensure_future(odd, loop=loop),
        "sleep(odd)": lambda: drive(stook.sleep(odd)),
        "wait(odd)": lambda: drive(stook.wait(odd)),
        "wait([odd])": lambda: drive(stook.wait([odd])),
        "wait(timeout=odd)": lambda: drive(stook.wait([future], timeout=odd)),
        "wait(return_when=odd)": lambda: drive(stook.wait([future], return_when=odd)),
        "call_soon(odd=odd)": lambda: loop.call_soon(int, odd=odd),
        "call_at(odd)": lambda: loop.call_at(odd, int),
        "call_later(odd)": lambda: loop.call_later(odd, int),
        "_add_callback(odd)": lambda: loop._add_callback(odd),
        "set_debug(odd)": lambda: loop.set_debug(odd),
        "_enter_task(odd)": lambda: _core._enter_task(odd, odd),
        "_register_task(odd)": lambda: _core._register_task(odd),
        "all_tasks(1, 2)": lambda: stook.all_tasks(1, 2),
        "all_tasks()": lambda: stook.all_tasks(),
    }


ROUNDS = 200
FAILING_CALLS = list(failing_calls(*[None] * 4))


@pytest.mark.parametrize("name", FAILING_CALLS)
def test_failing_call_releases_what_it_took_and_its_error(name):
    import stook
    from stook import _core

    loop = stook.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    future, coroutine, odd = loop.create_future(), stook.sleep(0), Refusing()
    watched = [loop, future, coroutine, odd, Refusal, TypeError, Refusing]
    watched += [_core.Future, _core.Task, _core._GatheringFuture, _core.Handle, _core.TimerHandle]
    call = failing_calls(loop, future, coroutine, odd)[name]

    def repeat():
        for _ in range(ROUNDS):
            with pytest.raises((Refusal, TypeError, AttributeError, RuntimeError)):
                call()
        loop._clear_queues()
        gc.collect()

    future.add_done_callback(int)
    repeat()
    before = [sys.getrefcount(thing) for thing in watched]
    repeat()
    after = [sys.getrefcount(thing) for thing in watched]
    coroutine.close()
    loop.close()
    grown = {
        thing: now - then
        for thing, then, now in zip(map(repr_of, watched), before, after, strict=True)
        if abs(now - then) > ROUNDS // 4
    }
    assert grown == {}


def repr_of(thing):
    return getattr(thing, "__name__", type(thing).__name__)
