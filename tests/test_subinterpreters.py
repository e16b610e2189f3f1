"""In a sub-interpreter stook is refused in one line, wherever and however often it is tried.

The interpreters next to the main one are of both kinds: with a GIL of their own from 3.12 on
(``isolated``), and sharing the main one's (``legacy``).
"""

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

INTERPRETERS = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    create = interpreters.create
    run = interpreters.exec
else:
    import _xxsubinterpreters as interpreters
    def create(kind): return interpreters.create(isolated=kind == "isolated")
    run = interpreters.run_string

TRY = '''
try:
    import stook
    stook.Task
except ImportError as error:
    print("sub:", error, flush=True)
'''

def sub(code=TRY):
    number = create(KIND)
    failure = run(number, code)
    assert failure is None, failure
    return number

def main():
    import asyncio, stook
    print("main:", stook.run(asyncio.sleep(0, "runs")), flush=True)
"""

REFUSED = "sub: stook does not run in sub-interpreters\n"
RUNS = "main: runs\n"

STORIES = {
    "after the main interpreter": ("main(); sub()", RUNS + REFUSED),
    "before the main interpreter": ("sub(); main()", REFUSED + RUNS),
    "before, and destroyed": ("interpreters.destroy(sub()); main()", REFUSED + RUNS),
    "several, each destroyed": (
        "main()\n"
        "for _ in range(3): interpreters.destroy(sub())\n"
        "main()",
        RUNS + REFUSED * 3 + RUNS,
    ),
    "several at a time": (
        "kept = [sub(), sub()]\n"
        "main()\n"
        "for number in kept: run(number, TRY); interpreters.destroy(number)\n"
        "main()",
        REFUSED * 2 + RUNS + REFUSED * 2 + RUNS,
    ),
    "twice in one": ("number = sub(TRY + TRY); run(number, TRY); main()", REFUSED * 3 + RUNS),
    "from a task": (
        "import asyncio, stook\n"
        "async def work():\n"
        "    interpreters.destroy(sub())\n"
        "    return await asyncio.sleep(0, 'goes on')\n"
        "print(stook.run(work()))",
        REFUSED + "goes on\n",
    ),
    "from threads": (
        "import threading; main()\n"
        "lock = threading.Lock()\n"
        "def work():\n"
        "    with lock: interpreters.destroy(sub())\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "main()",
        RUNS + REFUSED * 3 + RUNS,
    ),
}  # fmt: skip


def outcome_of(story, kind, front=()):
    source = f"KIND = {kind!r}\n{INTERPRETERS}\n{story}\n"
    return output_of(run_python([*front, "-c", source], environment={"PYTHONMALLOC": "debug"}))


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("name", STORIES)
def test_it_is_refused(name, kind):
    story, expected = STORIES[name]
    assert outcome_of(story, kind) == expected


# Legacy ones only, of the main thread, and left to the end: with asyncio in the others CPython 3.12
# crashes or hangs, and destroying one breaks its types for all.
INSTALL = """
kept = sub('''
import asyncio, stook
try:
    stook.install()
except ImportError as error:
    print("sub:", error)
print("sub:", asyncio.run(asyncio.sleep(0, asyncio.Task.__module__)), flush=True)
''')
import stook
stook.install()
main()
"""

BESIDE = """
import asyncio
kept = []
def run_plain_asyncio():
    kept.append(sub('''
import asyncio
async def main():
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(3)))
    return asyncio.Task.__module__, type(asyncio.get_running_loop()).__name__
print("sub:", asyncio.run(main()), flush=True)
'''))
async def tick():
    while True: await asyncio.sleep(0)
async def work():
    ticking = asyncio.create_task(tick())
    for _ in range(2):
        run_plain_asyncio()
        await asyncio.sleep(0)
    ticking.cancel()
    return type(asyncio.get_running_loop()).__name__
print("main:", asyncio.run(work()))
"""


def test_install_is_refused_and_asyncio_stays():
    assert outcome_of(INSTALL, "legacy") == REFUSED + "sub: _asyncio\n" + RUNS


def test_plain_asyncio_runs_beside_a_program_of_stook():
    plain = "sub: ('_asyncio', '_UnixSelectorEventLoop')\n"
    assert outcome_of(BESIDE, "legacy", ["-m", "stook"]) == plain * 2 + "main: EventLoop\n"
