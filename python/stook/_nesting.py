"""Runs of an event loop from inside itself, for the programs that ask for them.

A loop that allows nesting can be run again by a task that it runs: the same ready queue goes on
in a deeper call, the outer task waits where it is. The compiled part does that; here are the
switch, and the two functions of asyncio that must know of it while nesting is on for the whole
process: ``asyncio.run``, which then stays on the loop that there is, and the policy's
``get_event_loop``, which then makes a loop where there is none.

Does not change loops of other kinds, and is not seen by a program that has not asked.
"""

import contextlib
import functools
import sys


class _State:
    """What nesting has changed in this process.

    Attributes:
        everywhere: Whether every loop that stook makes allows nesting.
        stays_on_loop: Whether ``asyncio.run`` outside a running loop uses the policy's loop and
            leaves it open, or makes and closes one of its own.
        own_run: ``asyncio.run`` as it was.
        run: What is in its place; ``None`` while nothing is.
        policy: The policy whose ``get_event_loop`` always finds a loop.
    """

    everywhere = False
    stays_on_loop = False
    own_run = None
    run = None
    policy = None


def allow_nesting(loop=None):
    """Let an event loop of stook be run again while it runs.

    Args:
        loop: The loop. ``None`` stands for every loop that stook makes from now on and, in this
            thread, for the one that is running; ``asyncio.run`` called from a running loop then
            runs on that loop.

    Raises:
        TypeError: The loop is not one of stook's.
    """
    if loop is not None and not is_ours(loop):
        raise TypeError(f"an event loop of stook was expected, got {loop!r}")
    import asyncio

    if loop is None:
        _State.everywhere = True
        _replace_run()
        loop = asyncio._get_running_loop()
    if is_ours(loop):
        loop.nesting_allowed = True


def forbid_nesting():
    """Take back what was changed for the whole process. Loops that exist stay as they are."""
    if _State.run is not None:
        import asyncio

        if asyncio.run is _State.run:
            asyncio.run = _State.own_run
    if _State.policy is not None:
        vars(_State.policy).pop("get_event_loop", None)
    _State.everywhere = _State.stays_on_loop = False
    _State.own_run = _State.run = _State.policy = None


def new_loops_allow_nesting():
    """Tell a loop that is being made whether it allows nesting."""
    return _State.everywhere


def allows_nesting(loop):
    """Whether this loop can be run while it runs."""
    return is_ours(loop) and loop.nesting_allowed


def is_ours(loop):
    """Whether this is an event loop of stook. Answers without importing what makes them."""
    events = sys.modules.get("stook.events")
    return events is not None and isinstance(loop, events.EventLoop)


def run_nested(loop, main, debug=None):
    """Run an awaitable to its end on a loop, whether that is running or not.

    Args:
        loop: A loop that allows nesting.
        main: The coroutine or other awaitable.
        debug: Debug mode of the loop from now on; as it is when ``None``.

    Returns:
        The result. When the run is interrupted the task is cancelled and ends before the
        interruption goes on.
    """
    import asyncio

    if debug is not None:
        loop.set_debug(debug)
    task = asyncio.ensure_future(main, loop=loop)
    try:
        return loop.run_until_complete(task)
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)


def stay_on_loop(policy):
    """Let ``asyncio.run`` outside a running loop use the policy's loop, and leave it open.

    That policy finds a loop from now on where it had none.
    """
    _State.stays_on_loop = True
    if _State.policy is policy or not hasattr(policy, "_local"):
        return

    def get_event_loop():
        loop = policy._local._loop
        if loop is None or loop.is_closed():
            loop = policy.new_event_loop()
            policy.set_event_loop(loop)
        return loop

    policy.get_event_loop = get_event_loop
    _State.policy = policy


def _replace_run():
    import asyncio

    if _State.run is not None and asyncio.run is _State.run:
        return
    own_run = asyncio.run

    @functools.wraps(own_run)
    def run(main, *, debug=None, **options):
        loop = asyncio._get_running_loop()
        if loop is None and _State.stays_on_loop and not options:
            policy = asyncio.get_event_loop_policy()
            loop = policy.get_event_loop() if policy is _State.policy else None
        if allows_nesting(loop):
            return run_nested(loop, main, debug)
        return own_run(main, debug=debug, **options)

    _State.own_run, _State.run = own_run, run
    asyncio.run = run
