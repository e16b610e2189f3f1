"""Cells of a notebook give in a kernel that runs on stook what they give in the stock kernel.

The kernel is ``ipykernel``, the client ``nbclient``; stook's kernel is started by the command in
the README. Cells that wait do so for what another cell or task does, not for the clock.
"""

import json
import pathlib
import re
import sys

import pytest

from programs import run_python
from side_by_side import INSTALLED

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(150)]

HERE = pathlib.Path(__file__).parent
EXAMPLES = sorted((HERE.parent / "examples").glob("*.py"))
APPLY = "import asyncio, nest_asyncio; nest_asyncio.apply()"

PLAIN = [
    "import asyncio",
    "async def say(word): return await asyncio.sleep(0.001, word)",
    "await say('top level')",
    "asyncio.run(say('refused'))",
    "asyncio.get_running_loop() is asyncio.get_event_loop()",
    # A task that is left running goes on while other cells run, and between them.
    "ticks = []\n"
    "async def tick():\n"
    "    while True:\n"
    "        ticks.append(len(ticks))\n"
    "        await asyncio.sleep(0.001)\n"
    "ticking = asyncio.create_task(tick())",
    "import time; time.sleep(0.05)",
    "seen = len(ticks)\nwhile len(ticks) < seen + 3: await asyncio.sleep(0.001)\nseen > 0",
    "ticking.cancel(); await asyncio.wait([ticking]); ticking.cancelled()",
    "tasks = [asyncio.create_task(say(word)) for word in 'abc']\nawait asyncio.gather(*tasks)",
    "waiting = asyncio.create_task(asyncio.Event().wait(), name='waits')",
    "sorted(t.get_name() for t in asyncio.all_tasks() if t.get_coro().__name__ == 'wait')",
    "done, pending = await asyncio.wait([waiting], timeout=0.001); (len(done), len(pending))",
    "async with asyncio.TaskGroup() as group:\n"
    "    a, b = group.create_task(say(1)), group.create_task(say(2))\n"
    "(a.result(), b.result())",
    "async def fail(): raise ValueError('out of a task')\nawait asyncio.create_task(fail())",
    "async with asyncio.timeout(0.001): await waiting",
    "waiting.cancelled()",
    "asyncio.create_task(fail()); await asyncio.sleep(0); import gc; gc.collect();",
    "queue = asyncio.Queue()",
    "getting = asyncio.create_task(queue.get())",
    "queue.put_nowait('from another cell')",
    "await getting",
    "await asyncio.to_thread(sum, [1, 2])",
    "process = await asyncio.create_subprocess_exec('echo', 'out', stdout=-1)\n"
    "(await process.communicate())[0]",
    "import contextvars; variable = contextvars.ContextVar('v'); variable.set(1);",
    "variable.get('lost')",
]

NESTED = [
    APPLY,
    "async def say(word): return await asyncio.sleep(0.001, word)",
    "asyncio.run(say('nested'))",
    "await say('top level')",
    "asyncio.get_event_loop().run_until_complete(say('by the loop'))",
    "async def outer():\n"
    "    other = asyncio.create_task(say('other'))\n"
    "    return asyncio.run(say('inner')), await other\n"
    "asyncio.run(outer())",
    "await outer()",
    "event = asyncio.Event()\n"
    "async def set_later():\n"
    "    await asyncio.sleep(0.001)\n"
    "    event.set()\n"
    "left = asyncio.create_task(set_later())",
    "asyncio.run(event.wait())",
    # A server lives between the cells; of three requests only the first is ever answered.
    "async def serve(reader, writer):\n"
    "    path = (await reader.readline()).split()[1]\n"
    "    while await reader.readline() != b'\\r\\n':\n"
    "        pass\n"
    "    if path == b'/1':\n"
    "        writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nfirst')\n"
    "    else:\n"
    "        await reader.read()\n"
    "    writer.close()\n"
    "server = await asyncio.start_server(serve, '127.0.0.1', 0)\n"
    "address = 'http://%s:%d/' % server.sockets[0].getsockname()",
    "import httpx\n"
    "async def fetch(client, number):\n"
    "    return (await client.get(f'{address}{number}')).text\n"
    "async def first_of(count):\n"
    "    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:\n"
    "        tasks = [asyncio.create_task(fetch(client, n + 1)) for n in range(count)]\n"
    "        done, rest = await asyncio.wait(tasks, return_when='FIRST_COMPLETED')\n"
    "        for task in rest: task.cancel()\n"
    "        if rest: await asyncio.wait(rest)\n"
    "        return [t.result() for t in done], [t.cancelled() for t in rest]\n"
    "asyncio.run(first_of(3))",
    "await first_of(1)",
    "server.close(); await server.wait_closed()",
]

