"""Debug mode tells on stook what it tells on asyncio: each program prints the same on both.

Left out of the comparison is what must differ: the lines of asyncio's own and of stook's files in
stacks, and with them the last line of a making where asyncio's is a line of its own.
"""

import asyncio
import os
import re

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

OWN_DIRECTORIES = (os.path.dirname(asyncio.__file__), f"{os.sep}stook{os.sep}")

REPLACED = {
    r"created at [^ >]+:\d+": "created at …",
    r"(running|defined) at \S*[/.]asyncio/\S+:\d+": r"\1 at …",
    r"\.\.\.\S*\.py:\d+>": "…>",
    r"took [0-9.]+( seconds|ms)": "took …",
    r"(127\.0\.0\.1(', |:))\d{4,}": r"\1…",
    r"(pid |pid=|process )\d+": r"\1…",
    r"when=[0-9.]+": "when=…",
    r"\S*\.py:\d+: (?=\w+Warning: )": "",
    r"(_UnixSelector)?EventLoop": "EventLoop",
}


def comparable(text, with_slow=False):
    """Return what a program printed without what has to differ.

    What is slow on a busy machine is told only where a program makes everything count as slow.
    """
    kept, inside = [], False
    for line in text.splitlines():
        frame = re.match(r'  File "([^"]+)", line \d+, in (.*)', line)
        if frame:
            inside = any(place in frame[1] for place in OWN_DIRECTORIES) or frame[2] == "<module>"
        else:
            # The source of a frame, or of the line that a warning names, is further in.
            inside = inside and line.startswith("    ")
        warned = line in ("  self._context.run(self._callback, *self._args)", "  self._run_turns()")
        slow = line.startswith("WARNING Executing <") and not with_slow
        if not inside and not warned and not slow:
            # Which numbers are free depends on what else the loop has open: its waker.
            kept.append(re.sub(r"\bfd=\d+", "fd=…", line))
    text = "\n".join(kept)
    for pattern, replacement in REPLACED.items():
        text = re.sub(pattern, replacement, text)
    return text


WAYS = {
    "variable": {"environment": {"PYTHONASYNCIODEBUG": "1"}},
    "option": {"options": ["-X", "dev"]},
    "argument": {},
}


LOOP_ALONE = """
import {module}
new_event_loop = {module}.new_event_loop
"""


@pytest.fixture(params=["everything", "loop"])
def told(request, tmp_path):
    """Run a program in debug mode on both and return what it tells, which is the same.

    Once under the command, where everything is stook's, and once with the loop alone.
    """
    place = Workplace(tmp_path)

    def run(source, way="variable", with_slow=False):
        if way == "argument":
            source = source.replace("asyncio.run(main())", "asyncio.run(main(), debug=True)")
        source = PROLOGUE + source
        if request.param == "everything":
            stock, ours = place.both(source, **WAYS[way])
        else:
            stock, ours = with_loop_alone(source, **WAYS[way])
        assert comparable(ours.errors, with_slow) == comparable(stock.errors, with_slow)
        assert comparable(ours.output, with_slow) == comparable(stock.output, with_slow)
        assert ours.status == stock.status == 0
        return ours.output + ours.errors

    def with_loop_alone(source, **how):
        source = source.replace("asyncio.new_event_loop", "new_event_loop")
        source = re.sub(r"asyncio\.run\(main\(\)(.*)\)", RUNNER, source)
        for module in ("asyncio", "stook"):
            arguments, _input = place.write(LOOP_ALONE.format(module=module) + source)
            yield place.run(arguments, **how)

    return run


RUNNER = r"""
with asyncio.Runner(loop_factory=new_event_loop\1) as runner:
    runner.run(main())
"""


PROLOGUE = """
import asyncio, functools, gc, logging, socket, sys, threading, time, warnings

async def coroutine():
    await asyncio.sleep(0)

class Odd:
    def __repr__(self):
        return "Odd()"

    async def __call__(self):
        pass

    async def method(self):
        pass

def generator():
    yield

async def asynchronous_generator():
    yield

def observe(name, function, *arguments):
    try:
        function(*arguments)
    except BaseException as error:
        print(f"{name}: {type(error).__name__}: {error}")
    else:
        print(f"{name}: accepted")

logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format="%(levelname)s %(message)s")
"""

