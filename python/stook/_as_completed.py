"""The generator of ``as_completed``, up to 3.12: its frame is seen, so it is a real one."""

import sys


def as_completed(fs, timeout):
    """Yield coroutines, each of which waits for the next of ``fs`` that ends.

    Args:
        fs: Futures, coroutines and other awaitables.
        timeout: Seconds until what has not ended counts as not ended in time, or None.
    """
    # Looked up by name: this module is loaded while the compiled part is being made. Not by
    # `yield from`: the generator would show what it yields from.
    for awaitable in sys.modules["stook._core"]._completions(fs, timeout):  # noqa: UP028
        yield awaitable