INTERRUPTED = [
    APPLY,
    "async def say(word): return await asyncio.sleep(0.001, word)\n"
    "async def wait():\n"
    "    print('INTERRUPT ME')\n"
    "    try:\n"
    "        while True: await asyncio.sleep(0.01)\n"
    "    finally:\n"
    "        print('cleans up', asyncio.current_task().cancelling())\n"
    "async def work():\n"
    "    print('INTERRUPT ME')\n"
    "    while True: pass\n"
    "ticks = []\n"
    "async def tick():\n"
    "    while True:\n"
    "        ticks.append(len(ticks))\n"
    "        await asyncio.sleep(0.001)\n"
    "ticking = asyncio.create_task(tick())",
]
for _interrupted in (
    "await wait()",
    "print('INTERRUPT ME')\nwhile True: pass",
    "print('INTERRUPT ME'); import time; time.sleep(3600)",
    "asyncio.run(wait())",
    "asyncio.run(work())",
    "asyncio.get_event_loop().run_until_complete(work())",
    "async def outer(): return asyncio.run(work())\nasyncio.run(outer())",
):
    INTERRUPTED += [
        _interrupted,
        "await say('usable')",
        "asyncio.run(say('by a run'))",
        "seen = len(ticks)\nwhile len(ticks) < seen + 3: await asyncio.sleep(0.001)",
    ]
INTERRUPTED += ["ticking.cancel()"]

# Nothing but the signal wakes these. In the stock kernel it does not either.
IDLE = [
    "import asyncio; type(asyncio.get_running_loop()).__module__, asyncio.Task.__module__",
    "print('INTERRUPT ME'); await asyncio.sleep(3600)",
    "await asyncio.sleep(0, 'usable')",
    "print('INTERRUPT ME'); await asyncio.Event().wait()",
    "await asyncio.sleep(0, 'usable')",
    APPLY,
    "print('INTERRUPT ME'); asyncio.run(asyncio.Event().wait())",
    "asyncio.run(asyncio.sleep(0, 'usable'))",
    "len([task for task in asyncio.all_tasks() if task.get_coro().__name__ in ('wait', 'sleep')])",
]


@pytest.fixture
def notebook(tmp_path):
    """Give a function that runs cells on ``stook`` or on ``stock``, and returns what they gave."""

    def run(cells, which):
        environment = {
            "IPYTHONDIR": str(tmp_path),
            "JUPYTER_CONFIG_DIR": str(tmp_path),
            "JUPYTER_DATA_DIR": str(tmp_path),
            "JUPYTER_RUNTIME_DIR": str(tmp_path),
            "JUPYTER_PLATFORM_DIRS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONASYNCIODEBUG": "",
        }
        front = command() if which == "stook" else [sys.executable, "-m", "ipykernel_launcher"]
        process = run_python(
            [str(HERE / "run_notebook.py"), *front],
            environment=environment,
            stdin=json.dumps(cells),
            cwd=tmp_path,
            timeout=100,
        )
        assert process.returncode == 0, process.stderr
        told = json.loads(process.stdout)
        for cell in told:
            if "stderr" in cell:
                cell["stderr"] = _kinds_of_reports(cell["stderr"])
        return list(zip(cells, told, strict=True))

    return run


def command():
    """Return the README's command for a kernel, without what stands for the connection."""
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    (spec,) = re.findall("```json\n(.*?)```", readme, re.DOTALL)
    program, *arguments = json.loads(spec)["argv"]
    assert program == "stook"
    assert arguments[-2:] == ["-f", "{connection_file}"]
    front = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "stook"]
    return [*front, *arguments[:-2]]


def _kinds_of_reports(errors):
    """Return the first words of each report; the frames are asyncio's there and not here."""
    errors = re.sub(r"ipykernel_\d+", "ipykernel", errors)
    return [line.partition(":")[0] for line in errors.splitlines() if not line.startswith(" ")]


@pytest.mark.parametrize("cells", [PLAIN, NESTED], ids=["plain", "nested"])
def test_cells_give_the_same(notebook, cells):
    stock, ours = notebook(cells, "stock"), notebook(cells, "stook")
    assert ours == stock


def test_an_interrupt_leaves_the_kernel_usable(notebook):
    stock, ours = notebook(INTERRUPTED, "stock"), notebook(INTERRUPTED, "stook")
    for _, told in stock + ours:
        # The collector decides when the tasks of runs that were broken off are reported.
        told.pop("stderr", None)
    assert ours == stock


def test_the_examples_are_cells_too(notebook):
    cells = [APPLY, *(path.read_text() for path in EXAMPLES)]
    stock, ours = notebook(cells, "stock"), notebook(cells, "stook")
    assert ours == stock
    for path, (_, told) in zip(EXAMPLES, ours[1:], strict=True):
        # These two count all tasks, or show what ends with the program.
        if path.stem not in ("first_of_with_disconnect", "flaky_gather"):
            assert told == {"stdout": path.with_suffix(".out").read_text(encoding="utf-8")}


def test_an_interrupt_wakes_an_idle_kernel(notebook):
    told = [told for _, told in notebook(IDLE, "stook")]
    shout = "INTERRUPT ME\n"
    assert told == [
        {"value": "('stook.events', 'stook')"},
        {"stdout": shout, "error": "CancelledError: "},
        {"value": "'usable'"},
        {"stdout": shout, "error": "CancelledError: "},
        {"value": "'usable'"},
        {},
        {"stdout": shout, "error": "KeyboardInterrupt: "},
        {"value": "'usable'"},
        {"value": "0"},
    ]