SLOW = """
def blocking(*arguments):
    time.sleep(0.001)

class Slow:
    def __repr__(self):
        return "Slow()"
    __call__ = method = blocking

async def slow():
    blocking()
    await asyncio.sleep(0)
    blocking()
    return 5

async def main():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0
    loop.call_soon(blocking, 1)
    loop.call_soon(Slow().method)
    loop.call_soon(Slow())
    loop.call_soon(functools.partial(blocking, 4), "x")
    loop.call_later(0, blocking, 2)
    await loop.create_task(slow(), name="slow")
    future = loop.create_future()
    future.add_done_callback(blocking)
    future.set_result(1)
    await asyncio.sleep(0)
    task = asyncio.create_task(slow(), name="watched")
    task.add_done_callback(blocking)
    await task
    await asyncio.sleep(0.001)
asyncio.run(main())
"""


def test_slow_callbacks_and_steps(told):
    text = told(SLOW, with_slow=True)
    assert text.count("WARNING Executing <") >= 11


OTHER_THREAD = """
# The frame of asyncio's create_task keeps the refused task for a while.
logging.disable()

async def main():
    loop = asyncio.get_running_loop()
    done, watched, gathered, awaited, alone = (loop.create_future() for _ in range(5))
    done.set_result(None)
    watched.add_done_callback(print)
    gathering = asyncio.gather(gathered, return_exceptions=True)
    awaiting = asyncio.create_task(asyncio.wait([awaited]))
    sleeping = asyncio.create_task(asyncio.sleep(100))
    await asyncio.sleep(0)

    def other():
        observe("call_soon", loop.call_soon, int)
        observe("call_later", loop.call_later, 1, int)
        observe("call_later, overdue", loop.call_later, -1, int)
        observe("call_at", loop.call_at, 1, int)
        observe("call_soon_threadsafe", loop.call_soon_threadsafe, int)
        forgotten = coroutine()
        observe("create_task", loop.create_task, forgotten)
        forgotten.close()
        observe("set_result, alone", alone.set_result, 1)
        observe("set_result, watched", watched.set_result, 1)
        observe("set_result, gathered", gathered.set_result, 1)
        observe("set_result, awaited", awaited.set_result, 1)
        observe("add_done_callback, done", done.add_done_callback, print)
        observe("gather", lambda: asyncio.gather(done))
        observe("cancel a sleep", sleeping.cancel)
        observe("ensure_future", lambda: asyncio.ensure_future(done, loop=loop))
        observe("run_coroutine_threadsafe",
                lambda: asyncio.run_coroutine_threadsafe(coroutine(), loop))
        observe("run_in_executor", lambda: loop.run_in_executor(None, int))

    thread = threading.Thread(target=other)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.001)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    loop.set_exception_handler(lambda loop, context: None)
    await asyncio.sleep(0.01)
asyncio.run(main())
"""


def test_calls_from_another_thread(told):
    text = told(OTHER_THREAD)
    refusal = "RuntimeError: Non-thread-safe operation invoked on an event loop other than the"
    for name in ("call_soon", "call_at", "create_task", "set_result, gathered", "cancel a sleep"):
        assert f"{name}: {refusal}" in text
    assert "call_soon_threadsafe: accepted" in text


