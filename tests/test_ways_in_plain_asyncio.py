"""With stook's loop alone asyncio's own functions look where asyncio keeps what it knows.

stook tells there of its current task and of its tasks only when somebody looks. Each program runs
in a process of its own, in which no name of asyncio's is stook's.
"""

import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

BEGINNING = """
import asyncio, gc, sys, threading, weakref
import _asyncio
import stook

tasks_of_asyncio = getattr(asyncio.tasks, "_scheduled_tasks", None)
if tasks_of_asyncio is None:
    tasks_of_asyncio = asyncio.tasks._all_tasks
current_tasks = asyncio.tasks._current_tasks


def run(main, loop_class=stook.EventLoop):
    with asyncio.Runner(loop_factory=loop_class) as runner:
        runner.run(main())


async def nothing():
    await asyncio.sleep(0)
"""


def printed(program):
    source = BEGINNING + textwrap.dedent(program)
    return output_of(run_python(["-Werror", "-c", source])).splitlines()


def test_the_current_task_is_found_wherever_it_is_looked_for():
    assert printed("""
        async def look(number):
            loop = asyncio.get_running_loop()
            me = asyncio.current_task()
            assert me.get_name() == f"number {number}"
            assert current_tasks[loop] is me and loop in current_tasks
            await asyncio.sleep(0)
            assert current_tasks.get(loop) is me
            await asyncio.sleep(0)
            assert loop in {loop: None}
            assert list(current_tasks.items()) == [(loop, me)]

        async def main():
            loop = asyncio.get_running_loop()
            await asyncio.gather(*[
                loop.create_task(look(number), name=f"number {number}") for number in range(5)
            ])
            done = loop.create_future()
            loop.call_soon(lambda: done.set_result([
                asyncio.current_task(), loop in current_tasks, dict(current_tasks)
            ]))
            print(*await done)

        run(main)
        print(current_tasks)
    """) == ["None False {}", "{}"]


def test_another_thread_looks_for_the_current_task():
    assert printed("""
        async def main():
            loop, me, found = asyncio.get_running_loop(), asyncio.current_task(), []
            await asyncio.sleep(0)

            def look():
                thread = threading.Thread(target=lambda: found.append(asyncio.current_task(loop)))
                thread.start()
                thread.join()

            look()
            await asyncio.sleep(0)
            loop.call_soon(look)
            await asyncio.sleep(0)
            look()
            print(found == [me, None, me])

        run(main)
    """) == ["True"]


def test_tasks_of_asyncio_enter_a_loop_of_stook():
    assert printed("""
        async def body(log):
            log.append(asyncio.current_task())
            await asyncio.sleep(0)
            log.append(asyncio.current_task())

        async def main():
            theirs, ours, loop = [], [], asyncio.get_running_loop()
            foreign = _asyncio.Task(body(theirs), loop=loop)
            own = loop.create_task(body(ours))
            await asyncio.wait([foreign, own])
            print(theirs == [foreign] * 2, ours == [own] * 2, type(foreign) is type(own))

        run(main)
    """) == ["True True False"]


def test_one_task_at_a_time():
    assert printed("""
        async def main():
            loop, me = asyncio.get_running_loop(), asyncio.current_task()
            other = loop.create_task(nothing())
            for enter in (_asyncio._enter_task, asyncio.tasks._enter_task):
                await asyncio.sleep(0)
                try:
                    enter(loop, other)
                except RuntimeError as error:
                    message = str(error)
                    print(message.startswith("Cannot enter into task"), me.get_name() in message)
            _asyncio._leave_task(loop, me)
            _asyncio._enter_task(loop, other)
            print(asyncio.current_task() is other)
            _asyncio._leave_task(loop, other)
            _asyncio._enter_task(loop, me)
            await asyncio.sleep(0)
            print(asyncio.current_task() is me)

        run(main)
    """) == ["True True", "True True", "True", "True"]


def test_a_loop_with_a_hash_of_its_own():
    assert printed("""
        class Loop(stook.EventLoop):
            def __hash__(self):
                return 1

        async def main():
            for _ in range(3):
                print(asyncio.current_task() is me, current_tasks == {loop: me})
                await asyncio.sleep(0)

        loop = Loop()
        me = loop.create_task(main())
        loop.run_until_complete(me)
        print(current_tasks)
        loop.close()
    """) == ["True True"] * 3 + ["{}"]


def test_a_loop_has_the_hash_of_an_object():
    assert printed("""
        async def main():
            loop = asyncio.get_running_loop()
            print(hash(loop) == object.__hash__(loop), loop == loop, loop != loop)

        run(main)
    """) == ["True True False"]


