"""A loop runs inside itself when it was asked to allow that, and only then."""

import asyncio
import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook


def run(source, *, front=(), options=("-Werror",)):
    return output_of(run_python([*options, *front, "-c", textwrap.dedent(source)]))


@pytest.mark.ours
async def test_a_loop_does_not_nest_unasked(loop):
    inner = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match=r"^This event loop is already running$"):
        loop.run_until_complete(inner)
    inner.close()
    with pytest.raises(RuntimeError, match=r"^This event loop is already running$"):
        loop.run_forever()


def test_stooks_run_does_not_nest_unasked():
    told = run("""
        import asyncio, stook
        async def main():
            inner = asyncio.sleep(0)
            for run in (stook.run, asyncio.run):
                try:
                    run(inner)
                except RuntimeError as error:
                    print(error)
            inner.close()
        stook.run(main())
    """)
    assert told == (
        "stook.run() cannot be called from a running event loop\n"
        "asyncio.run() cannot be called from a running event loop\n"
    )


@pytest.mark.ours
def test_others_go_on_while_a_nested_run_waits(loop, engine):
    loop.nesting_allowed = True
    steps = []

    async def other():
        for number in range(5):
            steps.append(f"other {number}")
            await engine.sleep(0)

    async def inner():
        await task
        return "inner"

    async def main():
        me = engine.current_task()
        steps.append(loop.run_until_complete(inner()))
        assert engine.current_task() is me
        assert engine.get_running_loop() is loop
        await engine.sleep(0)
        steps.append("outer")

    task = loop.create_task(other())
    loop.run_until_complete(main())
    assert steps == [*(f"other {number}" for number in range(5)), "inner", "outer"]


@pytest.mark.ours
def test_a_stopped_nested_run_leaves_the_outer_running(loop, engine):
    loop.nesting_allowed = True

    async def main():
        never = loop.create_future()
        loop.call_soon(loop.stop)
        with pytest.raises(RuntimeError, match="^Event loop stopped before Future completed"):
            loop.run_until_complete(never)
        loop.call_soon(loop.stop)
        loop.run_forever()
        await engine.sleep(0)
        return "outer"

    assert loop.run_until_complete(main()) == "outer"


@pytest.mark.ours
def test_nested_runs_go_deep(loop, engine):
    loop.nesting_allowed = True

    async def descend(depth):
        await engine.sleep(0)
        return depth if depth == 50 else loop.run_until_complete(descend(depth + 1))

    assert loop.run_until_complete(descend(0)) == 50


@pytest.mark.ours
def test_an_error_in_a_nested_run_comes_out_there(loop, engine):
    loop.nesting_allowed = True

    async def fails():
        await engine.sleep(0)
        raise LookupError("nested")

    async def main():
        with pytest.raises(LookupError, match="nested"):
            loop.run_until_complete(fails())
        return engine.current_task().cancelling()

    assert loop.run_until_complete(main()) == 0


@pytest.mark.ours
def test_a_loop_of_another_kind_does_not_become_nestable(loop):
    import stook

    other = asyncio.unix_events._UnixSelectorEventLoop()  # install() replaces the other name.
    try:
        with pytest.raises(TypeError, match=r"^an event loop of stook was expected, got <_Unix"):
            stook.allow_nesting(other)
        stook.allow_nesting(loop)
        inner = asyncio.sleep(0)

        async def main():
            with pytest.raises(RuntimeError, match="while another loop is running"):
                other.run_until_complete(inner)

        loop.run_until_complete(main())
        inner.close()
    finally:
        other.close()


def test_one_loop_may_nest_and_others_not():
    told = run("""
        import asyncio, stook
        own_run = asyncio.run
        async def main():
            stook.allow_nesting(asyncio.get_running_loop())
            print(stook.run(asyncio.sleep(0, "nested")))
        stook.run(main())
        async def second():
            inner = asyncio.sleep(0)
            try:
                stook.run(inner)
            except RuntimeError as error:
                print(error)
            inner.close()
        stook.run(second())
        print(asyncio.run is own_run)
    """)
    assert told == "nested\nstook.run() cannot be called from a running event loop\nTrue\n"


