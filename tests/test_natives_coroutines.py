"""Native coroutines and functions, whatever a program does with what asyncio never touches."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]


@pytest.mark.parametrize("program", ["coroutines", "metadata", "states"])
def test_a_native_one_is_as_stocks(program, tmp_path):
    same_trials(program, tmp_path)
