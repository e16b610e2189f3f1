"""Natives read and set attributes where the interpreter keeps them."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]


def test_attributes_are_stocks_wherever_they_are(tmp_path):
    same_trials("attributes", tmp_path)
