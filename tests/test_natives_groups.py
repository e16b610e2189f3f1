"""Task groups do on stook what they do on stock, whatever a program does with them."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]

PROGRAMS = ("groups", "groups_cancelled", "groups_by_hand", "groups_made", "groups_replaced")


@pytest.mark.parametrize("program", PROGRAMS)
def test_groups_are_stocks_to_the_letter(program, tmp_path):
    same_trials(program, tmp_path)
