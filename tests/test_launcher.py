"""What a program sees of its start under ``stook`` is what it sees under ``python``."""

import py_compile
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from side_by_side import COMMAND, FORMS, FRONTS, Workplace, environment_of, text_of

pytestmark = pytest.mark.needs_stook

SURROUNDINGS = """
import sys
print(sorted(globals()))
print(__name__, __doc__, __package__, __spec__, __loader__, __builtins__)
print(globals().get("__file__"), globals().get("__cached__"), __annotations__)
print(sys.argv, sys.path, sys.flags)
print(vars(sys.modules["__main__"]) is globals())
"""

STACK = """
import faulthandler, inspect, sys, traceback, warnings
print([frame.filename for frame in inspect.stack()])
traceback.print_stack()
faulthandler.dump_traceback()
for level in (1, 2, 3, 9):
    warnings.warn(f"level {level}", stacklevel=level)
"""

INTROSPECTION = '''
import doctest, inspect, pickle

class Kept:
    """
    >>> 1 + 1
    2
    """

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Kept)) is Kept
    print(inspect.getsource(Kept), doctest.testmod())
'''

CHILD_PROCESSES = """
import multiprocessing

def double(number):
    return 2 * number, __name__

if __name__ == "__main__":
    for method in ("spawn", "forkserver", "fork"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(double, [1, 2]))
"""


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("form", FORMS)
def test_the_namespace_arguments_and_search_path_are_the_interpreters(workplace, form, front):
    outcome = workplace.same(SURROUNDINGS, form=form, front=front, arguments=["-c", "two words"])
    assert outcome.status == 0
    assert "two words" in outcome.output


@pytest.mark.parametrize("form", FORMS)
def test_there_is_no_frame_below_the_programs_first(workplace, form):
    outcome = workplace.same(STACK, form=form)
    assert "level 9" in outcome.errors


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("form", ["script", "module", "code", "input", "directory"])
def test_safe_path_mode_is_kept(workplace, form, front):
    outcome = workplace.same(SURROUNDINGS, form=form, front=front, options=["-P"])
    if form == "module":
        assert "No module named program" in outcome.errors


def test_a_module_is_found_in_the_working_directory_by_the_command(workplace):
    outcome = workplace.same("import helper", form="module", front="command")
    assert "No module named 'helper'" in outcome.errors
    (workplace.path / "helper.py").write_text("print('found')")
    assert workplace.same("import helper", form="module", front="command").output == "found\n"


def test_the_commands_own_directory_is_not_searched(workplace):
    (workplace.path / "bin" / "beside.py").write_text("")
    outcome = workplace.same("import beside", front="command")
    assert outcome.status == 1


@pytest.mark.parametrize("path", ["./program.py", "bin/../program.py", "link.py", "below/link.py"])
def test_a_script_is_known_by_the_path_it_was_given_by(workplace, path):
    workplace.write(SURROUNDINGS + "1/0")
    (workplace.path / "below").mkdir()
    (workplace.path / "below" / "link.py").symlink_to("../program.py")
    (workplace.path / "link.py").symlink_to("program.py")
    stock = workplace.run([path])
    assert workplace.run(["-m", "stook", path]) == stock
    assert path in stock.output


def test_a_package_runs_by_its_main_module(workplace):
    package = workplace.path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("print(__name__)")
    (package / "__main__.py").write_text("from . import part\n" + SURROUNDINGS)
    (package / "part.py").write_text("print(__name__)")
    stock = workplace.run(["-m", "package", "argument"])
    assert workplace.run(["-m", "stook", "-m", "package", "argument"]) == stock
    assert stock.status == 0


def test_an_option_may_be_joined_to_what_it_takes(workplace):
    workplace.write(SURROUNDINGS)
    assert workplace.run(["-m", "stook", "-mprogram"]) == workplace.run(["-mprogram"])
    assert workplace.run(["-m", "stook", "-cprint(1)"]) == workplace.run(["-cprint(1)"])


def test_a_compiled_file_runs(workplace):
    workplace.write(SURROUNDINGS)
    py_compile.compile(str(workplace.path / "program.py"), str(workplace.path / "compiled.pyc"))
    stock = workplace.run(["compiled.pyc"])
    assert workplace.run(["-m", "stook", "compiled.pyc"]) == stock
    assert stock.status == 0


def test_a_script_is_read_from_a_pipe(workplace):
    command = 'exec "$@" <(echo "print(__file__[:8])")'
    for front in ([], ["-m", "stook"]):
        process = subprocess.run(
            ["bash", "-c", command, "bash", sys.executable, *front],
            capture_output=True,
            text=True,
            env=environment_of(),
            check=True,
        )
        assert process.stdout == "/dev/fd/\n"


@pytest.mark.parametrize("form", ["script", "code"])
def test_a_program_runs_where_the_working_directory_is_gone(workplace, form):
    arguments, _ = workplace.write(SURROUNDINGS, form)
    if form == "script":
        arguments = [str(workplace.path / arguments[0])]
    command = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    outputs = [
        subprocess.run(
            ["bash", "-c", command, "bash", sys.executable, *front, *arguments],
            capture_output=True,
            cwd=workplace.path,
            env=environment_of(),
            check=True,
        ).stdout
        for front in ([], ["-m", "stook"])
    ]
    assert text_of(outputs[0]) == text_of(outputs[1])


def test_classes_functions_and_docstrings_are_found_again(workplace):
    outcome = workplace.same(INTROSPECTION)
    assert "TestResults(failed=0, attempted=1)" in outcome.output


def test_child_processes_of_every_kind_find_the_program(workplace):
    outcome = workplace.same(CHILD_PROCESSES)
    assert outcome.output.count("__mp_main__") == 4


def test_the_interpreter_goes_on_to_its_prompt_when_asked_to(workplace):
    outcome = workplace.same("x = 5\n1/0", options=["-i"], stdin=b"print('x is', x)\n")
    assert "x is 5" in outcome.output


def test_stook_runs_under_stook(workplace):
    workplace.write(SURROUNDINGS)
    twice = workplace.run(["-m", "stook", "-m", "stook", "program.py"])
    assert twice == workplace.run(["program.py"])


def test_asyncio_is_imported_and_replaced_before_the_first_line(workplace):
    source = """
        import sys
        assert "asyncio" in sys.modules
        import asyncio
        import stook
        assert asyncio.Task is stook.Task and asyncio.gather is stook._core.gather
        async def main():
            assert type(asyncio.get_running_loop()) is stook.EventLoop
            assert type(asyncio.current_task()) is stook.Task
            print("ours")
        asyncio.run(main())
    """
    arguments, _ = workplace.write(textwrap.dedent(source))
    for front in FRONTS.values():
        outcome = workplace.run([*front, *arguments], options=["-Werror"])
        assert (outcome.output, outcome.errors) == ("ours\n", "")


def test_the_installed_command_is_the_one_tried_here():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"stook": "stook.__main__:main"}
    assert "stook.__main__ import main" in COMMAND
