"""A monkey at the keyboard: random operations on shared futures, tasks, handles and loops.

    python tests/monkey.py SEED ROUNDS

The operations come from every place from which Python code can run: finalisers, comparisons,
hashes, conversions, callbacks of weak references, coroutines, callbacks and exception handlers.
What they raise is of no interest. A crash, a ``SystemError`` (a native function that breaks the
interpreter's rules) or a panic is; ``alive`` is printed at the end, and ``wrong:`` before
each such error.
"""

import asyncio
import contextvars
import copy
import gc
import sys
import warnings

import monkey_things
from monkey_things import (
    KINDS,
    NATIVE,
    TASKS,
    Failure,
    Hook,
    attempt,
    chance,
    future,
    keep,
    loop,
    loops,
    native,
    note,
    objects,
    one,
    operation,
    references,
    swing,
    wrong,
)
from stook import _core, new_event_loop


def task():
    return native(_core.Task, lambda: keep(loop().create_task(body())))


async def body():
    hook = Hook()
    try:
        for _ in range(chance.randrange(4)):
            swing()
            await chance.choice(AWAITS)()
    except asyncio.CancelledError:
        swing()
        if chance.random() < 0.5:
            raise
    finally:
        swing()
    return hook


def several(*makers):
    return [chance.choice(makers)() for _ in range(chance.randrange(4))]


def gathered():
    return _core.gather(*several(future, task, body), return_exceptions=chance.random() < 0.5)


def waited():
    return _core.wait(
        [future(), *several(future)],
        timeout=chance.choice([None, 0, 0.0001, Hook()]),
        return_when=chance.choice(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]),
    )


AWAITS = [
    lambda: _core.sleep(0),
    lambda: _core.sleep(chance.choice([0.0001, Hook()]), Hook()),
    future,
    task,
    gathered,
    waited,
    lambda: asyncio.wait_for(future(), 0.0001),
    lambda: Failure().hook,
]


@operation
def make_future():
    keep(chance.choice(KINDS)(loop=loop()))


@operation
def make_task():
    keep(chance.choice(TASKS)(body(), loop=loop(), name=chance.choice([None, Hook()])))


@operation
def make_blank():
    kind = chance.choice([*NATIVE, *KINDS, *TASKS])
    keep(kind.__new__(kind))


@operation
def make_coroutine():
    keep(chance.choice([lambda: _core.sleep(Hook()), lambda: _core.wait(Hook()), body])())


@operation
def drive_coroutine():
    made = chance.choice([thing for thing in objects if hasattr(thing, "cr_frame")])
    acts = [lambda: made.send(None), lambda: made.throw(Failure()), made.close]
    looks = [lambda: made.cr_frame, lambda: made.cr_await, lambda: repr(made)]
    chance.choice(acts + looks)()


@operation
def initialise_again():
    found = future()
    found.__init__(*([body()] if isinstance(found, _core.Task) else []), loop=loop())


@operation
def add_callback():
    callback = chance.choice([Hook(), swing, future().cancel])
    future().add_done_callback(callback, context=chance.choice([contextvars.copy_context(), None]))


@operation
def remove_callback():
    future().remove_done_callback(Hook())


@operation
def set_result():
    future().set_result(chance.choice([Hook(), one(), None]))


@operation
def set_exception():
    future().set_exception(chance.choice([Failure, Failure(), StopIteration(1), Hook()]))


@operation
def cancel():
    future().cancel(Hook())


@operation
def use_attributes():
    found = future()
    name = chance.choice([name for name in dir(found) if name != "__init__"])
    chance.choice(
        [
            lambda: getattr(found, name),
            lambda: getattr(found, name)(),
            lambda: setattr(found, name, chance.choice([Hook(), None, one()])),
            lambda: delattr(found, name),
        ]
    )()


@operation
def finalise():
    future().__del__()


