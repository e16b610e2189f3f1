"""Where stook does not run it says so in one line, before its compiled part is touched."""

import pytest

from side_by_side import FRONTS, Workplace

pytestmark = pytest.mark.needs_stook

ELSEWHERE = {
    "another system": ("sys.platform = 'darwin'", "CPython {version} on darwin"),
    "an older version": ("sys.version_info = (3, 10, 4, 'final', 0)", "CPython 3.10 on linux"),
    "a newer version": ("sys.version_info = (3, 14, 0, 'final', 0)", "CPython 3.14 on linux"),
    "no GIL": ("sys.abiflags = 't'", "CPython {version} without the GIL on linux"),
    "PyPy": ("sys.implementation.name = 'pypy'", "PyPy {version} on linux"),
    "another interpreter": ("sys.implementation.name = 'new'", "new {version} on linux"),
}


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request, workplace):
    """Make the interpreter take itself for another; return what the refusal ends with."""
    import sys

    change, found = ELSEWHERE[request.param]
    (workplace.path / "changed.py").write_text(f"import sys\n{change}\n")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"not on {found.format(version=version)}\n"


def pretending(*arguments):
    """Return interpreter arguments that run ``-m …`` or a file in the changed interpreter."""
    run = (
        "import changed, runpy, sys\n"
        "sys.orig_argv = sys.argv = sys.argv[1:]\n"
        "if sys.argv[0] == '-m':\n"
        "    runpy._run_module_as_main(sys.argv[1])\n"
        "else:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    return ["-c", run, *arguments]


@pytest.mark.parametrize("front", FRONTS)
def test_the_command_refuses_in_one_line(workplace, elsewhere, front):
    outcome = workplace.run(pretending(*FRONTS[front], "program.py"))
    assert (outcome.status, outcome.output) == (1, "")
    assert outcome.errors.startswith("stook runs on CPython 3.11, 3.12 and 3.13 on Linux, ")
    assert outcome.errors.endswith(elsewhere) and outcome.errors.count("\n") == 1


def test_the_import_refuses_with_the_same_line(workplace, elsewhere):
    arguments, _ = workplace.write("import stook")
    outcome = workplace.run(pretending(*arguments))
    assert outcome.status == 1
    last_line = outcome.errors.splitlines(keepends=True)[-1]
    assert last_line.startswith("ImportError: stook runs on ")
    assert last_line.endswith(elsewhere)


@pytest.mark.parametrize(
    "way", ["import stook; stook.run", "from stook import run", "import stook; stook.install()"]
)
def test_a_missing_compiled_part_is_told_in_one_line(workplace, way):
    (workplace.path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['stook._core'] = None"
    )
    path = {"PYTHONPATH": f"{workplace.path}:{_python_path()}"}
    outcome = workplace.run(["-c", way], environment=path)
    assert outcome.status == 1
    assert "\nImportError: stook is not built for this interpreter (CPython 3." in outcome.errors
    for front in FRONTS.values():
        outcome = workplace.run([*front, "program.py"], environment=path)
        assert (outcome.status, outcome.output) == (1, "")
        assert outcome.errors.startswith("stook: stook is not built for this interpreter")
        assert outcome.errors.count("\n") == 1


def _python_path():
    """Return the directory that stook is imported from."""
    from pathlib import Path

    import stook

    return Path(stook.__file__).parents[1]
