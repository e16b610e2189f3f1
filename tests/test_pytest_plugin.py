"""Tests that leave something behind fail by ``pytest -p stook``, however they are run."""

import sys

import pytest

from plugin_runs import HEAD, RUNNERS, line_of, run_tests
from programs import output_of, run_python

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(120)]
pytest_plugins = ["pytester"]

LOOPS = {"asyncio's loop": [], "stook's loop": ["--stook-loop"]}

BODIES = """
# The collector would find a task to which nothing refers.
left = []


async def leaks():
    left.append(asyncio.create_task(waits(), name="worker"))  # leaked
    await asyncio.sleep(0)


async def loses():
    async def fails():
        raise OSError("lost")  # raised

    asyncio.create_task(fails(), name="failing")  # lost
    await asyncio.sleep(0)


async def loses_in_a_circle():
    async def fails():
        try:
            raise OSError("circle")  # raised in a circle
        except OSError as error:
            kept.append(error)
            raise

    kept = []
    kept.append(asyncio.create_task(fails(), name="failing"))
    await asyncio.sleep(0)


async def swallows():
    async def stubborn():
        try:
            await asyncio.sleep(3600)  # swallowed
        except asyncio.CancelledError:
            pass
        await asyncio.sleep(0)

    task = asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    task.cancel()  # asked
    await task


async def cleans_up():
    kept = [asyncio.create_task(waits()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    # Neither is waited for; both end in the next turn.
    kept[0].cancel()
    asyncio.create_task(asyncio.sleep(0))

    async def fails():
        raise OSError("read")

    with pytest.raises(OSError):
        await asyncio.create_task(fails())
    try:
        await asyncio.wait_for(waits(), 0.001)
    except TimeoutError:
        pass
"""
KINDS = ("leaks", "loses", "loses_in_a_circle", "swallows", "cleans_up")


def run_by(kinds, runners=RUNNERS):
    """Return a test of each kind by each of the runners."""
    return "\n\n".join(
        RUNNERS[runner].format(name=f"{kind}_{runner}", body=kind)
        for kind in kinds
        for runner in runners
    )


@pytest.fixture(autouse=True)
def _out_of_debug_mode(monkeypatch):
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)
    monkeypatch.delenv("PYTHONDEVMODE", raising=False)


@pytest.mark.parametrize("options", LOOPS.values(), ids=LOOPS)
def test_what_a_test_leaves_behind_fails_it_with_the_line(pytester, options):
    run = run_tests(pytester, BODIES + run_by(KINDS), *options)
    line = {
        mark: f"FILE:{line_of(mark, BODIES)}"
        for mark in ("leaked", "raised", "lost", "raised in a circle", "swallowed", "asked")
    }
    expected = {
        "leaks": [
            "stook: 1 task has not ended with the test:",
            "worker waits for an event to be set",
            f"  made at {line['leaked']}, in leaks",
        ],
        "loses": [
            "stook: nobody has read the exception of failing:",
            "OSError('lost')",
            f"  raised at {line['raised']}, in loses.<locals>.fails",
            f"  made at {line['lost']}, in loses",
        ],
        "loses_in_a_circle": [
            "stook: nobody has read the exception of failing:",
            f"  raised at {line['raised in a circle']}, in loses_in_a_circle.<locals>.fails",
        ],
        "swallows": [
            "stook: stubborn has swallowed a cancellation:",
            f"{line['asked']}, in swallows",
            f"  it was raised at {line['swallowed']}, in swallows.<locals>.stubborn, and did not",
        ],
    }
    for kind, lines in expected.items():
        for runner in RUNNERS:
            name = f"test_{kind}_{runner}"
            for text in lines:
                assert text in run.said[name], (name, run.output)
    assert run.outcomes == {
        "failed": len(expected) * len(RUNNERS),
        "passed": len(RUNNERS),
    }, run.output
    assert not [name for name in run.said if "cleans_up" in name]


def test_tasks_that_are_about_to_end_are_given_some_turns(pytester):
    source = """
async def ends_soon():
    async def tidies_up():
        try:
            await waits()
        finally:
            for _ in range(3):
                await asyncio.sleep(0)

    left.append(asyncio.create_task(tidies_up()))
    await asyncio.sleep(0)
    left[-1].cancel()
    left.append(asyncio.create_task(asyncio.sleep(0)))
"""
    runners = RUNNERS.keys() - {"run", "stook_run"}
    run = run_tests(pytester, BODIES + source + run_by(["ends_soon"], runners))
    assert run.outcomes == {"passed": len(runners)}, run.output


