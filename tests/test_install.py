"""``stook.install()`` replaces what it must, all of it, and ``uninstall()`` leaves no trace."""

import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

# What asyncio has before stook is imported: the objects to be replaced, and where all is.
BEFORE = """
import asyncio, sys, _asyncio
from asyncio import events, futures, tasks

def places():
    return {
        (module.__name__, name): value
        for key, module in list(sys.modules.items())
        if key == "_asyncio" or key.split(".")[0] == "asyncio"
        for name, value in vars(module).items()
    }

NAMES = (
    "Future Task gather wait sleep create_task ensure_future current_task all_tasks "
    "eager_task_factory create_eager_task_factory _GatheringFuture get_running_loop get_event_loop"
).split()
stock = [value for name, value in vars(_asyncio).items() if not name.startswith("__")]
for module in (asyncio, tasks):
    stock += [getattr(module, name) for name in NAMES if hasattr(module, name)]
asyncio.get_event_loop_policy()
before = places()
import stook
"""


def run(source, *, options=("-Werror",)):
    """Run source that goes on after ``BEFORE`` and return what it prints."""
    return output_of(run_python([*options, "-c", BEFORE + textwrap.dedent(source)]))


def test_no_name_of_asyncio_stands_for_what_was_replaced():
    """Some things are not replaced: stook uses asyncio's own."""
    left = run("""
        stook.install()
        import asyncio.staggered
        shared = list(vars(stook._core).values())
        for place, value in places().items():
            if any(value is one for one in stock) and not any(value is one for one in shared):
                print(*place)
    """)
    assert left == ""


def test_the_names_are_stooks():
    told = run("""
        stook.install()
        for name in NAMES:
            for module in (asyncio, tasks, futures, events, _asyncio):
                if hasattr(module, name):
                    print(name, getattr(module, name) is getattr(stook._core, name))
        assert asyncio.streams.sleep is stook.sleep
        assert tasks._CTask is stook.Task and futures._CFuture is stook.Future
        assert issubclass(asyncio.Task, asyncio.Future)
        assert tasks._PyTask is before["asyncio.tasks", "_PyTask"]
        assert asyncio.DefaultEventLoopPolicy is before["asyncio", "DefaultEventLoopPolicy"]
    """)
    lines = told.split("\n")[:-1]
    assert len(lines) > 25
    assert [line for line in lines if not line.endswith(" True")] == []


def test_uninstall_puts_back_the_same_objects():
    told = run("""
        for round in range(3):
            stook.install()
            assert places() != before
            stook.uninstall()
            after = places()
            for place in before.keys() | after.keys():
                if place not in before or place not in after or before[place] is not after[place]:
                    print("changed:", *place)
        assert asyncio.run(asyncio.sleep(0, "works")) == "works"
        with asyncio.Runner() as runner:
            print(isinstance(runner.get_loop(), stook.EventLoop))
    """)
    assert told == "False\n"


def test_a_policy_that_was_never_made_is_not_made_by_uninstall():
    told = run("""
        events._event_loop_policy = None
        stook.install()
        stook.uninstall()
        print(events._event_loop_policy)
    """)
    assert told == "None\n"


def test_installing_twice_is_installing_once():
    told = run("""
        stook.install()
        once = places()
        stook.install()
        assert all(places()[place] is value for place, value in once.items())
        stook.uninstall()
        assert all(places()[place] is value for place, value in before.items())
        stook.uninstall()
        print("ok")
    """)
    assert told == "ok\n"


@pytest.mark.parametrize("call", ["install", "uninstall"])
def test_it_is_refused_while_a_loop_runs(call):
    told = run(f"""
        if {call!r} == "uninstall":
            stook.install()
        async def main():
            now = places()
            try:
                stook.{call}()
            except RuntimeError as error:
                print(error)
            then = places()
            assert all(then[place] is value for place, value in now.items())
        asyncio.run(main())
        stook.{call}()
    """)
    assert told == f"stook.{call}() cannot be called while an event loop is running\n"


