"""Who cancelled, said where a program ends by a cancellation, and in the loop's log."""

import asyncio
import gc

import pytest

import stook
from side_by_side import Workplace

pytestmark = pytest.mark.needs_stook

PROGRAM = """\
import asyncio, sys
{before}
async def child():
    await asyncio.sleep(1000)
async def main():
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    task.cancel()
    await task
{run}
"""
BY_MAIN = "cancellation: cancel() was called by Task-1 at {}:8, in main\n"

STOOK = ["-m", "stook"]
INSTALL = "import stook; stook.install()"
WAYS = {
    "launcher": (STOOK, "", "asyncio.run(main())"),
    "launcher, stook.run": (STOOK, "import stook", "stook.run(main())"),
    "launcher, install": (STOOK, INSTALL, "asyncio.run(main())"),
    "stook.run": ([], "import stook", "stook.run(main())"),
    "install": ([], INSTALL, "asyncio.run(main())"),
    "install, stook.run": ([], INSTALL, "stook.run(main())"),
    "installed again": (
        [],
        f"{INSTALL}; stook.uninstall(); stook.install()",
        "asyncio.run(main())",
    ),
    "raised again": (
        STOOK,
        "",
        "try: asyncio.run(main())\nexcept BaseException as error: raise error from ValueError()",
    ),
}


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.fixture
def ended(workplace):
    """Run a program that fails: its output, its errors, and those from ``cancellation:`` on."""

    def run(source, front=STOOK):
        arguments, _ = workplace.write(source)
        outcome = workplace.run([*front, *arguments])
        assert outcome.status != 0
        errors, mark, said = outcome.errors.partition("cancellation: ")
        return outcome.output, errors, mark + said

    return run


@pytest.mark.parametrize("way", WAYS)
def test_who_cancelled_stands_below_the_traceback(workplace, ended, way):
    front, before, run = WAYS[way]
    _, errors, said = ended(PROGRAM.format(before=before, run=run), front)
    assert "Traceback (most recent call last):\n" in errors
    assert errors.endswith("\nasyncio.exceptions.CancelledError\n")
    assert said == BY_MAIN.format(workplace.path / "program.py")


@pytest.mark.parametrize("way", ["launcher", "stook.run", "install"])
def test_a_hook_of_the_programs_own_is_called_alone(ended, way):
    front, before, run = WAYS[way]
    hook = "\nsys.excepthook = lambda kind, error, trace: print('hook', kind.__name__)"
    output, errors, said = ended(PROGRAM.format(before=before + hook, run=run), front)
    assert (output, errors, said) == ("hook CancelledError\n", "", "")


@pytest.mark.parametrize("way", ["launcher", "stook.run", "install"])
def test_a_hook_that_was_there_before_stays(ended, way):
    front, before, run = WAYS[way]
    hook = "sys.excepthook = lambda kind, error, trace: print('hook', kind.__name__)\n"
    output, errors, said = ended(PROGRAM.format(before=hook + before, run=run), front)
    assert (output, errors, said) == ("hook CancelledError\n", "", "")


def test_a_hook_that_fails_is_reported_and_then_who_cancelled(ended):
    hook = "def hook(*about): raise KeyError\nsys.excepthook = hook"
    _, errors, said = ended(PROGRAM.format(before=hook, run="asyncio.run(main())"))
    assert "Error in sys.excepthook:" in errors and "Original exception was:" in errors
    assert said.startswith("cancellation: cancel() was called by Task-1 at ")


def test_a_program_that_has_no_standard_error_ends_all_the_same(ended):
    before = "import os; sys.stderr = None"
    output, errors, said = ended(PROGRAM.format(before=before, run="asyncio.run(main())"))
    assert (output, errors, said) == ("", "", "")


GROUP = """\
import asyncio
async def child():
    await asyncio.sleep(1000)
async def main():
    tasks = [asyncio.create_task(child()) for _ in range(20)]
    await asyncio.sleep(0)
    {cancel}
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    raise BaseExceptionGroup("several", [
        BaseExceptionGroup("inside", errors), ValueError(), asyncio.CancelledError()])
asyncio.run(main())
"""


def test_of_a_group_each_request_is_explained_once(workplace, ended):
    # One statement asks ten, another one ten.
    cancel = "for task in tasks[:10]: task.cancel()\n    for task in tasks[10:]: task.cancel()"
    _, errors, said = ended(GROUP.format(cancel=cancel))
    assert "BaseExceptionGroup" in errors
    path = workplace.path / "program.py"
    by = "cancel() was called by Task-1 at"
    assert said == f"cancellation: {by} {path}:7, in main\n{by} {path}:8, in main\n"


def test_of_many_requests_some_are_explained(ended):
    cancel = "for number, task in enumerate(tasks): task.cancel(number)"
    _, _, said = ended(GROUP.format(cancel=cancel))
    assert [line.rpartition(" ")[2] for line in said.splitlines()] == [
        *(f"({number})" for number in range(10)),
        "more",
    ]
    assert said.endswith("\nand 10 more\n")


NOT_EXPLAINED = {
    "an error": "raise ValueError",
    "a cancellation that nobody asked for": "raise asyncio.CancelledError",
    "a timeout": "await asyncio.wait_for(asyncio.sleep(10), 0.001)",
    "an error in cleaning up": (
        "task = asyncio.current_task(); task.cancel()\n"
        "    try: await asyncio.sleep(1)\n    finally: raise OSError"
    ),
    "an interrupt": "import signal; signal.raise_signal(signal.SIGINT); await asyncio.sleep(1)",
}


