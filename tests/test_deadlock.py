"""Circles of awaits are refused where they close; a loop in which nothing can go on is reported.

The latter is tried in programs of their own: the handler of the time limit of a test may wake a
loop, and so nothing would be said here.
"""

import asyncio
import subprocess
import textwrap

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    yield stook
    stook.refuse_deadlocks(True)
    stook.on_deadlock("report")


async def circle(engine, length, through=lambda task: task):
    """Run tasks each of which awaits the next one, the last one the first; return their ends."""
    tasks = []

    async def awaits(index):
        await through(tasks[(index + 1) % length])

    tasks += [engine.create_task(awaits(index), name=f"t{index}") for index in range(length)]
    return await engine.wait(tasks, timeout=0.05)


@pytest.mark.native
@pytest.mark.lazy
@pytest.mark.parametrize("length", [2, 3, 64, 65])
async def test_a_circle_is_refused_where_it_closes(engine, loop, stook, length):
    done, pending = await circle(engine, length)
    assert not pending
    errors = {task.exception() for task in done}
    first = next(iter(errors))
    # The last one to await is refused, and each other one is told of that by the one it awaits.
    assert {type(error) for error in errors} == {stook.DeadlockError}
    assert isinstance(first, RuntimeError)
    lines = str(first).splitlines()
    assert lines[0] == "these tasks would await each other:"
    assert lines[1].startswith(f"  t{length - 1} awaits t0 at {__file__}:")
    assert lines[1].endswith(".awaits")
    assert len(lines) == length + 1


@pytest.mark.native
@pytest.mark.lazy
async def test_a_circle_that_is_too_long_is_not_refused(engine, loop, stook):
    done, pending = await circle(engine, 66)
    assert (len(done), len(pending)) == (0, 66)
    next(iter(pending)).cancel()
    done, pending = await engine.wait(pending)
    assert all(task.cancelled() for task in done)


@pytest.mark.native
@pytest.mark.lazy
async def test_a_circle_through_something_else_is_not_refused(engine, loop, stook, reports):
    # `reports`: when all are cancelled at once, nobody reads what the gathers end with.
    for through in (engine.gather, engine.shield, lambda task: engine.wait([task])):
        _done, pending = await circle(engine, 3, through)
        assert len(pending) == 3
        assert len(stook.wait_graph().cycles) == 1
        for task in pending:
            task.cancel()
        await engine.wait(pending)


@pytest.mark.native
@pytest.mark.lazy
async def test_refusing_can_be_switched_off(engine, loop, stook):
    stook.refuse_deadlocks(False)
    _done, pending = await circle(engine, 3)
    assert len(pending) == 3
    next(iter(pending)).cancel()
    await engine.wait(pending)


def of_a_class_derived(engine, loop):
    """Have the tasks of a loop be of a class of the program's own."""

    class Own(engine.Task):
        pass

    loop.set_task_factory(lambda loop, coro, **named: Own(coro, loop=loop, **named))


@pytest.mark.native
@pytest.mark.lazy
@pytest.mark.parametrize("length", [2, 65])
async def test_a_circle_of_tasks_of_a_derived_class_is_refused(engine, loop, stook, length):
    of_a_class_derived(engine, loop)
    done, pending = await circle(engine, length)
    assert not pending
    assert {type(task.exception()) for task in done} == {stook.DeadlockError}


@pytest.mark.native
@pytest.mark.lazy
@pytest.mark.parametrize("length", [2, 1000])
async def test_a_circle_of_tasks_of_a_derived_class_can_be_cancelled(
    engine, loop, stook, reports, length
):
    of_a_class_derived(engine, loop)
    stook.refuse_deadlocks(False)
    _done, pending = await circle(engine, length)
    assert len(pending) == length
    next(iter(pending)).cancel()
    await engine.wait(pending)
    assert all(task.cancelled() for task in pending)
    await engine.sleep(0)
    assert not reports