BAD_CALLBACKS = """
THINGS = {
    "text": "text", "number": 5, "None": None, "coroutine function": coroutine,
    "coroutine": coroutine(), "generator function": generator, "generator": generator(),
    "asynchronous generator function": asynchronous_generator, "object with an async call": Odd(),
    "async method": Odd().method, "partial of a coroutine function": functools.partial(coroutine),
    "sleep": asyncio.sleep, "a call that makes a coroutine": lambda: 5,
}
warnings.simplefilter("ignore")

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    for name, thing in THINGS.items():
        observe(f"call_soon, {name}", loop.call_soon, thing)
        observe(f"call_soon_threadsafe, {name}", loop.call_soon_threadsafe, thing)
        observe(f"call_later, {name}", loop.call_later, 100, thing)
        observe(f"call_at, {name}", loop.call_at, loop.time() + 100, thing)
        observe(f"run_in_executor, {name}", loop.run_in_executor, None, thing)
        observe(f"add_signal_handler, {name}", loop.add_signal_handler, 10, thing)
        future = loop.create_future()
        observe(f"add_done_callback, {name}", future.add_done_callback, thing)
        observe(f"cancel, {name}", future.cancel)
    closed = asyncio.new_event_loop()
    closed.set_debug(True)
    closed.close()
    observe("closed", closed.call_soon, "text")
    observe("closed, threadsafe", closed.call_soon_threadsafe, "text")
    observe("closed, later", closed.call_later, 1, "text")
asyncio.run(main())
"""


def test_bad_callbacks(told):
    text = told(BAD_CALLBACKS)
    for call in ("call_soon", "call_soon_threadsafe", "call_later", "call_at"):
        assert f"{call}, text: TypeError: a callable object was expected" in text
        assert f"{call}, coroutine function: TypeError: coroutines cannot be used" in text


STACKS = """
def show(name, thing):
    stack = getattr(thing, "_source_traceback", None) or []
    own = [f"{frame.name} {frame.line}" for frame in stack if frame.filename == __file__]
    print(name, [line for line in own if not line.startswith("<module>")])

async def outer():
    return asyncio.create_task(coroutine())

class OwnTask(asyncio.Task):
    pass

class OwnFuture(asyncio.Future):
    pass

async def waiting(awaitable):
    task = asyncio.ensure_future(awaitable)
    await asyncio.sleep(0)
    waiter = task._fut_waiter
    task.cancel()
    return waiter

async def main():
    loop = asyncio.get_running_loop()
    show("create_future", loop.create_future())
    show("Future", asyncio.Future())
    show("own future", OwnFuture())
    for name, task in {
        "create_task": asyncio.create_task(coroutine()),
        "loop.create_task": loop.create_task(coroutine()),
        "own task": OwnTask(coroutine()),
        "ensure_future": asyncio.ensure_future(coroutine()),
        "in a coroutine": await outer(),
        "gather": asyncio.gather(coroutine(), coroutine()),
        "shield": asyncio.shield(coroutine()),
        "run_in_executor": loop.run_in_executor(None, int),
    }.items():
        show(name, task)
        await task
    gathering = asyncio.gather(coroutine(), coroutine())
    show("child of a gather", gathering._children[1])
    await gathering
    for name in ("call_soon", "call_soon_threadsafe"):
        show(name, getattr(loop, name)(int))
    for name in ("call_later", "call_at"):
        handle = getattr(loop, name)(1, int)
        show(name, handle)
        handle.cancel()
    def callback(future):
        show("in a callback", loop.create_future())
    future = loop.create_future()
    future.add_done_callback(callback)
    future.set_result(None)
    await asyncio.sleep(0)
    lock = asyncio.Lock()
    await lock.acquire()
    show("sleep", await waiting(asyncio.sleep(100)))
    show("wait", await waiting(asyncio.wait([loop.create_future()])))
    show("Lock", await waiting(lock.acquire()))
    show("Event", await waiting(asyncio.Event().wait()))
    show("Queue", await waiting(asyncio.Queue().get()))
    async with asyncio.TaskGroup() as group:
        show("task of a group", group.create_task(coroutine()))
    pending = coroutine()
    print([name for file, line, name in pending.cr_origin if file == __file__][:1])
    pending.close()
    loop.set_debug(False)
    show("switched off", loop.create_future())
    print(loop.call_soon(int)._source_traceback, loop.create_future()._source_traceback)
asyncio.run(main())
"""


def test_stacks_of_making(told):
    text = told(STACKS)
    assert "create_task ['main \"create_task\": asyncio.create_task(coroutine()),']" in text