def test_a_loop_of_others_has_no_factory_of_tasks_afterwards(pytester):
    run = run_tests(
        pytester,
        """
factories = []

@pytest_asyncio.fixture(loop_scope="module")
async def looks():
    yield
    factories.append(asyncio.get_running_loop().get_task_factory())

@pytest.mark.asyncio(loop_scope="module")
async def test_it(looks):
    assert asyncio.get_running_loop().get_task_factory() is not None

def test_afterwards():
    assert factories == [None]
""",
    )
    assert run.outcomes == {"passed": 2}, run.output


def test_what_a_fixture_does_that_a_test_asks_for_is_none_of_the_tests(pytester):
    source = """
@pytest.fixture
def service():
    asyncio.run(swallows())

def test_it(request):
    request.getfixturevalue("service")
"""
    run = run_tests(pytester, BODIES + source, "--stook-loop")
    assert run.outcomes == {"passed": 1}, run.output


def test_a_future_that_the_collector_finds_may_be_of_any_test(pytester):
    run = run_tests(
        pytester,
        """
import gc

class Circle:
    pass

def test_it():
    async def main():
        circle = Circle()
        circle.itself = circle
        circle.future = asyncio.get_running_loop().create_future()
        circle.future.set_exception(OSError("lost"))

    gc.disable()
    asyncio.run(main())

def test_another():
    gc.collect()
    gc.enable()
""",
        "--stook-loop",
    )
    assert run.outcomes == {"passed": 2}, run.output


def test_the_task_of_a_run_that_was_broken_off_is_no_leak(pytester):
    run = run_tests(
        pytester,
        """
def test_it():
    async def stops():
        asyncio.get_running_loop().stop()
        await waits()

    with pytest.raises(RuntimeError, match="stopped before Future completed"):
        asyncio.run(stops())
""",
        "--stook-loop",
    )
    assert run.outcomes == {"passed": 1}, run.output


def test_nothing_is_said_twice(pytester):
    source = run_by(KINDS[:1], ["pytest_asyncio_module"]) + "\n\ndef test_after(): gc.collect()"
    run = run_tests(pytester, "import gc\n" + BODIES + source)
    assert run.outcomes == {"failed": 1, "passed": 1}
    assert run.output.count("worker waits for") == 1


def test_what_is_found_several_times_is_said_once_and_counted(pytester):
    source = """
def test_loses():
    for _ in range(3):
        asyncio.run(loses())

async def leaks_twice():
    await leaks()
    await leaks()

def test_leaks():
    asyncio.run(leaks_twice())
"""
    run = run_tests(pytester, BODIES + source, "--stook-loop")
    assert run.outcomes == {"failed": 2}, run.output
    said = run.said["test_loses"]
    assert said.count("nobody has read the exception of failing") == 1
    assert ", in loses\n(3 times)\n" in said
    assert "stook: 2 tasks have not ended with the test:\n" in run.said["test_leaks"]
    assert run.said["test_leaks"].count("worker waits for an event to be set") == 2


@pytest.mark.parametrize("way", ["marker", "ini"])
def test_each_check_can_be_switched_off(pytester, way):
    named = {"leaks": "leaks", "loses": "unretrieved", "swallows": "swallowed"}
    source, ini = BODIES, ""
    for kind, check in named.items():
        if way == "ini":
            ini += f"stook_{check} = false\n"
        else:
            source += f"\n\n@pytest.mark.stook({check}=False)"
        source += f"\n{run_by([kind], ['pytest_asyncio'])}"
    if way == "marker":
        # The closest marker counts.
        source += (
            "\n\n@pytest.mark.stook(leaks=False, timeout=20)\nclass TestAll:\n"
            "    @pytest.mark.stook(leaks=True)\n    def test_on(self): asyncio.run(leaks())\n"
            "    def test_off(self): asyncio.run(leaks())\n"
        )
        assert run_tests(pytester, source).outcomes == {"passed": 4, "failed": 1}
    else:
        source += "\n\n@pytest.mark.stook(leaks=True)\ndef test_on(): asyncio.run(leaks())"
        assert run_tests(pytester, source, ini=ini).outcomes == {"passed": 3, "failed": 1}