@pytest.mark.native
@pytest.mark.lazy
async def test_a_chain_of_tasks_of_a_derived_class_can_be_cancelled(engine, loop, stook, many):
    async def awaits(task):
        await task

    of_a_class_derived(engine, loop)
    loop.set_debug(False)
    tasks = [engine.create_task(engine.sleep(3600))]
    for _ in range(10 * many):
        tasks.append(engine.create_task(awaits(tasks[-1])))
    await engine.sleep(0)
    await engine.sleep(0)
    tasks[-1].cancel()
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@pytest.mark.native
@pytest.mark.lazy
async def test_a_method_of_a_derived_class_is_asked_to_cancel(engine, loop, stook):
    asked = []

    class Own(engine.Task):
        def cancel(self, msg=None):
            asked.append(self.get_name())
            return super().cancel(msg)

    async def awaits(task):
        await task

    inner = Own(engine.sleep(3600), loop=loop, name="inner")
    outer = Own(awaits(inner), loop=loop, name="outer")
    first = engine.create_task(awaits(outer))
    await engine.sleep(0)
    await engine.sleep(0)
    first.cancel()
    await engine.wait([first])
    assert asked == ["outer", "inner"]


@pytest.mark.native
@pytest.mark.lazy
async def test_the_task_that_closes_a_circle_may_go_on(engine, loop, stook):
    async def one():
        return await other_task

    async def other():
        try:
            await one_task
        except stook.DeadlockError:
            return "opened"

    one_task = engine.create_task(one())
    other_task = engine.create_task(other())
    assert await one_task == "opened"


@pytest.mark.native
@pytest.mark.lazy
async def test_a_request_to_cancel_comes_before_a_refusal(engine, loop, stook):
    async def one():
        await other_task

    async def other():
        engine.current_task().cancel()
        await one_task

    one_task = engine.create_task(one())
    other_task = engine.create_task(other())
    await engine.wait([one_task, other_task])
    assert one_task.cancelled()
    assert other_task.cancelled()


@pytest.mark.anywhere
async def test_stooks_tasks_on_any_loop_refuse(engine, loop, stook):
    tasks = []

    async def awaits(index):
        await tasks[1 - index]

    tasks += [loop.create_task(awaits(index)) for index in range(2)]
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in ended] == [stook.DeadlockError] * 2


@pytest.mark.native
@pytest.mark.lazy
@pytest.mark.parametrize("backwards", [True, False])
async def test_cancelling_a_long_chain_ends(engine, loop, stook, many, backwards):
    async def awaits(task):
        await task

    # A stack kept for each task would take most of the time.
    loop.set_debug(False)
    tasks = [engine.create_task(engine.sleep(3600))]
    for _ in range(10 * many):
        tasks.append(engine.create_task(awaits(tasks[-1])))
    await engine.sleep(0)
    await engine.sleep(0)
    tasks[-1 if backwards else 0].cancel()
    await engine.wait(tasks)
    assert all(task.cancelled() for task in tasks)


def test_what_is_no_policy_is_refused(stook):
    with pytest.raises(TypeError, match="on_deadlock\\(\\) takes 'report'"):
        stook.on_deadlock("shout")


HEAD = """
import asyncio, os, signal, socket, subprocess, sys, threading, time
import stook

async def never():
    await asyncio.Event().wait()

def after(seconds, function, *arguments):
    def wait():
        time.sleep(seconds)
        function(*arguments)
    thread = threading.Thread(target=wait, name="waker")
    thread.start()
    return thread
"""


@pytest.fixture
def told(program):
    """Run a program, and return what it said on standard error, and its end."""

    def run(body, *arguments, way="stock", **more):
        ended = program(HEAD + textwrap.dedent(body), *arguments, way=way, **more)
        return ended.stderr, ended

    return run