@pytest.mark.parametrize("front", [STOOK, []], ids=["launcher", "run"])
@pytest.mark.parametrize("what", NOT_EXPLAINED)
def test_what_else_ends_a_program_shows_as_before(workplace, what, front):
    before, run = ("", "asyncio") if front else ("import stook\n", "stook")
    source = f"async def main():\n    {NOT_EXPLAINED[what]}\n"
    stock, _ = workplace.write(f"import asyncio\n{source}asyncio.run(main())\n")
    plain = workplace.run(stock)
    ours, _ = workplace.write(f"import asyncio\n{before}{source}{run}.run(main())\n")
    outcome = workplace.run([*front, *ours])
    assert "cancellation:" not in outcome.errors
    assert (outcome.status, outcome.output) == (plain.status, plain.output)
    # Native functions have no frames.
    assert outcome.errors.splitlines()[-1] == plain.errors.splitlines()[-1]


def test_the_hook_is_put_only_where_it_is_wanted(workplace):
    source = """\
import asyncio, sys, threading
before = sys.excepthook
assert before is sys.__excepthook__
import stook
async def cancelled():
    asyncio.current_task().cancel()
    await asyncio.sleep(1)
async def fails():
    raise ValueError
def ends(body):
    try: stook.run(body())
    except BaseException: pass
ends(fails)
assert sys.excepthook is before
thread = threading.Thread(target=ends, args=[cancelled]); thread.start(); thread.join()
assert sys.excepthook is before
stook.install()
assert sys.excepthook is not before
stook.uninstall()
assert sys.excepthook is before
ends(cancelled)
assert sys.excepthook is not before
sys.excepthook = print
stook.install(); stook.uninstall()
assert sys.excepthook is print
"""
    arguments, _ = workplace.write(source)
    outcome = workplace.run(arguments)
    assert (outcome.status, outcome.errors) == (0, "")


def test_under_the_command_the_hook_is_the_interpreters(workplace):
    workplace.same("import asyncio, sys\nprint(sys.excepthook is sys.__excepthook__)")


def test_an_exception_is_shown_and_not_changed(workplace):
    source = """
try: asyncio.run(main())
except BaseException as error:
    import traceback
    print(vars(error), error.args, getattr(error, "__notes__", None))
    assert "cancel" not in traceback.format_exc().splitlines()[-1].replace("CancelledError", "")
"""
    arguments, _ = workplace.write(PROGRAM.format(before=INSTALL, run=source))
    outcome = workplace.run(arguments)
    assert (outcome.output, outcome.errors) == ("{} () None\n", "")


async def forever():
    """Wait."""
    await asyncio.sleep(1000)


def logged(caplog, main):
    """Run a coroutine function with asyncio's own handler, and return what was logged."""
    stook.run(main(), debug=False)
    gc.collect()
    return caplog.messages


def test_a_cancellation_that_is_logged_says_whose_it_was(caplog):
    async def main():
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(forever(), name="child")
        asyncio.current_task().set_name("main")
        await asyncio.sleep(0)
        stook.cancel(task, reason="enough")
        [error] = await stook.gather(task, return_exceptions=True)
        loop.call_exception_handler({"message": "what", "exception": error, "zeal": 1})

    [message] = logged(caplog, main)
    first, said, last = message.splitlines()
    assert (first, last) == ("what", "zeal: 1")
    assert said.startswith(f"cancellation: cancel() was called by main at {__file__}:")
    assert said.endswith("('enough')")


def test_a_reason_that_cannot_be_shown_keeps_nothing_from_being_logged(caplog):
    class Odd:
        def __repr__(self):
            raise ValueError

    async def main():
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        stook.cancel(task, reason=Odd())
        [error] = await stook.gather(task, return_exceptions=True)
        asyncio.get_running_loop().call_exception_handler({"message": "what", "exception": error})

    [message] = logged(caplog, main)
    first, said = message.splitlines()
    assert first == "what"
    assert "Odd object at 0x" in said


def test_an_exception_that_a_cancelled_task_left_unread_says_who_cancelled(caplog):
    async def fails():
        try:
            await asyncio.sleep(1000)
        finally:
            raise OSError

    async def main():
        asyncio.current_task().set_name("main")
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    [message] = logged(caplog, main)
    first, said, _ = message.splitlines()[:3]
    assert first == "Task exception was never retrieved"
    assert said.startswith("cancellation: cancel() was called by main at ")


def test_a_cancelled_task_that_is_lost_says_who_cancelled(caplog):
    async def waits():
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                pass

    async def main():
        asyncio.current_task().set_name("main")
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    messages = logged(caplog, main)
    lost = [message for message in messages if message.startswith("Task was destroyed")]
    assert lost[0].splitlines()[1].startswith("cancellation: cancel() was called by main at ")


@pytest.mark.parametrize("taken_back", [False, True])
def test_nothing_is_said_of_tasks_that_are_not_cancelled(caplog, taken_back):
    async def fails():
        if taken_back:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()
        raise OSError

    async def main():
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        if taken_back:
            task.cancel()
        await asyncio.wait([task])

    [message] = logged(caplog, main)
    assert message.startswith("Task exception was never retrieved")
    assert "cancellation:" not in message


def test_a_context_that_says_it_itself_is_logged_as_it_is(caplog):
    async def main():
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        task.cancel()
        [error] = await stook.gather(task, return_exceptions=True)
        context = {"message": "what", "exception": error, "cancellation": "own"}
        asyncio.get_running_loop().call_exception_handler(context)

    assert logged(caplog, main) == ["what\ncancellation: 'own'"]


def test_a_handler_of_the_programs_own_gets_the_context_as_it_was(caplog):
    contexts = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: contexts.append(context))
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        task.cancel()
        [error] = await stook.gather(task, return_exceptions=True)
        loop.call_exception_handler({"message": "what", "exception": error})

    assert logged(caplog, main) == []
    assert [sorted(context) for context in contexts] == [["exception", "message"]]
