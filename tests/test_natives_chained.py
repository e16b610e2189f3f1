"""What a thread finishes ends the loop's future as in asyncio, whatever either of them meets."""

import pytest

from side_by_side import same_trials

pytestmark = [pytest.mark.needs_stook, pytest.mark.time_limit(100)]


def test_chained_futures_end_as_stocks(tmp_path):
    same_trials("chained", tmp_path)
