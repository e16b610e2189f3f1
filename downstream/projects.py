"""Reads ``projects.toml``: which suites there are, and how each is run."""

import dataclasses
import socket
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Project:
    """A package whose suite is run; ``projects.toml`` says what the fields mean."""

    name: str
    version: str
    sha256: str
    package: str | None
    arguments: tuple
    test_timeout: float
    left_out: tuple
    expected: tuple

    @property
    def archive(self):
        """The name of its source distribution."""
        return f"{self.name}-{self.version}.tar.gz"

    @property
    def requirements(self):
        """The file that says what its tests need."""
        return HERE / "requirements" / f"{self.name}.txt"

    def patterns_left_out(self):
        """Return patterns of the ids of tests that are not run here."""
        return tuple(pattern for entry in self.left_out for pattern in entry["ids"])

    def expected_on(self, way):
        """Return the ids of tests that differ on a way of running."""
        return [entry["id"] for entry in self.expected if way in entry["ways"]]


def read(path=HERE / "projects.toml"):
    """Return the projects by name."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {entry["name"]: _project(entry) for entry in table["project"]}


def _project(entry):
    left_out = tuple(entry.get("left_out", ()))
    for each in left_out:
        if not each.get("reason") or not each.get("ids"):
            raise ValueError(f"{entry['name']}: what is left out needs ids and a reason: {each}")
    expected = tuple(entry.get("expected", ()))
    for each in expected:
        if each.keys() != {"id", "ways", "reason"}:
            raise ValueError(f"{entry['name']}: what is expected needs id, ways, reason: {each}")
    return Project(
        **{
            **entry,
            "package": entry.get("package"),
            "arguments": tuple(entry["arguments"]),
            "test_timeout": float(entry.get("test_timeout", 180)),
            "expected": expected,
            "left_out": tuple(each for each in left_out if _applies(each)),
        }
    )


def _applies(entry):
    return "when" not in entry or _CONDITIONS[entry["when"]]()


def _localhost_has_no_ipv6():
    try:
        addresses = socket.getaddrinfo("localhost", 0, family=socket.AF_INET6)
    except OSError:
        return True
    return not addresses


_CONDITIONS = {"localhost has no IPv6 address": _localhost_has_no_ipv6}
