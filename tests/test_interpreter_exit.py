"""The interpreter may end while loops, tasks and threads of ours are in the middle of something."""

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

# The interpreter stops such threads wherever they take the GIL next. No step starts a thread: one
# that begins while CPython ends makes it crash, without stook too.
DAEMON_THREADS = """
import asyncio, threading, time
started = threading.Barrier(4)
def work():
    for _ in range(20000):
        pass
class Slow:
    def __del__(self):
        work()
    def __getattr__(self, name):
        work()
        raise AttributeError(name)
class SlowFuture(asyncio.Future):
    def __repr__(self):
        work()
        return "slow"
class Once:
    def __init__(self, value):
        self.value = value
    def __await__(self):
        yield self.value
async def refused(value):
    try:
        await Once(value)
    except RuntimeError:
        pass
async def rest():
    time.sleep(0)
async def main():
    started.wait()
    while True:
        {step}
for _ in range(3):
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
started.wait()
print("ends")
"""

DAEMON_STEPS = {
    "in a coroutine": "time.sleep(0.0001); await asyncio.sleep(0)",
    "in the poll": "await asyncio.sleep(0.0001)",
    "in a callback": "asyncio.get_running_loop().call_soon(time.sleep, 0); await asyncio.sleep(0)",
    "waking another loop": (
        "asyncio.get_running_loop().call_soon_threadsafe(int); await asyncio.sleep(0)"
    ),
    "in an attribute": "await refused(Slow())",
    "in a repr": "await refused(SlowFuture())",
    "in a destructor": "asyncio.get_running_loop().create_future().set_result(Slow())",
    "in a task's first step": "await asyncio.gather(*[rest() for _ in range(2)])",
}

PROGRAMS = {
    "a loop left open": """
        import asyncio
        loop = asyncio.new_event_loop()
        print(loop.run_until_complete(asyncio.sleep(0, "done")))
    """,
    "a task left in the middle": """
        import asyncio
        loop = asyncio.new_event_loop()
        async def endless():
            try:
                await asyncio.Event().wait()
            finally:
                print("ended")
        task = loop.create_task(endless())
        loop.run_until_complete(asyncio.sleep(0))
    """,
    "a timer and a task that sleeps": """
        import asyncio
        loop = asyncio.new_event_loop()
        task = loop.create_task(asyncio.sleep(3600))
        timer = loop.call_later(3600, print)
        loop.run_until_complete(asyncio.sleep(0))
    """,
    "a loop in a thread that is waited for": """
        import asyncio, threading
        go, waits = threading.Event(), threading.Event()
        async def main():
            waiting = asyncio.get_running_loop().run_in_executor(None, go.wait)
            waits.set()
            await waiting
            print("went on")
        def run():
            # Not asyncio.run(), which shuts the executor down by a thread: too late for that.
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            loop.close()
        threading.Thread(target=run).start()
        waits.wait()
        go.set()
        print("main ends")
    """,
    "an exit out of a task": """
        import asyncio, sys
        async def main():
            asyncio.create_task(asyncio.sleep(3600))
            await asyncio.sleep(0)
            sys.exit(7)
        asyncio.run(main())
    """,
    "a loop that runs in an atexit handler": """
        import asyncio, atexit
        async def last(): return await asyncio.sleep(0, "last")
        atexit.register(lambda: print(asyncio.run(last())))
    """,
}


LIMITED_WAIT = """
import asyncio
loop = asyncio.new_event_loop()
future = loop.create_future()
async def main():
    await asyncio.wait_for(future, 3600)
task = loop.create_task(main())
loop.run_until_complete(asyncio.sleep(0))
future.set_result(None)
"""


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.mark.parametrize("name", DAEMON_STEPS)
def test_daemon_threads_end_silently_with_the_interpreter(workplace, name):
    source = DAEMON_THREADS.format(step=DAEMON_STEPS[name])
    for _ in range(3):
        stock, ours = workplace.both(source)
        assert (stock.status, stock.output) == (0, "ends\n")
        assert (ours.status, ours.output) == (0, "ends\n"), ours.errors


@pytest.mark.parametrize("options", [[], ["-X", "dev"]], ids=["plain", "dev"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_left_open_is_reported_alike(workplace, name, options):
    import textwrap

    stock, ours = workplace.both(textwrap.dedent(PROGRAMS[name]), options=options)
    assert (ours.status, sorted(ours.output.split())) == (
        stock.status,
        sorted(stock.output.split()),
    )
    assert _kinds_of_reports(ours.errors) == _kinds_of_reports(stock.errors)


ENDS_AT_ONCE = """
import asyncio
loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
loop.close()
"""


def test_a_program_may_end_as_soon_as_its_loop_is_watched(workplace):
    environment = {"PYTHONASYNCIODEBUG": "1", "PYTHONMALLOC": "debug"}
    for _ in range(5):
        _, ours = workplace.both(ENDS_AT_ONCE, environment=environment)
        assert (ours.status, ours.errors) == (0, "")


# Not in development mode: there asyncio fails as well, and the order of its reports is not kept.
def test_a_limited_wait_that_is_left_is_reported_alike(workplace):
    stock, ours = workplace.both(LIMITED_WAIT)
    assert (ours.status, ours.output) == (stock.status, stock.output)
    assert _kinds_of_reports(ours.errors) == _kinds_of_reports(stock.errors)


def _kinds_of_reports(errors):
    """Return the reports without the frames and addresses in them, and without what stook adds."""
    kinds = [line.partition(":")[0] for line in errors.splitlines() if not line.startswith(" ")]
    return [kind for kind in kinds if kind != "created_at"]
