"""The programs in the documentation print what stands below them.

A block of Python that is followed by a block of text is a program and its output. A block of Python
without one is not run. The file of the program is called ``SNIPPET`` in the text. Where it has
tests, pytest runs it with the plugin on stook's loop, and the output is what it shows of failures.
"""

import pathlib
import re

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

DOCS = pathlib.Path(__file__).parent.parent / "docs"
PAGES = [
    "client-hung-up.md",
    "first-result-wins.md",
    "gather-or-wait.md",
    "nested-run.md",
    "never-retrieved.md",
    "program-hangs.md",
    "tokens.md",
    "who-cancelled-me.md",
]
SNIPPET = re.compile(r"^```python\n(.*?)^```\n\s*^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)

HAS_TESTS = re.compile(r"^(async )?def test_", re.MULTILINE)
FAILURES = re.compile(r"^=+ FAILURES =+\n(.*)^\d+ failed", re.MULTILINE | re.DOTALL)


def snippets(page):
    """Return pairs of program and output, each with the line that the program begins at."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 2, *found.groups())
        for found in SNIPPET.finditer(text)
    ]


CASES = [
    pytest.param(program, output, id=f"{page}:{line}")
    for page in PAGES
    for line, program, output in snippets(page)
]


def failures_of(path):
    """Run tests, and return what pytest shows of those that fail, without what was logged."""
    options = ["-p", "stook", "--stook-loop", "-q", "-rN", "--show-capture=no"]
    options += ["-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider"]
    process = run_python(
        ["-Werror", "-m", "pytest", *options, str(path)],
        environment={"PYTHONASYNCIODEBUG": ""},
        cwd=path.parent,
    )
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, process.stdout
    return FAILURES.search(process.stdout)[1]


def without_numbers(said):
    """Leave out how many tasks there were before: that is pytest's and its plugins' affair."""
    return re.sub(r"Task-\d+", "Task-N", said)


@pytest.mark.parametrize(("program", "output"), CASES)
def test_snippet_prints_what_stands_below_it(program, output, tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(program, encoding="utf-8")
    if HAS_TESTS.search(program):
        said = failures_of(path).replace(str(path), "SNIPPET")
        assert without_numbers(said) == without_numbers(output)
        return
    process = run_python(["-Werror", str(path)], environment={"PYTHONASYNCIODEBUG": ""})
    assert output_of(process).replace(str(path), "SNIPPET") == output


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_snippets_and_each_is_one_program(page):
    found = snippets(page)
    assert found
    assert not [line for line, program, _ in found if "```" in program]
