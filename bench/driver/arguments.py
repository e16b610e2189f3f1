"""Values that the commands take, and what they say of others."""

import argparse
import re
from collections.abc import Callable, Iterable

from driver.engines import ENGINES


def pattern(names: Iterable[str]) -> Callable[[str], re.Pattern[str]]:
    """A regular expression that is found in one of these names at least."""
    known = tuple(names)

    def compiled(value: str) -> re.Pattern[str]:
        try:
            found = re.compile(value)
        except re.error as error:
            raise argparse.ArgumentTypeError(f"not a regular expression: {error}") from error
        if not any(map(found.search, known)):
            raise argparse.ArgumentTypeError(f"{value!r} is found in none of {', '.join(known)}")
        return found

    return compiled


def implementations(value: str) -> tuple[str, ...]:
    """Names of implementations, separated by commas."""
    names = tuple(dict.fromkeys(value.split(",")))
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; of {', '.join(ENGINES)}")
    return names


def count(value: str) -> int:
    """A whole number of at least 1."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("a whole number of at least 1")
    return int(value)
