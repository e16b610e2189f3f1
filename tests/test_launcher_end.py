"""A program under ``stook`` ends as it does under ``python``: same report, same status."""

import signal
import subprocess
import sys

import pytest

from side_by_side import FORMS, FRONTS, Workplace, environment_of

pytestmark = pytest.mark.needs_stook

RAISES = """
import atexit, sys
atexit.register(lambda: print("at exit:", sys.last_value, sys.last_traceback.tb_lineno))
def inner():
    raise ValueError("of the program")
print("before")
inner()
"""

RAISES_FROM_ANOTHER = """
try:
    1/0
except ZeroDivisionError as error:
    raise ExceptionGroup("several", [ValueError(1), TypeError(2)]) from error
"""

EXITS_WITH = """
import atexit, sys
atexit.register(print, "at exit")
print("before")
sys.exit({})
"""

HOOKED = """
import os, sys, traceback
def hook(kind, value, trace):
    os.write(1, b"in the hook\\n")
    traceback.print_stack()
    traceback.print_tb(trace)
    print(kind, value, sys.exc_info(), sys.last_type, sys.last_value is value)
    print(sys.last_traceback is trace, getattr(sys, "last_exc", value) is value)
{}
sys.excepthook = hook
print("before")
raise KeyError("of the program")
"""

HOOKS = {
    "prints": "",
    "fails": "    {}['of the hook']",
    "exits": "    sys.exit(7)",
    "is interrupted": "    raise KeyboardInterrupt",
    "is no function": "hook = None",
}

INTERRUPTED = """
import atexit, os, signal
atexit.register(print, "at exit")
def work():
    os.kill(os.getpid(), signal.SIGINT)
print("before")
work()
"""

INTERRUPTED_IN_A_TASK = """
import asyncio, os, signal
async def main():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    finally:
        print("cleaned up")
asyncio.run(main())
"""

WAITS_FOR_A_SIGNAL = """
import signal
print("ready", flush=True); signal.pause()
"""

PROGRAMS = {
    "raises": RAISES,
    "raises from another": RAISES_FROM_ANOTHER,
    "too deep": (
        "def descend(): descend()\ntry: descend()\n"
        "except RecursionError as error: raise error.with_traceback(None)"
    ),
    "exits with a status": EXITS_WITH.format("3"),
    "exits with a text": EXITS_WITH.format("'the reason'"),
    "exits with nothing": EXITS_WITH.format(""),
    "exits with an object": EXITS_WITH.format("[1]"),
    "a subclass of SystemExit": "class Leave(SystemExit): pass\nraise Leave(4)",
    "leaves at once": "import os\nprint('never seen')\nos._exit(5)",
    "interrupted": INTERRUPTED,
    "a subclass of KeyboardInterrupt": "class Stop(KeyboardInterrupt): pass\nraise Stop",
    "GeneratorExit": "raise GeneratorExit('odd')",
    "not even its text can be had": "class E(Exception):\n  __str__ = None\nraise E",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "nobody reads": "import os\nr, w = os.pipe()\nos.close(r)\nos.dup2(w, 1)\nprint('lost')",
    "no standard error": "import sys\nsys.stderr = None\n1/0",
    "no excepthook": "import sys\ndel sys.excepthook\n1/0",
    "a thread goes on": (
        "import threading\nlate = threading.Event()\n"
        "threading.Thread(target=lambda: (late.wait(), print('late'))).start()\n"
        "threading.Timer(0.01, late.set).start()\nraise SystemExit(4)"
    ),
}


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.mark.parametrize("form", ["script", "module"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_end_of_a_program_is_reported_alike(workplace, name, form):
    outcome = workplace.same(PROGRAMS[name], form=form)
    assert outcome.status != 0 or name == "exits with nothing"


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("form", FORMS)
def test_an_exception_is_reported_alike_in_every_form(workplace, form, front):
    outcome = workplace.same(RAISES, form=form, front=front)
    assert outcome.status == 1
    assert "at exit: of the program" in outcome.output


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("form", FORMS)
def test_an_interrupt_kills_the_process_in_every_form(workplace, form, front):
    outcome = workplace.same(INTERRUPTED, form=form, front=front)
    assert outcome.status == -signal.SIGINT
    assert outcome.output == "before\nat exit\n"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["raises", "exits with a text", "interrupted"])
def test_both_outputs_keep_their_order(workplace, name, form):
    outcome = workplace.same(PROGRAMS[name], form=form, merged=True)
    assert outcome.output.startswith("before") == (form in ("script", "input"))


@pytest.mark.parametrize("form", ["script", "module", "code"])
@pytest.mark.parametrize("name", HOOKS)
def test_the_programs_own_excepthook_is_used(workplace, name, form):
    outcome = workplace.same(HOOKED.format(HOOKS[name]), form=form)
    assert outcome.status != 0
    assert ("in the hook" in outcome.output) == (name != "is no function")


def test_an_interrupted_task_cleans_up_first(workplace):
    stock, ours = workplace.both(INTERRUPTED_IN_A_TASK)
    assert (ours.status, ours.output) == (stock.status, stock.output)
    assert ours.output == "cleaned up\n"
    assert "Traceback" in ours.errors and "stook/_" not in ours.errors


@pytest.mark.parametrize("front", FRONTS)
def test_ctrl_c_reaches_the_program(workplace, front):
    arguments, _ = workplace.write(WAITS_FOR_A_SIGNAL)
    ends = []
    for before in ([], FRONTS[front]):
        with subprocess.Popen(
            [sys.executable, "-X", "no_debug_ranges", *before, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=workplace.path,
            env=environment_of(),
            text=True,
        ) as process:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        ends.append((process.returncode, errors))
    assert ends[0] == ends[1]
    assert ends[0][0] == -signal.SIGINT


@pytest.mark.parametrize("form", ["script", "module", "code"])
def test_a_reported_exception_is_the_last_one_afterwards(workplace, form):
    source = (
        "import atexit, sys\nhook = sys.excepthook = lambda *about: print(about[1])\n"
        "atexit.register(lambda: print(sys.excepthook is hook, sys.last_traceback.tb_next, "
        "sys.last_value.__traceback__ is sys.last_traceback))\n"
        "def inner(): raise ValueError(1)\ninner()"
    )
    assert "True" in workplace.same(source, form=form).output
