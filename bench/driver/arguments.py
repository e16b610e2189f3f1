"""Values that the commands take, and what they say of others."""

import argparse
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from driver.engines import ENGINES

CHECK = "--check-arguments"
"""The option with which a command refuses what it would refuse, and does nothing else."""


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What the command line asks for.

    Each command has `CHECK`: ``cargo xtask`` asks with it, before it builds anything. The command
    looks at what no single argument tells and ends.
    """
    parser.add_argument(CHECK, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


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
    if sys.version_info < (3, 12) and (eager := [name for name in names if ENGINES[name].eager]):
        raise argparse.ArgumentTypeError(f"{', '.join(eager)}: eager tasks need Python 3.12")
    return names


def count(value: str) -> int:
    """A whole number of at least 1."""
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("a whole number of at least 1")
    return int(value)


def amount(value: str) -> float:
    """A number above zero: of seconds, say."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("a number above 0")
    return number


def outputs(*suffixes: str) -> Callable[[str], Path]:
    """The name of files with these suffixes, in a folder that is made if it is not there."""

    def writable(value: str) -> Path:
        out = Path(value)
        if out.name in ("", ".."):
            raise argparse.ArgumentTypeError(f"{value!r} names no file")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=out.parent):
                pass
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot write there: {error}") from error
        for file in (out.with_name(out.name + suffix) for suffix in suffixes):
            if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
                raise argparse.ArgumentTypeError(f"cannot write {file}")
        return out

    return writable