def test_a_loop_in_another_thread_does_not_matter():
    told = run("""
        import threading
        ready, done = threading.Event(), threading.Event()
        async def wait():
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, done.wait)
            print("went on")
        thread = threading.Thread(target=asyncio.run, args=(wait(),))
        thread.start()
        ready.wait()
        stook.install()
        async def main():
            return type(asyncio.current_task()) is stook.Task
        print(asyncio.run(main()))
        stook.uninstall()
        done.set()
        thread.join()
    """)
    assert told == "True\nwent on\n"


def test_new_loops_are_stooks():
    told = run("""
        stook.install()
        async def main():
            return type(asyncio.get_running_loop()) is stook.EventLoop
        print(asyncio.run(main()))
        with asyncio.Runner() as runner:
            print(runner.run(main()))
        loop = asyncio.new_event_loop()
        print(loop.run_until_complete(main()))
        loop.close()
    """)
    assert told == "True\nTrue\nTrue\n"


def test_a_policy_set_later_wins_and_stays():
    told = run("""
        stook.install()
        policy = asyncio.DefaultEventLoopPolicy()
        asyncio.set_event_loop_policy(policy)
        async def main():
            loop = asyncio.get_running_loop()
            task = asyncio.create_task(asyncio.sleep(0, type(asyncio.current_task()) is stook.Task))
            return isinstance(loop, stook.EventLoop), await task
        print(asyncio.run(main()))
        stook.uninstall()
        print(asyncio.get_event_loop_policy() is policy)
    """)
    assert told == "(False, True)\nTrue\n"


def test_a_loop_factory_wins():
    told = run("""
        stook.install()
        async def main():
            return type(asyncio.get_running_loop())
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            print(runner.run(main()) is asyncio.SelectorEventLoop)
    """)
    assert told == "True\n"


def test_a_name_that_somebody_else_replaced_stays_theirs():
    told = run("""
        stook.install()
        def sleep(*arguments):
            raise AssertionError
        asyncio.sleep = sleep
        stook.uninstall()
        print(asyncio.sleep is sleep, tasks.sleep is before["asyncio.tasks", "sleep"])
    """)
    assert told == "True True\n"


def test_importing_stook_imports_no_asyncio():
    source = "import stook, sys\nprint('asyncio' in sys.modules, 'stook._core' in sys.modules)"
    assert output_of(run_python(["-Werror", "-c", source])) == "False False\n"


ACCELERATORS_LOOP = """
stook.install()
import asyncio, sys
(of_accelerator,) = (
    place[2] for place in sys.modules["stook._install"]._rebound
    if (place[0].__name__, place[1]) == ("_asyncio", "_get_running_loop")
)
async def main():
    print(of_accelerator() is asyncio.get_running_loop())
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("before", "mirrored"),
    [
        ("import asyncio, stook", True),
        ("import stook; from asyncio import current_task", True),
        ("import stook; stook.EventLoop", True),
        ("import stook", False),
    ],
)
def test_the_accelerator_follows_where_its_names_may_have_been_bound(before, mirrored):
    source = f"{before}\n{ACCELERATORS_LOOP}"
    assert output_of(run_python(["-Werror", "-c", source])) == f"{mirrored}\n"


def test_the_accelerator_does_not_follow_under_the_command():
    source = f"import stook\n{ACCELERATORS_LOOP}"
    assert output_of(run_python(["-Werror", "-m", "stook", "-c", source])) == "False\n"


def test_every_public_name_is_there():
    source = """
        assert set(stook.__all__) <= set(dir(stook))
        print([name for name in stook.__all__ if not hasattr(stook, name)])
        try:
            stook.nothing
        except AttributeError as error:
            print(error)
    """
    assert run(source) == "[]\nmodule 'stook' has no attribute 'nothing'\n"
