"""The thread that watches loops: when it is there, and that nobody notices it."""

import textwrap

import pytest

pytestmark = pytest.mark.needs_stook

HEAD = """
import asyncio, gc, os, signal, sys, threading, time
import stook

stook.on_slow_callback("report", after=30)

def threads():
    return len(os.listdir("/proc/self/task"))

def is_alone():
    # The thread itself ends a little later than it says so.
    for _ in range(1000):
        if threads() == 1:
            return True
        time.sleep(0.005)
    return False
"""


@pytest.fixture
def run(program):
    def run(body, **more):
        return program(HEAD + textwrap.dedent(body), way="stock", **more)

    return run


def test_it_is_there_from_the_first_turn_until_the_last_loop_is_closed(run):
    ended = run("""
        loops = [stook.new_event_loop(), stook.new_event_loop()]
        print(threads())
        for loop in loops:
            loop.run_until_complete(asyncio.sleep(0))
            print(threads(), threading.active_count())
        loops[0].close()
        print(threads())
        loops[1].close()
        print(is_alone())
        stook.run(asyncio.sleep(0))
        print(is_alone())
    """)
    assert ended.stdout.split() == ["1", "2", "1", "2", "1", "2", "True", "True"]
    assert ended.stderr == ""


def test_who_forbids_blocking_calls_while_a_loop_runs_finds_none(run):
    ended = run("""
        from blockbuster import blockbuster_ctx
        from stook import _watcher

        def is_watched():
            # To list the process's threads is such a call.
            return _watcher._watcher.is_there

        async def main():
            await asyncio.sleep(0)
            print(is_watched())
            child = os.fork()
            if child == 0:
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            await asyncio.sleep(0)
            print(is_watched())
            try:
                time.sleep(0)
            except Exception as error:
                print(error)

        with blockbuster_ctx():
            stook.run(main())
        print(is_alone())
    """)
    assert ended.stdout.splitlines() == ["True", "7", "True", "Blocking call to time.sleep", "True"]
    assert ended.stderr == ""


def test_a_loop_that_nobody_closes_may_be_collected(run):
    ended = run(
        """
        def use():
            loop = stook.new_event_loop()
            loop.run_until_complete(asyncio.sleep(0))
        use()
        gc.collect()
        print(is_alone())
    """,
        options=(),
    )
    assert ended.stdout == "True\n"


def test_it_does_not_keep_the_program_alive(run):
    ended = run(
        """
        loop = stook.new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        loop._ssock.close(), loop._csock.close(), loop._selector.close()
        print(threads())
    """,
        options=(),
    )
    assert ended.stdout == "2\n"
    assert ended.returncode == 0


def test_it_is_not_there_while_the_process_forks_and_then_is_again(run):
    # From 3.12 on a fork with several threads is warned of, and warnings are errors here.
    ended = run("""
        async def main():
            stook.on_slow_callback("report", after=0.05)
            await asyncio.sleep(0)
            pid = os.fork()
            if pid == 0:
                one = threads()
                stook.on_slow_callback("report", after=30)
                asyncio.set_event_loop(None)
                asyncio.events._set_running_loop(None)
                loop = stook.new_event_loop()
                loop.run_until_complete(asyncio.sleep(0))
                os.write(1, f"child {one} {threads()}\\n".encode())
                os._exit(0)
            os.waitpid(pid, 0)
            await asyncio.sleep(0)
            os.write(1, f"parent {threads()}\\n".encode())
            time.sleep(0.5)
        stook.run(main())
    """)
    assert ended.stdout == "child 1 2\nparent 2\n"
    assert ended.stderr.startswith("stook: Task-1 has held the loop for more than 0.05 seconds:")


def test_a_fork_by_a_thread_while_others_run_loops(run):
    ended = run(
        """
        async def turns():
            for _ in range(2000):
                await asyncio.sleep(0)
        stop = False
        def runs():
            while not stop:
                stook.run(turns())
        others = [threading.Thread(target=runs) for _ in range(2)]
        for thread in others: thread.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                stook.run(turns())
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        stop = True
        for thread in others: thread.join()
        print(is_alone())
    """,
        options=(),
    )
    assert ended.stdout == "True\n", ended.stderr


