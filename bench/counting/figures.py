"""The committed figures, and what they are figures of."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "instructions.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """What figures depend on: with another compiler or Python they are others.

    The compiler's version decides the instructions; Python's minor version what is compiled, and
    its micro version which of asyncio's ways are followed.
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
    """For each row, what one operation takes.

    Attributes:
        instructions: Those in stook's own object file.
        calls: Calls out of it, into the interpreter and the C library: what is done there for
            stook is not among its own instructions, and differs between builds of one Python.
        all: Instructions everywhere; not committed, as they depend on the interpreter's build.
    """

    instructions: dict[str, float] = field(default_factory=dict)
    calls: dict[str, float] = field(default_factory=dict)
    all: dict[str, float] = field(default_factory=dict)

    def lower(self, other: "Figures") -> "Figures":
        """The lower figure of each: what comes on top is a look at the clock, never less work."""
        return Figures(
            _lower(self.instructions, other.instructions),
            _lower(self.calls, other.calls),
            _lower(self.all, other.all),
        )


def _lower(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {row: min(figure, other.get(row, figure)) for row, figure in one.items()}


Committed = dict[Setting, Figures]


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
        instructions = entry["instructions"]
        none = dict.fromkeys(instructions, 0.0)
        committed[setting] = Figures(instructions, none | entry.get("calls", {}))
    return committed


def dump(committed: Committed) -> str:
    """The figures as TOML, in an order that does not depend on who wrote what when."""
    lines = [_HEAD]
    for setting in sorted(committed, key=str):
        figures = committed[setting]
        lines += ["", "[[counted]]", *_strings(setting)]
        lines += ["", "[counted.instructions]", *_numbers(figures.instructions, 1)]
        if any(figures.calls.values()):
            lines += ["", "[counted.calls]", *_numbers(figures.calls, 2)]
    return "\n".join(lines) + "\n"


_HEAD = """\
# What one operation takes: instructions in stook's own object file, and calls out of it.
# Made by `cargo xtask instructions --write`; docs/benchmarks.md says how it is counted."""


def _strings(setting: Setting) -> Iterable[str]:
    names = ("what", "machine", "rustc", "python")
    values = ((name, getattr(setting, name)) for name in names)
    return (f'{name} = "{value}"' for name, value in values if value is not None)


def _numbers(figures: Mapping[str, float], digits: int) -> Iterable[str]:
    return (f'"{row}" = {figure:.{digits}f}' for row, figure in figures.items())
