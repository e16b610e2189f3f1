"""How many times longer everything may take: this run may be under a checker."""

import os

SLOWNESS = 40 if os.environ.get("STOOK_TESTS_SLOW") == "1" else 1
"""What limits of time are multiplied by."""
