"""Tasks and handles that were made together have contexts of their own, whoever looks."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]


def test_contexts_are_stocks_whoever_looks(tmp_path):
    same_trials("contexts", tmp_path)