@operation
def iterate():
    iterator = keep(iter(future()))
    acts = [lambda: iterator.send(1), lambda: iterator.throw(Failure()), iterator.close]
    chance.choice([lambda: next(iterator), *acts])()


@operation
def gather():
    with_running(loop(), lambda: keep(gathered()))


@operation
def gather_by_hand():
    made = keep(_core._GatheringFuture(chance.choice([Hook(), [future()]]), loop=loop()))
    made._children = chance.choice([[], [future(), made], None, Hook()])
    made._done_callback(future())


@operation
def schedule():
    keep(loop().call_soon(Hook(), chance.choice([1, Hook()])))
    keep(loop().call_later(chance.choice([0, 0.0001, Hook(), float("nan"), 5]), Hook()))
    loop().call_soon_threadsafe(Hook())


@operation
def use_handle():
    handle, other = native(_core.Handle), one()
    looks = [lambda: repr(handle), lambda: hash(handle), lambda: handle == other]
    chance.choice([handle.cancel, handle._run, lambda: handle < other, *looks])()


@operation
def look_at_tasks():
    objects.extend([*_core.all_tasks(loop())][:5])
    _core.current_task(loop())


@operation
def enter_and_leave():
    chosen = loop()
    if not chosen.is_running():
        entered = task()
        _core._enter_task(chosen, entered)
        _core._leave_task(chosen, entered)


@operation
def register():
    chance.choice([_core._register_task, _core._unregister_task])(chance.choice([task(), one()]))


@operation
def look_at_loop():
    chosen = loop()
    chosen._ready, chosen._scheduled, chosen._tasks(), chosen._timer_cancelled_count


@operation
def clear_loop():
    if chance.random() < 0.05:
        loop()._clear_queues()


@operation
def set_debug():
    loop().set_debug(chance.random() < 0.3)


@operation
def collect():
    collect_alone(chance.randrange(3))


def collect_alone(generation):
    """Collect, but not while another collection is due.

    CPython 3.12 would run that inside this one, as soon as this one calls a finaliser, and crash.
    """
    gc.disable()
    for _ in (1, 2):
        pass  # here what is due runs
    gc.collect(generation)
    gc.enable()


@operation
def drop():
    del objects[: chance.randrange(20)]


@operation
def make_cycle():
    found = one()
    found.cycle, found.other = found, one()


@operation
def run_nested():
    run_turns(next((running for running in loops if running.is_running()), loop()))


@operation
def call_callbacks():
    found = future()
    for callback, _ in found._callbacks or []:
        keep(callback)(found)


@operation
def copy_and_show():
    repr(one())
    copy.copy(one())


OPERATIONS_A_ROUND = 40


def with_running(chosen, function):
    before = asyncio._get_running_loop()
    for setter in (asyncio._set_running_loop, _core._set_running_loop):
        setter(chosen)
    try:
        function()
    finally:
        for setter in (asyncio._set_running_loop, _core._set_running_loop):
            setter(before)


def run_turns(chosen):
    def turns():
        for _ in range(chance.randrange(1, 4)):
            chosen.call_soon(int)  # so that the turn does not wait
            chosen._run_once()

    with_running(chosen, turns)


def handle_exception(_loop, context):
    note(context.get("exception"))
    swing()


def main(seed, rounds):
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda unraisable: note(unraisable.exc_value)
    chance.seed(seed)
    for _ in range(2):
        loops.append(new_event_loop())
        loops[-1].set_exception_handler(handle_exception)
    gc.set_threshold(chance.choice([1, 3, 20, 700]), chance.choice([1, 10]))
    for _ in range(rounds):
        monkey_things.left = OPERATIONS_A_ROUND
        swing()
        if chance.random() < 0.3:
            attempt(run_turns, loop())
    monkey_things.left = 0
    del objects[:], references[:]
    collect_alone(2)
    gc.disable()
    for error in wrong:
        print("wrong:", error)
    print("alive")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
