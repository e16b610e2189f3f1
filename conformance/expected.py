"""Reads ``expected.toml``: the tests known to differ from stock, each with its reason.

An entry speaks for every test whose id matches its pattern, on the versions and in the modes it
names. It is strict: an entry for a test that passes is as wrong as a failing test without one.
"""

import dataclasses
import fnmatch
import tomllib
from pathlib import Path

from . import engines

PATH = Path(__file__).with_name("expected.toml")
_REQUIRED = {"id", "reason", "link"}
_OPTIONAL = {"versions", "modes", "debug"}


class BadEntry(Exception):
    """An entry lacks something, or says something nobody understands."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One difference, or one kind of difference.

    Attributes:
        id: A test id without the package, or a pattern of ids with ``*`` and ``?``.
        reason: Why the test differs, and why that is right.
        link: Where the reason is explained at length.
        versions: Minor versions, as ``3.12``; every one when empty.
        modes: The modes; every one when empty.
        debug: Only with (true) or only without (false) debug mode; both when ``None``.
    """

    id: str
    reason: str
    link: str
    versions: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    debug: bool | None = None

    def applies_to(self, version, mode, debug):
        """Return whether the entry speaks about such a run."""
        return (
            (not self.versions or version in self.versions)
            and (not self.modes or mode in self.modes)
            and self.debug in (None, debug)
        )

    def matches(self, test):
        """Return whether the entry speaks about ``test``."""
        return fnmatch.fnmatchcase(test, self.id)

    def is_about_module(self, module):
        """Return whether every test the entry can match is in ``module``."""
        return self.id.partition(".")[0] == module


def read(path=PATH):
    """Return the entries of a file.

    Raises:
        BadEntry: An entry is not as described.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if set(data) - {"expected"}:
        raise BadEntry(f"{path.name}: only [[expected]] tables are known")
    return [_entry(fields, path.name) for fields in data.get("expected", [])]


def _entry(fields, file_name):
    where = f"{file_name}: entry {fields.get('id', '?')!r}"
    if missing := _REQUIRED - set(fields):
        raise BadEntry(f"{where} lacks {', '.join(sorted(missing))}")
    if unknown := set(fields) - _REQUIRED - _OPTIONAL:
        raise BadEntry(f"{where} has unknown fields {', '.join(sorted(unknown))}")
    if wrong := set(fields.get("modes", ())) - set(engines.MODES):
        raise BadEntry(f"{where} names unknown modes {', '.join(sorted(wrong))}")
    if "*" in fields["id"].partition(".")[0]:
        raise BadEntry(f"{where} must name its module in full")
    lists = {name: tuple(fields[name]) for name in ("versions", "modes") if name in fields}
    return Entry(**{**fields, **lists})