# Whatever waits is woken after more than the first look at it, and nothing may be said meanwhile.
SILENT = {
    "a thread sets an event": """
        async def main():
            event = asyncio.Event()
            after(0.9, asyncio.get_running_loop().call_soon_threadsafe, event.set)
            await event.wait()
        stook.run(main())
    """,
    "a thread puts into a queue": """
        async def main():
            queue = asyncio.Queue()
            after(0.9, asyncio.get_running_loop().call_soon_threadsafe, queue.put_nowait, 1)
            await queue.get()
        stook.run(main())
    """,
    "a handler of the loop's": """
        async def main():
            event = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, event.set)
            signal.setitimer(signal.ITIMER_REAL, 0.9)
            await event.wait()
        stook.run(main())
    """,
    "a handler of the program's": """
        async def main():
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            signal.signal(signal.SIGALRM, lambda *_: loop.call_soon_threadsafe(event.set))
            signal.setitimer(signal.ITIMER_REAL, 0.9)
            await event.wait()
        stook.run(main())
    """,
    "a job of the loop's executor": """
        stook.run(asyncio.to_thread(time.sleep, 0.9))
    """,
    "a job of another executor": """
        from concurrent.futures import ThreadPoolExecutor
        async def main():
            with ThreadPoolExecutor() as pool:
                loop = asyncio.get_running_loop()
                await asyncio.gather(loop.run_in_executor(pool, time.sleep, 0.9))
        stook.run(main())
    """,
    "a job of processes": """
        from concurrent.futures import ProcessPoolExecutor
        async def main():
            with ProcessPoolExecutor(1) as pool:
                await asyncio.get_running_loop().run_in_executor(pool, time.sleep, 0.9)
        if __name__ == "__main__":
            stook.run(main())
    """,
    "a process that is waited for": """
        async def main():
            process = await asyncio.create_subprocess_exec(sys.executable, "-c",
                "import time; time.sleep(0.9)")
            await process.wait()
        stook.run(main())
    """,
    "a timer": """
        stook.run(asyncio.sleep(0.9))
    """,
    "a server": """
        async def main():
            server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            async with server:
                after(0.9, asyncio.get_running_loop().call_soon_threadsafe, server.close)
                try:
                    await server.serve_forever()
                except asyncio.CancelledError:
                    pass
        stook.run(main())
    """,
    "a descriptor": """
        async def main():
            one, other = socket.socketpair()
            one.setblocking(False)
            after(0.9, other.send, b"x")
            await asyncio.get_running_loop().sock_recv(one, 1)
            one.close(), other.close()
        stook.run(main())
    """,
    "a handler that can be asked for nothing": """
        class Handler:
            def __call__(self, *_):
                loop.call_soon_threadsafe(event.set)
            def __getattr__(self, name):
                raise LookupError(name)
        async def main():
            global event, loop
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            signal.signal(signal.SIGALRM, Handler())
            signal.setitimer(signal.ITIMER_REAL, 0.9)
            await event.wait()
        stook.run(main())
    """,
    "a thread that wakes the loop while it is looked at, and ends": """
        from stook import _deadlock
        look = _deadlock.other_threads
        def wake_first():
            loop.call_soon_threadsafe(event.set)
            return look()
        _deadlock.other_threads = wake_first
        async def main():
            global event, loop
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            await event.wait()
        stook.run(main())
    """,
    "a job of whoever's, which an idle thread of an executor may be about to take": """
        from concurrent import futures
        async def main():
            with futures.ThreadPoolExecutor(1) as pool:
                pool.submit(int).result()
                await asyncio.wrap_future(futures.Future())
        interrupt = f"import os, time; time.sleep(1.2); os.kill({os.getpid()}, {signal.SIGINT})"
        process = subprocess.Popen([sys.executable, "-c", interrupt])
        try:
            stook.run(main())
        except KeyboardInterrupt:
            process.wait()
    """,
    "a task that keeps another alive": """
        async def main():
            keeper = asyncio.create_task(never())
            await asyncio.sleep(0.9)
            keeper.cancel()
        stook.run(main())
    """,
    "a loop in a thread, for whoever has work": """
        loop = stook.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        async def worker(queue):
            await queue.get()
        async def start():
            queue = asyncio.Queue()
            return queue, asyncio.create_task(worker(queue))
        queue, task = asyncio.run_coroutine_threadsafe(start(), loop).result()
        time.sleep(0.9)
        loop.call_soon_threadsafe(queue.put_nowait, 1)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(task)
        loop.close()
    """,
    "a loop without a task": """
        loop = stook.new_event_loop()
        after(0.9, loop.call_soon_threadsafe, loop.stop)
        loop.run_forever()
        loop.close()
    """,
    "an object that a thread alone has kept": """
        import gc
        gc.disable()  # What a look leaves behind stays there.
        class Waker:
            def __del__(self):
                loop.call_soon_threadsafe(event.set)
        async def main():
            global event, loop
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            after(0.9, lambda waker: None, Waker())
            await event.wait()
        stook.run(main())
    """,
    "nothing is looked for": """
        stook.on_deadlock(None)
        async def main():
            lock = asyncio.Lock()
            async with lock:
                task = asyncio.create_task(lock.acquire())
                loop = asyncio.get_running_loop()
                after(0.9, loop.call_soon_threadsafe, task.cancel)
                await asyncio.wait([task])
        stook.run(main())
    """,
}