def test_a_failure_of_the_tests_own_comes_first_and_the_rest_stands_below(pytester):
    run = run_tests(
        pytester,
        BODIES
        + """
@pytest.mark.asyncio
async def test_fails():
    await leaks()
    assert 1 == 2, "my own"

@pytest.mark.asyncio
async def test_skips():
    await leaks()
    pytest.skip("not here")

@pytest.mark.xfail(strict=True)
@pytest.mark.asyncio
async def test_xfails():
    await leaks()

@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.asyncio
async def test_parametrised(number):
    if number == 1:
        await leaks()
""",
        "-rs",
    )
    assert run.outcomes == {"failed": 2, "passed": 1, "skipped": 1, "xfailed": 1}, run.output
    said = run.said["test_fails"]
    assert "AssertionError: my own" in said
    assert "1 task has not ended" in said.partition("Captured stook call")[2]
    assert "AssertionError" not in run.said["test_parametrised[1]"]


FIXTURES = """
class Client:
    def connect(self):
        self.task = asyncio.create_task(waits(), name="reader")  # library

    async def close(self):
        self.task.cancel()


@MODULE_FIXTURE
async def server():
    async def serve():
        while True:
            answer = await queue.get()
            asyncio.create_task(waits(), name="handler")
            answer.set_result(None)

    queue = asyncio.Queue()
    task = asyncio.create_task(serve())
    yield queue
    task.cancel()


@FIXTURE
async def client():
    client = Client()
    yield client
    await client.close()


@FIXTURE
async def forgotten_client():
    yield Client()


@MODULE_FIXTURE
async def pool():
    client = Client()
    yield client
    await client.close()


@MARKED
async def test_server(server):
    answer = asyncio.get_running_loop().create_future()
    server.put_nowait(answer)
    await answer

@MARKED
async def test_client(client):
    client.connect()
    await asyncio.sleep(0)

@MARKED
async def test_forgotten_client(forgotten_client):
    forgotten_client.connect()
    await asyncio.sleep(0)

@MARKED
async def test_pool(pool):
    pool.connect()
    await asyncio.sleep(0)

@MARKED
async def test_beside_a_pool(pool):
    asyncio.create_task(waits(), name="worker")
    await asyncio.sleep(0)
"""
BY_PLUGIN = {
    "pytest-asyncio": {
        "MODULE_FIXTURE": "pytest_asyncio.fixture(scope='module', loop_scope='module')",
        "FIXTURE": "pytest_asyncio.fixture(loop_scope='module')",
        "MARKED": "pytest.mark.asyncio(loop_scope='module')",
    },
    "anyio": {
        "MODULE_FIXTURE": "pytest.fixture(scope='module')",
        "FIXTURE": "pytest.fixture",
        "MARKED": "pytest.mark.anyio",
    },
}