NEVER_AWAITED = """
async def forgetful():
    coroutine()
    await asyncio.sleep(0)

async def main():
    coroutine()
    await forgetful()
    asyncio.sleep(1)
    asyncio.wait([])
    asyncio.Queue().get()
    asyncio.Queue().put(1)
    asyncio.Event().wait()
    asyncio.Lock().acquire()
    asyncio.Semaphore().acquire()
    gc.collect()
warnings.simplefilter("always")
asyncio.run(main())
"""


def test_never_awaited_coroutines(told):
    text = told(NEVER_AWAITED)
    for name in ("coroutine", "sleep", "wait", "Queue.get", "Event.wait", "Lock.acquire"):
        assert f"coroutine '{name}' was never awaited" in text
    assert "Coroutine created at (most recent call last)" in text


UNCLOSED = """
async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await reader.read()
    server.close()
    await loop.create_connection(asyncio.Protocol, sock=here)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await process.wait()

here, there = socket.socketpair()
warnings.simplefilter("always")
# When it runs by itself depends on what else was made.
gc.disable()
asyncio.run(main())
gc.collect()
loop = asyncio.new_event_loop()
loop.set_debug(True)
loop.run_until_complete(coroutine())
# The collector must not end these before the loop.
kept = loop._ssock, loop._csock
del loop
gc.collect()
"""


def test_unclosed_loops_and_transports(told):
    text = told(UNCLOSED)
    assert "ResourceWarning: unclosed transport <_SelectorSocketTransport" in text
    assert "ResourceWarning: unclosed event loop <EventLoop running=False closed=False" in text


REPORTS = """
async def stuck():
    await asyncio.get_running_loop().create_future()

async def fails():
    raise ValueError("lost")

def callback(*arguments):
    1 / 0

async def main():
    # A collection between a coroutine and its task would change the order in which they go.
    gc.disable()
    loop = asyncio.get_running_loop()
    for function in (stuck, fails):
        task = asyncio.create_task(function(), name=function.__name__)
        await asyncio.sleep(0)
        del task
        gc.collect()
    future = loop.create_future()
    future.set_exception(KeyError(1))
    del future
    gc.collect()
    loop.call_soon(callback)
    loop.call_later(0.001, callback, 2)
    await asyncio.sleep(0.01)
    future = loop.create_future()
    future.add_done_callback(callback)
    future.set_result(1)
    await asyncio.sleep(0)
    loop.call_exception_handler({"message": "own", "future": future, "x": 1})
    loop.call_soon(loop.call_exception_handler, {"message": "in a callback"})
    await asyncio.sleep(0)
asyncio.run(main())
"""


def test_reports_of_the_exception_handler(told):
    text = told(REPORTS)
    assert text.count("Object created at (most recent call last)") >= 5
    assert "Handle created at (most recent call last)" in text


SWITCHED = """
async def depth():
    return sys.get_coroutine_origin_tracking_depth()

async def main():
    loop = asyncio.get_running_loop()
    for mode in (loop.get_debug(), False, True, 5, 0, "yes", []):
        loop.set_debug(mode)
        await asyncio.sleep(0)
        traced = loop.create_future()._source_traceback is not None
        print(repr(mode), repr(loop.get_debug()), await depth(), traced, loop)
asyncio.run(main())
print(sys.get_coroutine_origin_tracking_depth(), asyncio.new_event_loop().get_debug())
"""


@pytest.mark.parametrize("way", WAYS)
def test_switching(told, way):
    assert "5 5 10 True <" in told(SWITCHED, way)


LOGS = """
async def main():
    loop = asyncio.get_running_loop()
    await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    transport, protocol = await loop.create_connection(asyncio.Protocol, *address)
    transport.write(b"x")
    await asyncio.sleep(0.01)
    transport.close()
    server.close()
    await server.wait_closed()
    await loop.run_in_executor(None, int)
asyncio.run(main())
"""


def test_what_is_logged_of_transports(told):
    text = told(LOGS)
    assert "DEBUG Getting address info 127.0.0.1:80" in text
    assert "DEBUG Close <EventLoop running=False closed=False debug=True>" in text
