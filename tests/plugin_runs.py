"""Runs of pytest with stook's plugin, in interpreters of their own, and what they said."""

import re
import textwrap

TIME_LIMIT_SECONDS = 50.0
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
HEADING = re.compile(r"^_{3,} (?:ERROR at (\w+) of )?(\S+) _{3,}$", re.MULTILINE)

RUNNERS = {
    "run": "def test_{name}(): asyncio.run({body}())",
    "stook_run": "def test_{name}(): stook.run({body}())",
    "pytest_asyncio": "@pytest.mark.asyncio\nasync def test_{name}(): await {body}()",
    "pytest_asyncio_module": (
        "@pytest.mark.asyncio(loop_scope='module')\nasync def test_{name}(): await {body}()"
    ),
    "anyio": "@pytest.mark.anyio\nasync def test_{name}(): await {body}()",
    "unittest": (
        "class Test_{name}(unittest.IsolatedAsyncioTestCase):\n"
        "    async def test_{name}(self): await {body}()"
    ),
}
"""How a test runs a coroutine function."""

HEAD = """import asyncio
import threading
import time
import unittest

import pytest
import pytest_asyncio
import stook


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


async def waits():
    await asyncio.Event().wait()

"""


class Run:
    """What a run of pytest has said.

    Attributes:
        outcomes: How many tests ``passed``, ``failed``, ``errors`` and so on.
        said: What was said of each test that did not pass, by its name; by ``"setup of "`` and
            ``"teardown of "`` before it where that failed. Lines of the test file are
            ``FILE:number``.
        output: All of it.
        status: The exit status.
    """

    def __init__(self, result, path):
        self.output = result.stdout.str().replace(str(path), "FILE")
        self.errors = result.stderr.str()
        self.status = result.ret
        try:
            self.outcomes = result.parseoutcomes()
        except ValueError:
            self.outcomes = {}
        parts = HEADING.split(self.output)
        self.said = {}
        for phase, name, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            name = name.rpartition(".")[2]
            self.said[f"{phase} of {name}" if phase else name] = re.split(r"^=", text, flags=re.M)[
                0
            ]


def run_tests(pytester, source, *options, ini="", head=HEAD):
    """Run tests with the plugin.

    Args:
        pytester: pytest's fixture.
        source: The tests; ``HEAD`` goes before them, and the line of a comment ``# name`` can be
            asked of ``line_of``.
        options: More options of pytest.
        ini: Lines of the ini file.
        head: What goes before the tests.
    """
    path = pytester.makepyfile(test_it=head + textwrap.dedent(source))
    pytester.makeini(INI + textwrap.dedent(ini))
    # The short summary is left out: on a CI service it says the whole message again.
    options = ["-p", "stook", "-p", "no:cacheprovider", "-W", "error", "-rN", *options]
    return Run(pytester.runpytest_subprocess(*options, timeout=TIME_LIMIT_SECONDS), path)


def line_of(mark, source, head=HEAD):
    """Return the line of the file that ends with ``# mark``."""
    lines = (head + textwrap.dedent(source)).splitlines()
    [line] = [number for number, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
    return line