WATCHED = """
stook.on_slow_callback("report", after=20)
stook.on_stuck_cancellation("report", after=0.4)
"""


@pytest.mark.parametrize("watched", ["", WATCHED], ids=["", "watched"])
@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT)
def test_nothing_is_said_where_something_may_wake_the_loop(told, body, watched):
    said, ended = told(watched + textwrap.dedent(body), options=())
    assert said == ""
    assert ended.returncode == 0


STUCK = """
async def main():
    event = asyncio.Event()
    await event.wait()
"""


def test_a_program_in_which_nothing_can_go_on_is_reported_once(told):
    said, ended = told(
        STUCK
        + """
def interrupt(graph):
    print(graph, file=sys.stderr)
    signal.raise_signal(signal.SIGINT)
began = time.monotonic()
stook.on_deadlock(interrupt)
try:
    stook.run(main())
except KeyboardInterrupt:
    print(time.monotonic() - began < 1)
"""
    )
    assert ended.stdout == "True\n"
    assert said.splitlines()[0] == "Task-1 waits for an event to be set"


def test_it_is_written_to_standard_error_by_default(told):
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        told(STUCK + "stook.run(main())", timeout=4)
    said = caught.value.stderr.decode()
    assert said.count("nothing can go on: every task waits, and nothing is to come") == 1
    assert "Task-1 waits for an event to be set" in said


@pytest.mark.parametrize("front", [["--on-deadlock=raise"], ["--on-deadlock", "raise"]])
def test_the_command_raises(tmp_path, front):
    from programs import run_python

    path = tmp_path / "program.py"
    path.write_text("import asyncio\n" + STUCK + "asyncio.run(main())\n")
    ended = run_python(["-m", "stook", *front, str(path)])
    assert ended.returncode == 1
    assert "DeadlockError: nothing can go on: every task waits" in ended.stderr
    assert f'File "{path}", line 6, in <module>' in ended.stderr


def test_the_command_ends_the_program(tmp_path):
    from programs import run_python

    path = tmp_path / "program.py"
    path.write_text("import asyncio\n" + STUCK + "asyncio.run(main())\n")
    ended = run_python(["-m", "stook", "--on-deadlock=exit", str(path)])
    assert ended.returncode == 70
    assert ended.stderr.startswith("stook: nothing can go on")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["--on-deadlock=shout", "program.py"],
            "--on-deadlock is report, raise or exit, not shout",
        ),
        (["--on-deadlock"], "argument expected for the --on-deadlock option"),
        (["--on-deadlock=raise"], "no program is named"),
    ],
)
def test_the_command_refuses(arguments, why):
    from programs import run_python

    ended = run_python(["-m", "stook", *arguments])
    assert (ended.returncode, ended.stderr) == (2, f"stook: {why}\n")


def test_a_circle_through_a_gather_or_a_group_is_reported(told):
    said, ended = told("""
        async def main():
            async def gathers():
                await asyncio.gather(tasks[1])
            async def groups():
                async with asyncio.TaskGroup() as group:
                    group.create_task(awaits())
            async def awaits():
                await asyncio.shield(tasks[0])
            tasks = [asyncio.create_task(gathers()), asyncio.create_task(groups())]
            await asyncio.wait(tasks)
        stook.on_deadlock("raise")
        try:
            stook.run(main())
        except stook.DeadlockError as error:
            print(error)
    """)
    assert said == ""
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("nothing can go on")
    waits = sorted(line.partition(" at ")[0] for line in lines[-3:])
    assert waits == [
        "  Task-2 waits (gather) for Task-3",
        "  Task-3 waits (group) for Task-4",
        "  Task-4 waits (shield) for Task-2",
    ]