@pytest.mark.parametrize("options", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("plugin", BY_PLUGIN)
def test_tasks_of_fixtures_are_no_leaks_of_a_test(pytester, plugin, options):
    source = FIXTURES
    for name, text in BY_PLUGIN[plugin].items():
        source = source.replace(f"@{name}\n", f"@{text}\n")
    if plugin == "anyio":
        source = source.replace("async def server()", "async def server(anyio_backend)")
        source = source.replace("async def pool()", "async def pool(anyio_backend)")
    run = run_tests(pytester, source, *options)
    assert run.outcomes == {"passed": 4, "failed": 1, "errors": 1}, run.output
    assert "worker waits for an event" in run.said["test_beside_a_pool"]
    line = line_of("library", source)
    said = run.said["teardown of test_forgotten_client"]
    assert f"  made at FILE:{line}, in Client.connect" in said


def test_what_unittests_set_up_is_no_leak_if_they_end_it(pytester):
    run = run_tests(
        pytester,
        """
class TestIt(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.task = asyncio.create_task(waits())
        await asyncio.sleep(0)

    async def asyncTearDown(self):
        self.task.cancel()

    async def test_ends(self):
        await asyncio.sleep(0)

    async def test_leaks(self):
        asyncio.create_task(waits(), name="worker")
        await asyncio.sleep(0)

    async def test_fails(self):
        asyncio.create_task(waits(), name="worker")
        self.assertEqual(1, 2)
""",
    )
    assert run.outcomes == {"passed": 1, "failed": 2}
    assert "worker waits for an event" in run.said["test_leaks"]
    assert "AssertionError: 1 != 2" in run.said["test_fails"]


def test_what_unittests_begin_by_methods_of_theirs_may_be_ended_by_their_tear_down(pytester):
    run = run_tests(
        pytester,
        """
class TestIt(unittest.IsolatedAsyncioTestCase):
    def connect(self):
        self.tasks = [asyncio.create_task(waits(), name="reader")]

    async def asyncTearDown(self):
        for task in self.tasks[:1]:
            task.cancel()
            await asyncio.wait([task])

    async def test_ends(self):
        self.connect()
        await asyncio.sleep(0)

    async def test_leaks(self):
        self.connect()
        self.tasks.insert(0, asyncio.create_task(waits(), name="writer"))
        await asyncio.sleep(0)
""",
    )
    assert run.outcomes == {"passed": 1, "failed": 1}, run.output
    assert "reader waits for an event" in run.said["test_leaks"]


def test_other_ways_to_run_a_loop_are_looked_at_too(pytester):
    run = run_tests(
        pytester,
        BODIES
        + """
def test_loop():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leaks())
    loop.close()

def test_grace():
    stook.run(leaks(), grace=1)

def test_uvloop():
    import uvloop
    uvloop.run(leaks())

def test_runner():
    # What one run leaves behind another one may end.
    with asyncio.Runner() as runner:
        task = runner.run(begins())
        runner.run(ends(task))

async def begins():
    return asyncio.create_task(waits())

async def ends(task):
    task.cancel()

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})])
async def test_anyio_on_uvloop(anyio_backend):
    await leaks()
""",
        # The task of a loop that was closed is lost.
        "-p",
        "no:unraisableexception",
    )
    assert run.outcomes == {"passed": 1, "failed": 4}, run.output
    assert "test_runner" not in run.said


def test_on_stooks_loop_an_unread_error_of_an_executor_fails_too(pytester):
    run = run_tests(
        pytester,
        """
def test_job():
    async def main():
        def fails():
            raise OSError("job")
        asyncio.get_running_loop().run_in_executor(None, fails)
        await asyncio.sleep(0.1)
    asyncio.run(main())
""",
        "--stook-loop",
    )
    assert run.outcomes == {"failed": 1}
    assert "nobody has read the exception of a Future:\nOSError('job')" in run.said["test_job"]


LOOPS_OF_PLUGINS = """
@pytest.fixture(scope="module")
def event_loop_policy():
    return stook.EventLoopPolicy()

async def leaks():
    assert isinstance(asyncio.get_running_loop(), stook.EventLoop)
    asyncio.create_task(waits(), name="worker")
    await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_policy():
    await leaks()

ON_STOOK = ("asyncio", {"loop_factory": stook.new_event_loop})

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [ON_STOOK])
async def test_anyio(anyio_backend):
    await leaks()
"""


def test_the_loops_that_the_plugins_are_told_of_stay(pytester):
    # A fixture with the policy is deprecated in some versions of pytest-asyncio.
    run = run_tests(pytester, LOOPS_OF_PLUGINS, "-Wignore::pytest.PytestDeprecationWarning")
    assert run.outcomes == {"failed": 2}, run.output
    for name in ("test_policy", "test_anyio[anyio_backend0]"):
        assert "1 task has not ended" in run.said[name]
    pytester.makeconftest(
        "import asyncio, stook\n"
        "def pytest_asyncio_loop_factories(config, item):\n"
        "    return {'stook': stook.new_event_loop, 'asyncio': asyncio.SelectorEventLoop}\n"
    )
    source = """
@pytest.mark.asyncio
async def test_it(request):
    ours = isinstance(asyncio.get_running_loop(), stook.EventLoop)
    assert ours == ("stook" in request.node.name)
"""
    assert run_tests(pytester, source).outcomes == {"passed": 2}


def test_on_request_everything_runs_on_stooks_loop(pytester):
    source = """
async def looks():
    assert type(asyncio.get_running_loop()) is stook.EventLoop
""" + run_by(["looks"])
    for options, ini in ((["--stook-loop"], ""), ([], "stook_loop = true\n")):
        run = run_tests(pytester, source, *options, ini=ini)
        assert run.outcomes == {"passed": len(RUNNERS)}, run.output
        assert "stook: loop stook's, no time limit" in run.output
    assert run_tests(pytester, source).outcomes == {"failed": len(RUNNERS) - 1, "passed": 1}


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("leak=True", "takes timeout, deadlocks, leaks, swallowed, unretrieved, and no 'leak'"),
        ("5", "and no positional argument"),
        ("timeout=-1", "has to be zero or more seconds, not -1"),
        ("timeout='long'", "has to be a number of seconds, not str"),
        ("timeout=float('nan')", "not nan"),
    ],
)
def test_a_marker_that_cannot_be_understood_is_refused(pytester, marker, words):
    run = run_tests(pytester, f"@pytest.mark.stook({marker})\ndef test_it(): pass\n")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "test_it.py::test_it" in run.errors
    assert words in run.errors


