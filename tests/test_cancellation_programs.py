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