def test_it_is_no_longer_there_when_another_thread_has_its_number(run):
    # As a rule the next thread gets the number of the one that has ended.
    ended = run("""
        stook.run(asyncio.sleep(0))
        while not is_alone():
            time.sleep(0.01)
        watcher = sys.modules["stook._watcher"]._watcher.thread
        stook.on_slow_callback("debug")
        async def main():
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            def wake():
                print(threading.get_ident() == watcher)
                time.sleep(0.9)
                loop.call_soon_threadsafe(event.set)
            threading.Thread(target=wake).start()
            await event.wait()
        stook.run(main())
    """)
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_it_is_no_thread_that_may_wake_a_task(run):
    ended = run("""
        stook.on_deadlock("raise")
        try:
            stook.run(asyncio.Event().wait())
        except stook.DeadlockError as error:
            print(str(error).splitlines()[0])
    """)
    assert ended.stdout == "nothing can go on: every task waits, and nothing is to come\n"


@pytest.mark.parametrize("option", ["slow-callback", "stuck-cancellation"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon", ""])
def test_the_command_refuses_what_is_no_time(option, value):
    from programs import run_python

    ended = run_python(["-m", "stook", f"--{option}-after={value}", "program.py"])
    said = f"stook: --{option}-after is a number of seconds, more than zero, not {value}\n"
    assert (ended.returncode, ended.stderr) == (2, said)


def test_the_command_reports(tmp_path):
    from programs import run_python

    path = tmp_path / "program.py"
    path.write_text(
        textwrap.dedent("""
            import asyncio, time
            async def shuts_down_slowly():
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.8)
            async def main():
                task = asyncio.create_task(shuts_down_slowly())
                await asyncio.sleep(0)
                task.cancel()
                time.sleep(0.4)
                await asyncio.wait([task])
            asyncio.run(main())
        """)
    )
    options = ["--slow-callback-after=0.1", "--stuck-cancellation-after", "0.2"]
    ended = run_python(["-m", "stook", *options, str(path)])
    assert ended.returncode == 0
    assert ended.stderr.count("has held the loop for more than 0.1") == 1
    assert ended.stderr.count("has not ended 0.2 seconds after it was asked to cancel") == 1


def test_a_process_forked_while_the_watcher_is_imported_may_run_loops(run):
    ended = run(
        """
        async def main():
            await asyncio.sleep(0)

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "stook._watcher":
                    sys.meta_path.remove(self)
                    child = os.fork()
                    if child == 0:
                        stook.run(main())
                        os._exit(7)
                    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        sys.meta_path.insert(0, Finder())
        assert "stook._watcher" not in sys.modules
        stook.run(main())
        print("ends")
        """,
        timeout=20,
    )
    assert ended.stdout == "7\nends\n"


IMPORTED_MEANWHILE = """
import importlib.util

class Finder:
    # Has a module do something while it is imported.
    def __init__(self, name, meanwhile):
        assert name not in sys.modules
        self.name, self.meanwhile = name, meanwhile
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            self.meanwhile()
            run(module)
        spec.loader.exec_module = exec_module
        return spec

def end_of(pid):
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

def fork_during_import(name, parent, child):
    # The import lasts until this thread is about to fork, and longer.
    importing, forking = threading.Event(), threading.Event()
    def meanwhile():
        importing.set()
        forking.wait()
        time.sleep(0.3)
    Finder(name, meanwhile)
    thread = threading.Thread(target=parent)
    thread.start()
    importing.wait()
    os.register_at_fork(before=forking.set)
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)
        child()
        os._exit(7)
    end_of(pid)
    thread.join()
"""

LATE = {
    "what watches loops": """
        def run():
            stook.run(asyncio.sleep(0))
        fork_during_import("stook._watcher", run, run)
    """,
    "what remembers tasks that never began": """
        async def main():
            task = asyncio.create_task(asyncio.sleep(0))
            task.cancel()
            await asyncio.wait([task])
        def run():
            stook.run(main())
        fork_during_import("stook._deadlock", run, run)
    """,
    "what tells of deadlocks": """
        async def main():
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            threading.Timer(0.8, loop.call_soon_threadsafe, [event.set]).start()
            await event.wait()
        def run():
            stook.run(main())
        fork_during_import("stook._wait_graph", run, run)
    """,
    "the loop's executor": """
        # asyncio itself imports that late.
        import concurrent.futures.thread
        def run():
            stook.run(asyncio.to_thread(int))
        fork_during_import("stook._executor", run, run)
    """,
    "what runs": """
        def run():
            stook.run(asyncio.sleep(0))
        fork_during_import("stook.runners", run, run)
    """,
    "the end of a run": """
        def run():
            stook.run(asyncio.sleep(0), grace=1)
        fork_during_import("stook._shutdown", run, run)
    """,
}


@pytest.mark.parametrize("body", LATE.values(), ids=LATE)
def test_a_process_forked_while_another_thread_runs_loops_may_run_them(run, body):
    ended = run(IMPORTED_MEANWHILE + textwrap.dedent(body), options=("-Wignore",), timeout=20)
    assert (ended.stdout, ended.stderr) == ("7\n", "")


def test_a_fork_that_an_import_waits_for_is_not_held_up_for_ever(run):
    body = """
        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            end_of(pid)
        def meanwhile():
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
        Finder("stook._watcher", meanwhile)
        stook.run(asyncio.sleep(0))
        print("ends")
    """
    ended = run(IMPORTED_MEANWHILE + textwrap.dedent(body), options=("-Wignore",), timeout=20)
    assert (ended.stdout, ended.stderr) == ("7\nends\n", "")


def test_an_import_that_a_fork_waits_for_is_not_held_up_for_ever(program):
    # The function is registered before stook's own, so it is called after them.
    body = """
        import asyncio, os, threading
        def wait_for_a_first_loop():
            thread = threading.Thread(target=lambda: stook.run(asyncio.sleep(0)))
            thread.start()
            thread.join()
        os.register_at_fork(before=wait_for_a_first_loop)
        import stook
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    ended = program(textwrap.dedent(body), way="stock", options=("-Wignore",), timeout=20)
    assert (ended.stdout, ended.stderr) == ("7\n", "")


def test_who_begins_to_watch_a_loop_does_not_wait_for_a_fork(program):
    body = """
        import asyncio, os, threading, time
        lock = threading.Lock()
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
        is_forking = threading.Event()
        import stook
        os.register_at_fork(before=is_forking.set)
        stook.on_slow_callback("report", after=30)
        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        def threads():
            return len(os.listdir("/proc/self/task"))
        stook.run(asyncio.sleep(0))  # What it imports is there.
        loop = stook.new_event_loop()
        thread = threading.Thread(target=fork)
        with lock:
            thread.start()
            is_forking.wait()
            time.sleep(0.1)
            loop.run_until_complete(asyncio.sleep(0))
            print(threads())
        thread.join()
        while threads() > 2:
            time.sleep(0.01)
        print(threads())
        loop.close()
    """
    ended = program(textwrap.dedent(body), way="stock", options=("-Wignore",), timeout=20)
    assert (ended.stdout, ended.stderr) == ("2\n7\n2\n", "")


@pytest.mark.parametrize("watched", [False, True], ids=["not watched", "watched"])
def test_two_threads_that_fork_do_not_wait_for_each_other_for_ever(program, watched):
    # As the lock of logging's does, this one is taken before a fork, after stook's own are.
    body = """
        import asyncio, os, threading
        lock = threading.RLock()
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release)
        is_forking = threading.Event()
        import stook
        os.register_at_fork(before=is_forking.set)

        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

        if "watched" in sys.argv:
            stook.on_slow_callback("report", after=30)
            loop = stook.new_event_loop()
            loop.run_until_complete(asyncio.sleep(0))
        thread = threading.Thread(target=fork)
        with lock:
            thread.start()
            is_forking.wait()
            thread.join(0.2)
            fork()
        thread.join()
        if "watched" in sys.argv:
            loop.close()
    """
    body = textwrap.dedent(body).replace('"watched" in sys.argv', str(watched))
    ended = program(body, way="stock", options=("-Wignore",), timeout=20)
    assert (ended.stdout, ended.stderr) == ("7\n7\n", "")
