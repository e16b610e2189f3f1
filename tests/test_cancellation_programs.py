"""Random programs in which each cancellation has to have the record that a model works out."""

import pytest

from cancellation_programs import WAYS
from programs import output_of, run_python
from slowness import SLOWNESS

PROGRAMS = 200 if SLOWNESS == 1 else 20


@pytest.mark.needs_stook
@pytest.mark.time_limit(60.0 * SLOWNESS)
@pytest.mark.parametrize("way", WAYS)
def test_records_of_random_programs_say_what_the_model_does(way):
    size = ["--programs", str(PROGRAMS), "--seed", "1000"]
    process = run_python(["tests/cancellation_programs.py", *size, "--way", way])
    assert output_of(process).endswith(" 0 wrong\n"), process.stdout


@pytest.mark.needs_stook
@pytest.mark.time_limit(60.0 * SLOWNESS)
def test_one_command_runs_all_ways_and_fails_where_one_is_wrong(tmp_path):
    command = ["tests/cancellation_programs.py", "--programs", "3", "--seed", "7", "--way", "all"]
    lines = output_of(run_python(command)).splitlines()
    assert [line.partition(":")[0] for line in lines] == list(WAYS)
    assert all(line.endswith(" 0 wrong") for line in lines)
    # A model that is told that nothing comes of a request.
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import sys\n"
        "sys.path.insert(0, 'tests')\n"
        "import cancellation_model\n"
        "cancellation_model.Model.cancel = lambda *_: None\n"
        "__file__ = 'tests/cancellation_programs.py'\n"
        "exec(compile(open(__file__).read(), __file__, 'exec'))\n"
    )
    process = run_python([str(wrong), *command[1:]])
    assert process.returncode == 1, process.stderr
    assert all(line.endswith(" 1 wrong") for line in process.stdout.splitlines()[-1:])


@pytest.mark.needs_stook
@pytest.mark.parametrize("number", ["0", "-5", "many"])
def test_no_program_is_not_one_without_a_wrong_record(number):
    process = run_python(["tests/cancellation_programs.py", "--programs", number])
    assert process.returncode == 2
    assert f"'{number}' is no whole number of at least 1" in process.stderr
