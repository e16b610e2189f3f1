"""Native coroutines driven by hand, and what is written of them and of native functions."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]


@pytest.mark.parametrize("program", ["coroutines", "metadata"])
def test_a_native_one_is_as_stocks(program, tmp_path):
    same_trials(program, tmp_path)
