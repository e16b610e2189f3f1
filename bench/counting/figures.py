"""The committed figures, and what they are figures of."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "instructions.toml"

Rows = dict[str, float]
"""For each row, what one operation takes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the instructions in stook's own object file depend on.

    The compiler's version decides what they are, and Python's which of asyncio's ways are followed:
    micro versions differ. How the interpreter was compiled does not matter.
    """

    what: str
    machine: str
    rustc: str
    python: str | None = None

    def __str__(self) -> str:
        words = [self.what, f"rustc {self.rustc}", self.machine]
        if self.python is not None:
            words.insert(1, f"Python {self.python}")
        return ", ".join(words)


@dataclass(slots=True)
class Figures:
    """What was counted.

    Attributes:
        own: Instructions in stook's own object file.
        calls: Calls out of it, into the interpreter and the C library.
        everywhere: Instructions, those of the interpreter and the C library included.
    """

    own: Rows = field(default_factory=dict)
    calls: Rows = field(default_factory=dict)
    everywhere: Rows = field(default_factory=dict)

    def lower(self, other: "Figures") -> "Figures":
        """The lower figure of each: what comes on top is a look at the clock, never less work."""
        return Figures(
            _lower(self.own, other.own),
            _lower(self.calls, other.calls),
            _lower(self.everywhere, other.everywhere),
        )


def _lower(one: Rows, other: Rows) -> Rows:
    return {row: min(figure, other.get(row, figure)) for row, figure in one.items()}


@dataclass(slots=True)
class Kept:
    """What is committed of one setting.

    Attributes:
        everywhere: For each build of the interpreter and the C library, as those of others differ.
    """

    own: Rows
    calls: Rows = field(default_factory=dict)
    everywhere: dict[str, Rows] = field(default_factory=dict)

    def of_build(self, build: str | None) -> Figures:
        """What figures of this build are compared with."""
        everywhere = {} if build is None else self.everywhere.get(build, {})
        return Figures(self.own, self.calls, everywhere)

    def replaced(self, counted: Figures, build: str | None) -> "Kept":
        """With these figures in the place of older ones; other builds' stay."""
        if build is None:
            return Kept(counted.own)
        return Kept(counted.own, counted.calls, self.everywhere | {build: counted.everywhere})


Committed = dict[Setting, Kept]


def load(file: Path = FILE) -> Committed:
    """All committed figures; none where there is no file."""
    if not file.exists():
        return {}
    return parse(file.read_text())


def parse(text: str) -> Committed:
    """What `dump` wrote."""
    committed: Committed = {}
    for entry in tomllib.loads(text).get("counted", []):
        setting = Setting(entry["what"], entry["machine"], entry["rustc"], entry.get("python"))
        kept = Kept(entry["own"], entry.get("calls", {}), entry.get("everywhere", {}))
        committed[setting] = kept
    return committed


def dump(committed: Committed) -> str:
    """The figures as TOML, in an order that does not depend on who wrote what when."""
    lines = [_HEAD]
    for setting in sorted(committed, key=str):
        kept = committed[setting]
        lines += ["", "[[counted]]", *_strings(setting), "", "[counted.own]", *_rows(kept.own, 1)]
        if kept.calls:
            lines += ["", "[counted.calls]", *_rows(kept.calls, 2)]
        for build, rows in sorted(kept.everywhere.items()):
            lines += ["", f'[counted.everywhere."{build}"]', *_rows(rows, 1)]
    return "\n".join(lines) + "\n"


_HEAD = """\
# What one operation takes: instructions in stook's own object file, calls out of it, and, for each
# build of the interpreter and the C library, instructions everywhere.
# Made by `cargo xtask instructions --write`; docs/benchmarks.md says how it is counted."""


def _strings(setting: Setting) -> Iterable[str]:
    names = ("what", "machine", "rustc", "python")
    values = ((name, getattr(setting, name)) for name in names)
    return (f'{name} = "{value}"' for name, value in values if value is not None)


def _rows(rows: Rows, digits: int) -> Iterable[str]:
    return (f'"{row}" = {figure:.{digits}f}' for row, figure in rows.items())
