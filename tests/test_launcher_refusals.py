"""What cannot be run is refused as ``python`` refuses it; a wrong command line, in one line."""

import sys
import zipfile

import pytest

from side_by_side import FRONTS, Workplace

pytestmark = pytest.mark.needs_stook

SOURCES = {
    "not UTF-8": b"print('\xff')\n",
    "not UTF-8 after a good line": b"print(1)\nprint('\xe9')\n",
    "not in the encoding it names": b"# coding: ascii\nprint('\xe9')\n",
    "an encoding nobody knows": b"# coding: klingon\nprint(1)\n",
    "a mark of UTF-8 and another encoding": b"\xef\xbb\xbf# coding: latin-1\n",
    "a null byte": b"x = 1\nprint(1)\0\n",
    "never closed": b"x = (\n",
    "ends too early": b"class Empty:\n",
    "an open text": b"x = '''a\n",
    "mixed indentation": b"if 1:\n\tx\n        y\n",
    "unexpected indentation": b"print(1)\n  x\n",
    "not an expression": b"1 +\n",
    "a wide character before the fault": "print(é ö)\n".encode(),
    "a warning first": b"x = '\\d'\ny = (\n",
    "only warnings": b"x = '\\d'\nprint(1 is 1)\n",
    "another encoding and a fault": b"# coding: latin-1\nx = '\xe9'\n1/\n",
    "another encoding": b"# coding: latin-1\nprint(ascii('\xe9'))\n1/0\n",
    "a mark of UTF-8": b"\xef\xbb\xbfprint(1)\n1/0\n",
    "carriage returns": b"print(1)\r1/0\r",
    "no end of line": b"1/0",
    "nothing": b"",
}


@pytest.fixture
def workplace(tmp_path):
    return Workplace(tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_source_is_read_as_the_interpreter_reads_it(workplace, name):
    workplace.same(SOURCES[name])


@pytest.mark.parametrize("options", [["-Werror"], ["-Wignore"]])
@pytest.mark.parametrize("name", ["a warning first", "only warnings"])
def test_warnings_about_source_obey_the_options(workplace, name, options):
    workplace.same(SOURCES[name], options=options)


@pytest.mark.parametrize(
    "path",
    [
        "missing.py",
        "./missing.py",
        "no/such/directory.py",
        "program.py/below",
        "it's.py",
        "loop.py",
    ],
)
def test_a_missing_script_is_refused(workplace, path):
    workplace.write("print(1)")
    (workplace.path / "loop.py").symlink_to("loop.py")
    stock = workplace.run([path])
    assert stock.status == 2 and "can't open file" in stock.errors
    for front in FRONTS.values():
        outcome = workplace.run([*front, path])
        assert (outcome.status, outcome.output) == (2, "")
        assert outcome.errors == stock.errors.replace(sys.executable, "stook", 1)


@pytest.mark.parametrize(
    "arguments",
    [["empty"], ["empty.zip"], [""], ["-m", "missing"], ["-m", "empty"], ["-m", "no.such.module"]],
)
def test_what_holds_no_program_is_refused(workplace, arguments):
    (workplace.path / "empty").mkdir()
    with zipfile.ZipFile(workplace.path / "empty.zip", "w") as archive:
        archive.writestr("something.txt", "else")
    stock = workplace.run(arguments)
    assert stock.status == 1
    for front in FRONTS.values():
        assert workplace.run([*front, *arguments]) == stock


def test_a_package_that_fails_to_import_is_reported_alike(workplace):
    (workplace.path / "package").mkdir()
    (workplace.path / "package" / "__init__.py").write_text("1/0")
    stock = workplace.run(["-m", "package"])
    assert workplace.run(["-m", "stook", "-m", "package"]) == stock
    assert "ZeroDivisionError" in stock.errors


@pytest.mark.parametrize("content", [b"\x00" * 20, b"other magic and some more"])
def test_a_bad_compiled_file_is_refused_alike(workplace, content):
    (workplace.path / "bad.pyc").write_bytes(content)
    stock = workplace.run(["bad.pyc"])
    assert workplace.run(["-m", "stook", "bad.pyc"]) == stock
    assert stock.status == 1


@pytest.mark.parametrize("code", ["1/0", "x = (", "x = '\\d'", b"x = '\xff'"])
def test_bad_code_on_the_command_line_is_reported_alike(workplace, code):
    arguments = ["-c", code]
    assert workplace.run(["-m", "stook", *arguments]) == workplace.run(arguments)


@pytest.mark.parametrize("front", FRONTS)
def test_no_arguments_give_the_help_and_a_status(workplace, front):
    outcome = workplace.run(FRONTS[front])
    assert (outcome.status, outcome.output) == (2, "")
    asked = workplace.run([*FRONTS[front], "--help"])
    assert (asked.status, asked.errors) == (0, "")
    assert asked.output == outcome.errors
    assert asked.output.startswith("usage: stook")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_told(workplace, option):
    outcome = workplace.run(["-m", "stook", option])
    told = workplace.run(["-c", "import stook; print('stook', stook.__version__)"])
    assert outcome == told
    assert outcome.status == 0


@pytest.mark.parametrize("arguments", [["-m"], ["-c"], ["-X", "dev"], ["--unknown"], ["-u", "x"]])
def test_a_wrong_option_is_refused_in_one_line(workplace, arguments):
    outcome = workplace.run(["-m", "stook", *arguments])
    assert (outcome.status, outcome.output) == (2, "")
    assert outcome.errors.startswith("stook: ") and outcome.errors.count("\n") == 1


@pytest.mark.parametrize("argument", ["--help", "-V", "-m", "-"])
def test_what_follows_the_program_belongs_to_it(workplace, argument):
    source = "import sys\nprint(sys.argv)"
    outcome = workplace.same(source, arguments=[argument, "more"])
    assert repr(argument) in outcome.output