def test_every_loop_may_nest_until_stook_is_uninstalled():
    told = run("""
        import asyncio, stook
        own_run = asyncio.run
        stook.install()
        stook.allow_nesting()
        async def main(depth):
            await asyncio.sleep(0)
            return depth and asyncio.run(main(depth - 1)) + stook.run(asyncio.sleep(0, 1))
        print(asyncio.run(main(3)), stook.run(main(2)), asyncio.run.__name__)
        stook.uninstall()
        print(asyncio.run is own_run)
        async def nests():
            inner = main(0)
            try:
                asyncio.run(inner)
            except RuntimeError as error:
                print(error)
            inner.close()
        stook.run(nests())
    """)
    assert told == ("3 2 run\nTrue\nasyncio.run() cannot be called from a running event loop\n")


def test_asyncios_run_outside_a_loop_makes_and_closes_one_as_before():
    told = run("""
        import asyncio, stook
        stook.install()
        stook.allow_nesting()
        async def main():
            return asyncio.get_running_loop()
        first, second = asyncio.run(main()), asyncio.run(main())
        print(first is second, first.is_closed(), type(first) is stook.EventLoop)
        try:
            asyncio.run(None)
        except ValueError as error:
            print(error)
    """)
    assert told == "False True True\na coroutine was expected, got None\n"


FOREIGN_LOOP = """
    import asyncio, nest_asyncio
    class Loop(asyncio.unix_events._UnixSelectorEventLoop): pass
    foreign = Loop()
    nest_asyncio.apply(foreign)
    print(hasattr(Loop, "_nest_patched"), hasattr(stook.EventLoop, "_nest_patched"))
    async def main():
        return foreign.run_until_complete(asyncio.sleep(0, "nested"))
    print(foreign.run_until_complete(main()))
    foreign.close()
    async def ours():
        await asyncio.sleep(0)
        return type(asyncio.get_running_loop()) is stook.EventLoop
    with asyncio.Runner(loop_factory=stook.new_event_loop) as runner:
        print(runner.run(ours()))
"""


@pytest.mark.parametrize("front", [[], ["-m", "stook"]], ids=["loop_factory", "launcher"])
def test_nest_asyncio_still_serves_loops_of_another_kind(front):
    told = run("import stook\n" + textwrap.dedent(FOREIGN_LOOP), front=front, options=())
    assert told == "True False\nnested\nTrue\n"


def test_nest_asyncio_is_otherwise_as_it_is():
    told = run("""
        import importlib, inspect, stook
        from nest_asyncio import apply
        import nest_asyncio
        print(apply is nest_asyncio.apply, apply.__name__, apply.__doc__)
        print("def apply(loop=None):" in inspect.getsource(apply))
        print(type(nest_asyncio.__loader__).__name__, nest_asyncio.__spec__.loader)
        assert importlib.reload(nest_asyncio) is nest_asyncio
        print(nest_asyncio.apply is apply, hasattr(nest_asyncio.apply, "__wrapped__"))
    """)
    first, second, third, fourth = told.splitlines()
    assert first == "True apply Patch asyncio to make its event loop reentrant."
    assert second == "True"
    assert third.startswith("SourceFileLoader <_frozen_importlib_external.SourceFileLoader")
    assert fourth == "False True"


def test_an_import_of_something_missing_is_not_hidden():
    told = run("""
        import stook, sys
        sys.path.clear()
        try:
            import nest_asyncio
        except ModuleNotFoundError as error:
            print(error, error.name)
    """)
    assert told == "No module named 'nest_asyncio' nest_asyncio\n"


def test_a_task_that_runs_the_loop_again_is_running():
    told = run("""
        import asyncio, stook
        async def never():
            await asyncio.Event().wait()
        async def inside():
            print(sorted((info.name, info.state) for info in stook.tasks()))
        async def main():
            stook.allow_nesting()
            task = asyncio.create_task(never(), name="never")
            asyncio.run(inside())
            task.cancel()
        stook.run(main())
    """)
    assert told == "[('Task-1', 'running'), ('Task-3', 'running'), ('never', 'waiting')]\n"
