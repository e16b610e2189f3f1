"""The files of the corpus: reading them, and writing what was observed."""

import json
import pathlib
import sys
import tomllib

CORPUS = pathlib.Path(__file__).parent
MARK = "[observed]\n"
"""Everything from this line on is written by the recorder."""


class Scenario:
    """One file.

    Args:
        path: The file.
        text: What is in it.
    """

    def __init__(self, path, text):
        self.path = path
        self.text = text
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        self.about = content["about"]
        self.tasks = content["tasks"]
        self.at_one_time = content.get("at_one_time", False)
        self.since = content.get("since", "3.11")
        self.observed = content.get("observed", {})
        self.rust = content.get("rust", {})

    @property
    def name(self):
        """Its folder and file, without the suffix."""
        return f"{self.path.parent.name}/{self.path.stem}"

    def expected(self, version=sys.version_info):
        """Return the lines that this version of the interpreter gives, or None without any."""
        by_version = self.observed.get(f"{version[0]}.{version[1]}", self.observed.get("cpython"))
        return None if by_version is None else by_version.splitlines()

    def same(self, lines, expected):
        """Return whether two observations are the same, as far as their order is decided."""
        if self.at_one_time:
            return sorted(lines, key=_task) == sorted(expected or [], key=_task)
        return lines == expected

    def runs_on(self, version=sys.version_info):
        """Return whether this version has what the scenario needs."""
        return version[:2] >= tuple(map(int, self.since.split(".")))

    def with_observed(self, by, cpython, versions):
        """Return the text of the file with these observations.

        Args:
            by: What gave them, in words.
            cpython: The lines of most versions.
            versions: The lines of those that differ, by version.
        """
        head, _, _ = self.text.partition(MARK)
        parts = [head, MARK, f'by = "{by}"\n', _block("cpython", cpython)]
        parts += [_block(f'"{version}"', lines) for version, lines in sorted(versions.items())]
        return "".join(parts)


def _task(line):
    """Return the name of the task that a line is about."""
    return line.partition(" ")[2].partition(":")[0]


def _block(key, lines):
    return f"{key} = '''\n" + "".join(f"{line}\n" for line in lines) + "'''\n"


def corpus(folder=CORPUS):
    """Return all scenarios, by name."""
    paths = sorted(path for end in ("toml", "json") for path in folder.glob(f"*/*.{end}"))
    return [Scenario(path, path.read_text(encoding="utf-8")) for path in paths]
