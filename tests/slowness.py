"""What makes this run slower than others, and how many times longer everything may take."""

import os

GC_STRESS = os.environ.get("STOOK_TESTS_GC_STRESS") == "1"
"""Whether the collector runs at every allocation of stook's: for builds with that feature."""

SLOWNESS = 40 if os.environ.get("STOOK_TESTS_SLOW") == "1" else 1
"""What limits of time are multiplied by."""
