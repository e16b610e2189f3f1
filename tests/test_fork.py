"""A forked child finds what it finds on the stock interpreter, whatever ran in the parent.

Each story is a program that forks: the same text must come from the stock interpreter and from
stook, on each version that version's.
"""

import textwrap

import pytest

from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

IN_CHILD = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")  # One about threads comes as often as it likes.

def in_child(function):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException as error:
            print("raised", type(error).__name__, error)
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("the child ended with", os.waitstatus_to_exitcode(status))
"""

STORIES = {
    "a coroutine forks": """
        async def main():
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            def look():
                for ask in (
                    asyncio.get_running_loop, asyncio._get_running_loop, asyncio.get_event_loop,
                    asyncio.current_task, asyncio.all_tasks,
                ):
                    try:
                        found = ask()
                    except RuntimeError as error:
                        print(ask.__name__, error)
                    else:
                        print(ask.__name__, found is loop, found is None)
                print(loop.is_running(), loop.is_closed())
                print(asyncio.current_task(loop) is task, asyncio.all_tasks(loop) == {task})
            in_child(look)
            print(asyncio.get_running_loop() is loop, asyncio.current_task() is task)
        asyncio.run(main())
    """,
    "a callback forks, in a thread too": """
        import threading
        def fork():
            in_child(lambda: print(asyncio._get_running_loop(), asyncio.run(asyncio.sleep(0, 1))))
        async def main():
            future = asyncio.get_running_loop().create_future()
            def call():
                fork()
                future.set_result("the parent goes on")
            asyncio.get_running_loop().call_soon(call)
            print(await future)
        def run():
            asyncio.run(main())
        run()
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    """,
    "an eager task forks": """
        async def work():
            in_child(lambda: print(asyncio.run(asyncio.sleep(0, "in the child"))))
            return asyncio.current_task() is not None
        async def main():
            if hasattr(asyncio, "eager_task_factory"):
                asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            print(await asyncio.create_task(work()))
        asyncio.run(main())
    """,
    "the child runs a loop of its own": """
        async def work():
            await asyncio.sleep(0.001)
            results = await asyncio.gather(*(asyncio.sleep(0, number) for number in range(5)))
            return results, len(asyncio.all_tasks())
        async def main():
            task = asyncio.create_task(asyncio.sleep(0.01, "the parent goes on"))
            await asyncio.sleep(0)
            in_child(lambda: print(asyncio.run(work())))
            print(await task)
        asyncio.run(main())
    """,
    "children of children": """
        async def main(depth):
            await asyncio.sleep(0)
            if depth:
                in_child(lambda: asyncio.run(main(depth - 1)))
            print("depth", depth, asyncio.current_task().get_name())
        asyncio.run(main(3))
    """,
    "the child returns from the coroutine": """
        async def main():
            await asyncio.sleep(0)
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                return "the child"
            _, status = os.waitpid(child, 0)
            return "the parent", os.waitstatus_to_exitcode(status)
        print("ended:", asyncio.run(main()))
    """,
    "the child awaits in the parent's loop": """
        async def sleep(): await asyncio.sleep(0.001)
        async def gather(): await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        async def limited():
            async with asyncio.timeout(1): await asyncio.sleep(0.001)
        async def create(): asyncio.create_task(sleep())
        async def turn(): await asyncio.sleep(0)
        async def main():
            await asyncio.sleep(0)
            sys.stdout.flush()
            child = os.fork()
            if child:
                _, status = os.waitpid(child, 0)
                print(os.waitstatus_to_exitcode(status))
                return
            for attempt in (sleep, gather, limited, create, turn):
                try:
                    await attempt()
                except RuntimeError as error:
                    print(attempt.__name__, str(error)[-30:])
                else:
                    print(attempt.__name__, "ended")
            sys.stdout.flush()
            os._exit(3)
        asyncio.run(main())
    """,
    "a loop that is set but does not run": """
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        def look():
            try:
                found = asyncio.get_event_loop()
            except RuntimeError as error:
                print(error)
            else:
                print(found is loop, found.is_running(), found.is_closed())
        in_child(look)
        loop.run_until_complete(asyncio.sleep(0))
        in_child(look)
        print(asyncio.get_event_loop() is loop)
        loop.close()
    """,
    "the child goes on with a loop of the parent": """
        loop = asyncio.new_event_loop()
        def run(who):
            print(loop.run_until_complete(asyncio.sleep(0.001, who)))
        run("the parent")
        in_child(lambda: run("the child"))
        run("the parent again")
        loop.close()
    """,
    "threads wake the child's loop": """
        import threading
        async def work():
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            thread = threading.Thread(target=loop.call_soon_threadsafe, args=(event.set,))
            thread.start()
            await event.wait()
            thread.join()
            print("woken", await asyncio.to_thread(sum, [1, 2]))
        async def main():
            in_child(lambda: asyncio.run(work()))
            await work()
        asyncio.run(main())
    """,
    "signals": """
        import signal
        async def wait_for_signal(who):
            event = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
            if who == "the parent":
                in_child(lambda: asyncio.run(wait_for_signal("the child")))
            os.kill(os.getpid(), signal.SIGUSR1)
            await event.wait()
            print(who, "got it")
        asyncio.run(wait_for_signal("the parent"))
    """,
    "multiprocessing": """
        import concurrent.futures, multiprocessing
        context = multiprocessing.get_context("fork")
        async def add(count):
            return sum(await asyncio.gather(*(asyncio.sleep(0, n) for n in range(count))))
        def work(count):
            return asyncio.run(add(count))
        def answer(queue, count):
            queue.put(work(count))
        async def main():
            queue = context.SimpleQueue()
            process = context.Process(target=answer, args=(queue, 5))
            process.start()
            print(await asyncio.to_thread(queue.get))
            await asyncio.to_thread(process.join)
            print(process.exitcode)
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                loop = asyncio.get_running_loop()
                calls = (loop.run_in_executor(pool, work, count) for count in range(4))
                print(await asyncio.gather(*calls))
        asyncio.run(main())
    """,
    "subprocesses from loops in threads": """
        import threading
        async def main(number):
            exits = await asyncio.create_subprocess_exec("sh", "-c", f"exit {number}")
            reads = await asyncio.create_subprocess_shell(
                "read line; echo got $line", stdin=-1, stdout=-1
            )
            output, _ = await reads.communicate(b"a line\\n")
            return await exits.wait(), output
        results = {}
        def run(number):
            results[number] = asyncio.run(main(number))
        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(results.items()))
    """,
    "child watchers": """
        async def main():
            process = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
            return await process.wait()
        for name in (
            "ThreadedChildWatcher", "PidfdChildWatcher", "SafeChildWatcher", "FastChildWatcher",
            "MultiLoopChildWatcher",
        ):
            watcher = getattr(asyncio, name)()
            asyncio.set_child_watcher(watcher)
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            watcher.attach_loop(loop)
            print(name, loop.run_until_complete(main()), type(asyncio.get_child_watcher()).__name__)
            watcher.close()
            loop.close()
    """,
}


@pytest.mark.parametrize("story", STORIES)
def test_the_child_finds_the_same(tmp_path, story):
    outcome = Workplace(tmp_path).same(IN_CHILD + textwrap.dedent(STORIES[story]))
    assert (outcome.status, outcome.errors) == (0, "")
    assert "raised" not in outcome.output
    assert outcome.output.count("\n") >= 1
