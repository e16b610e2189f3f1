"""Running a program under callgrind, and reading what it wrote.

callgrind writes a part of its profile at every call of `MARKER`: the instructions since the one
before. Only what is executed is added up here, object file by object file: neither the names of
functions nor debugging information are needed, and a function may be renamed or inlined.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

MARKER = "sched_yield"

MISSING = "valgrind is not installed (on Debian and Ubuntu: apt-get install valgrind)"


def is_installed() -> bool:
    """Whether it can be run."""
    return shutil.which("valgrind") is not None


class CountingFailed(Exception):
    """The program could not be run under callgrind, or the profile has not the form it should."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was executed between two markers.

    Attributes:
        own: Instructions in the object file that is looked at.
        calls: Calls out of it into others.
        all: Instructions everywhere.
    """

    own: int
    calls: int
    all: int

    def __sub__(self, other: "Part") -> "Part":
        return Part(self.own - other.own, self.calls - other.calls, self.all - other.all)


def run(command: Sequence[str | Path], own: re.Pattern[str]) -> tuple[str, list[Part]]:
    """Run a program; what it printed, and the parts between its markers.

    Args:
        command: The program and its arguments.
        own: Found in the path of the object file that is looked at.

    Raises:
        CountingFailed: It ended with an error, or never came to a marker.
    """
    with TemporaryDirectory() as directory:
        profile = Path(directory) / "profile"
        finished = subprocess.run(
            [*VALGRIND, f"--callgrind-out-file={profile}", *command],
            env=environment(),
            capture_output=True,
            text=True,
        )
        if finished.returncode != 0:
            said = (finished.stdout + finished.stderr).strip()
            raise CountingFailed(f"{command[0]} failed under callgrind:\n{said}")
        # Numbered from 1; the last one, without a number, is of the end of the program. The first
        # is of its start.
        numbered = sorted(
            profile.parent.glob("profile.*"), key=lambda path: int(path.suffix.removeprefix("."))
        )
        return finished.stdout, [read(path.read_text(), own) for path in numbered[1:]]


VALGRIND = ("valgrind", "--tool=callgrind", "--quiet", f"--dump-before={MARKER}")


def environment() -> dict[str, str]:
    """One that is the same for everybody, hashes included."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


def read(profile: str, own: re.Pattern[str]) -> Part:
    """Add up one part of a profile, in callgrind's format."""
    names: dict[str, str] = {}
    own_cost = calls = all_cost = 0
    inside = False
    callee_inside: bool | None = None
    lines: Iterator[str] = iter(profile.splitlines())
    for line in lines:
        if line.startswith("ob="):
            inside = bool(own.search(_name(line, names)))
        elif line.startswith("cob="):
            callee_inside = bool(own.search(_name(line, names)))
        elif line.startswith("calls="):
            if inside and callee_inside is False:
                calls += int(line.removeprefix("calls=").split()[0])
            callee_inside = None
            next(lines)  # What the callee took: counted where it was executed.
        elif line[:1] in _POSITIONS:
            cost = int(line.split()[1])
            all_cost += cost
            own_cost += cost if inside else 0
    return Part(own_cost, calls, all_cost)


_POSITIONS = frozenset("0123456789+-*")


def _name(line: str, names: dict[str, str]) -> str:
    """The object file's name: given once with its number, from then on by the number alone."""
    _, _, value = line.partition("=")
    number, _, name = value.partition(" ")
    if name:
        names[number] = name
    return names[number]