def test_with_a_thread_alive_those_who_wait_for_each_other_are_named(told):
    said, _ended = told("""
        async def both(first, second):
            async with first:
                await asyncio.sleep(0)
                async with second:
                    pass
        async def main():
            locks = asyncio.Lock(), asyncio.Lock()
            tasks = [asyncio.create_task(both(*locks)), asyncio.create_task(both(*locks[::-1]))]
            after(1.0, asyncio.get_running_loop().call_soon_threadsafe, tasks[0].cancel)
            await asyncio.wait(tasks)
        stook.run(main())
    """)
    lines = said.splitlines()
    words = "stook: tasks wait for each other, unless another thread wakes them (waker)"
    assert lines[0] == words
    assert sum("waits (lock) for" in line for line in lines) == 2


def test_it_is_told_soon_after_the_last_thread_has_ended(told):
    _said, ended = told("""
        def interrupt(graph):
            print(len(looks), time.monotonic() - began < 6)
            signal.raise_signal(signal.SIGINT)
        from stook import _wait_graph
        looks, graph = [], _wait_graph.wait_graph
        def look(loop):
            looks.append(loop)
            return graph(loop)
        _wait_graph.wait_graph = look
        stook.on_deadlock(interrupt)
        async def main():
            after(1, len, ())
            after(3, len, ())
            await never()
        began = time.monotonic()
        try:
            stook.run(main())
        except KeyboardInterrupt:
            pass
    """)
    # Who waits for whom is asked at first, and whenever there are other threads than before.
    assert ended.stdout == "3 True\n"


def test_an_executor_without_a_job_is_nobody_who_wakes(told):
    _said, ended = told("""
        async def main():
            await asyncio.to_thread(time.sleep, 0)
            await never()
        stook.on_deadlock("raise")
        try:
            stook.run(main())
        except stook.DeadlockError as error:
            print("raised")
    """)
    assert ended.stdout == "raised\n"


def test_a_function_that_raises_does_not_stop_the_program(told):
    said, ended = told(
        """
        def told(graph):
            asyncio.get_running_loop().call_soon(print, len(graph))
            next(iter(graph.tasks)).task.cancel()
            raise ValueError("in the function")
        stook.on_deadlock(told)
        try:
            stook.run(never())
        except asyncio.CancelledError:
            print("went on")
    """,
        options=(),
    )
    assert ended.stdout == "1\nwent on\n"
    assert "ValueError: in the function" in said


PROXY = """
class Proxy:
    # Stands for something that is not there: it can be asked for nothing.
    def missing(self, *_):
        raise LookupError("nothing is behind this proxy")
    __class__ = property(missing)
    __dict__ = property(missing)
    __getattr__ = __eq__ = missing
    __hash__ = None
"""


def test_what_tasks_hold_is_asked_for_nothing(told):
    said, ended = told(
        PROXY
        + """
async def waits(lock, thing):
    async with lock:
        await never()

async def begins(thing):
    pass

async def main():
    lock, proxy = asyncio.Lock(), Proxy()
    tasks = [asyncio.create_task(waits(lock, proxy)) for _ in range(2)]
    never_begun = asyncio.create_task(begins(proxy), name="never begun")
    never_begun.cancel()
    await asyncio.wait([never_begun])
    await waits(lock, proxy)
stook.on_deadlock("raise")
try:
    stook.run(main())
except stook.DeadlockError as error:
    print("never begun was cancelled before its first step" in str(error))
""",
        options=(),
    )
    assert (said, ended.stdout) == ("", "True\n")


def test_a_look_that_fails_does_not_stop_the_program(told):
    said, ended = told(
        """
        async def main():
            loop = asyncio.get_running_loop()
            task = loop.create_task(never())
            one, other = socket.socketpair()
            after(1.5, loop.call_soon_threadsafe, task.cancel)
            await asyncio.wait([task])
        def fails():
            raise LookupError("not to be seen")
        from stook import _deadlock
        _deadlock.other_threads = fails
        stook.run(main())
        print("went on")
    """,
        options=(),
    )
    assert ended.stdout == "went on\n"
    assert said.count("LookupError: not to be seen") == 1
