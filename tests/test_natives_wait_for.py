"""``wait_for`` does on stook what it does on stock, whatever a program does with it."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]

PROGRAMS = ("wait_for", "wait_for_cancelled")


@pytest.mark.parametrize("program", PROGRAMS)
def test_wait_for_is_stocks_to_the_letter(program, tmp_path):
    same_trials(program, tmp_path)