@pytest.mark.parametrize(
    ("ini", "options", "words"),
    [
        ("stook_timeout = soon", [], "stook_timeout has to be in seconds, not 'soon'"),
        ("", ["--stook-timeout=-2"], "--stook-timeout has to be zero or more seconds, not -2"),
    ],
)
def test_a_limit_that_cannot_be_understood_is_refused(pytester, ini, options, words):
    run = run_tests(pytester, "def test_it(): pass\n", *options, ini=ini)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert words in run.errors


def test_who_does_not_ask_for_the_plugin_has_none_and_stook_needs_no_pytest(pytester):
    pytester.makepyfile(
        "import sys, stook\n"
        "def test_it(request):\n"
        "    assert 'stook._testing' not in sys.modules\n"
        "    assert not request.config.pluginmanager.has_plugin('stook')\n"
    )
    assert pytester.runpytest_subprocess().parseoutcomes() == {"passed": 1}
    program = (
        "import sys, stook; dir(stook); print('pytest' in sys.modules, 'asyncio' in sys.modules)"
    )
    assert output_of(run_python(["-c", program])) == "False False\n"


@pytest.mark.parametrize("way", ["conftest", "variable", "launcher"])
def test_other_ways_to_ask_for_the_plugin(pytester, monkeypatch, way):
    pytester.makepyfile(HEAD + BODIES + run_by(["leaks"], ["pytest_asyncio"]))
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    if way == "conftest":
        pytester.makeconftest("pytest_plugins = ['stook']")
        result = pytester.runpytest_subprocess("-Werror")
    elif way == "variable":
        monkeypatch.setenv("PYTEST_PLUGINS", "stook")
        result = pytester.runpytest_subprocess("-Werror")
    else:
        command = ["-m", "stook", "-m", "pytest", "-p", "stook", "-Werror"]
        result = pytester.run(sys.executable, *command)
        result.stdout.fnmatch_lines(["stook: loop stook's, *"])
    assert result.parseoutcomes() == {"failed": 1}


def test_a_run_that_is_to_stop_at_the_first_failure_does(pytester):
    source = BODIES + run_by(["leaks", "cleans_up"], ["pytest_asyncio"])
    assert run_tests(pytester, source, "-x").outcomes == {"failed": 1}


def test_several_processes_find_the_same(pytester):
    source = BODIES + run_by(KINDS, ["run", "pytest_asyncio", "anyio"])
    run = run_tests(pytester, source, "-n", "2", "--stook-loop")
    assert run.outcomes == {"failed": 12, "passed": 3}, run.output


def test_asyncio_is_as_it_was_after_a_run(pytester):
    source = (
        "import asyncio\nimport pytest\nimport stook\n"
        "had = asyncio.Runner.run, asyncio.Runner.close, asyncio.Task\n"
        "assert pytest.main(['-p', 'stook', '--stook-loop', '-q', 'test_it.py']) == 0\n"
        "assert had == (asyncio.Runner.run, asyncio.Runner.close, asyncio.Task)\n"
    )
    pytester.makepyfile(test_it="import asyncio\ndef test_it(): asyncio.run(asyncio.sleep(0))\n")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    assert "1 passed" in output_of(run_python(["-c", source], cwd=pytester.path))
