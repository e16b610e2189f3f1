"""The examples print what stands beside them, on the stock interpreter and on stook."""

import importlib.util
import pathlib

import pytest

from programs import output_of, run_python

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
FRONTS = [
    pytest.param([], id="stock"),
    pytest.param(["-m", "stook"], id="stook", marks=pytest.mark.needs_stook),
]


# Those that are about something of stook's own.
OF_STOOK = {"first_result_wins", "me_or_my_child", "stop_the_siblings", "tokens"}
CASES = [
    pytest.param(name, marks=pytest.mark.needs_stook) if name in OF_STOOK else name
    for name in PROGRAMS
]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("name", CASES)
def test_example_prints_what_it_says(name, front):
    if name == "nested_run" and importlib.util.find_spec("nest_asyncio") is None:
        pytest.skip("nest_asyncio is not installed")
    process = run_python(
        ["-Werror", *front, str(EXAMPLES / f"{name}.py")], environment={"PYTHONASYNCIODEBUG": ""}
    )
    assert output_of(process) == (EXAMPLES / f"{name}.out").read_text(encoding="utf-8")


def test_every_example_is_listed_and_has_its_output():
    assert len(PROGRAMS) >= 11
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in PROGRAMS:
        assert f"`{name}.py`" in listed
        assert (EXAMPLES / f"{name}.out").is_file()
