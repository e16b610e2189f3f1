"""Reports on standard error."""

import sys


def write(text: str) -> None:
    """Write a report to ``sys.stderr``, if there is one that takes it.

    Args:
        text: The report, without the word that it is stook's.
    """
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"stook: {text}\n")
            sys.stderr.flush()
        except Exception:
            # As the interpreter, which has nowhere to show it.
            pass