def test_all_tasks_are_found():
    assert printed("""
        async def main():
            loop, me = asyncio.get_running_loop(), asyncio.current_task()
            assert asyncio.all_tasks() == {me}
            made = {loop.create_task(asyncio.sleep(60)) for _ in range(5)}
            assert asyncio.all_tasks() == {me} | made
            more = {loop.create_task(nothing()) for _ in range(5)}
            assert all(task in tasks_of_asyncio for task in more)
            assert len(tasks_of_asyncio) == 11
            await asyncio.wait(more)
            assert asyncio.all_tasks() == {me} | made
            for task in made:
                task.cancel()
            await asyncio.wait(made)
            del task
            made.clear()
            more.clear()
            gc.collect()
            print(asyncio.all_tasks() == {me} == set(tasks_of_asyncio), loop._tasks() == [me])

        run(main)
        print(len(tasks_of_asyncio))
    """) == ["True True", "0"]


def test_another_thread_looks_for_tasks():
    assert printed("""
        async def main():
            loop = asyncio.get_running_loop()
            stop, seen = threading.Event(), set()

            def look():
                while not stop.is_set():
                    found = asyncio.all_tasks(loop)
                    seen.add(resident in found)

            resident = loop.create_task(asyncio.sleep(60))
            thread = threading.Thread(target=look)
            thread.start()
            for _ in range(200):
                await asyncio.gather(*[nothing() for _ in range(20)])
            stop.set()
            thread.join()
            print(seen)

        run(main)
    """) == ["{True}"]


def test_what_somebody_has_seen_is_forgotten_without_looking():
    assert printed("""
        async def main():
            loop = asyncio.get_running_loop()
            seen = loop.create_task(nothing())
            asyncio.all_tasks()
            references = vars(tasks_of_asyncio)["data"]
            print(len(references))
            unseen = loop.create_task(nothing())
            await asyncio.wait([seen, unseen])
            del seen
            print(len(references), len(tasks_of_asyncio.data))
            gone = [loop.create_task(nothing()) for _ in range(3)]
            await asyncio.sleep(0)
            for each in tasks_of_asyncio:
                # What goes meanwhile is taken out when that is over.
                await asyncio.wait(gone) if gone else None
                gone.clear()
            del each
            print(len(references), len(tasks_of_asyncio), len(references))

        run(main)
    """) == ["2", "1 1", "1 1 1"]


def test_tasks_are_registered_and_unregistered_by_hand():
    assert printed("""
        async def main():
            loop = asyncio.get_running_loop()
            task = loop.create_task(asyncio.sleep(60))
            _asyncio._unregister_task(task)
            print(task in asyncio.all_tasks())
            _asyncio._register_task(task)
            print(task in asyncio.all_tasks())

        run(main)
    """) == ["False", "True"]


def test_a_task_with_a_hash_of_its_own():
    assert printed("""
        class Task(stook.Task):
            def __hash__(self):
                return 1

        class Unhashable(stook.Task):
            __hash__ = None

        async def main():
            loop = asyncio.get_running_loop()
            task = Task(nothing(), loop=loop)
            print(task in asyncio.all_tasks())
            await task
            coroutine = nothing()
            try:
                Unhashable(coroutine, loop=loop)
            except TypeError as error:
                print(error)

        run(main)
    """) == ["True", "unhashable type: 'Unhashable'"]


def test_the_set_of_tasks_is_a_weak_set_still():
    assert printed("""
        async def main():
            copy = tasks_of_asyncio.copy()
            print(isinstance(copy, weakref.WeakSet), set(copy) == {asyncio.current_task()})
            copy.clear()
            print(len(tasks_of_asyncio), repr(tasks_of_asyncio) == repr(tasks_of_asyncio.data))

        run(main)
    """) == ["True True", "1 True"]


def test_a_set_that_is_no_weak_set_any_more_is_left_alone():
    assert (
        output_of(
            run_python(
                [
                    "-Werror",
                    "-c",
                    textwrap.dedent("""
        import asyncio, weakref

        class Counted(weakref.WeakSet):
            def add(self, task):
                added.append(task)
                super().add(task)

        tasks = getattr(asyncio.tasks, "_scheduled_tasks", None)
        if tasks is None:
            tasks = asyncio.tasks._all_tasks
        added, tasks.__class__ = [], Counted
        import stook

        async def main():
            print(added == [asyncio.current_task()], type(tasks) is Counted)

        with asyncio.Runner(loop_factory=stook.new_event_loop) as runner:
            runner.run(main())
    """),
                ]
            )
        )
        == "True True\n"
    )
