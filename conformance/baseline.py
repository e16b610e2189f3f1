"""The stock result of the running interpreter, run once and kept in ``target/conformance``."""

import hashlib
import json
import sys
import threading
from pathlib import Path

from . import results, retries

STORE = Path(__file__).resolve().parent.parent / "target" / "conformance"
FORMAT = 4
"""Raised when a change here makes stock results of before incomparable."""


def version_name():
    """Return the running Python's version as the files and tables show it."""
    return ".".join(map(str, sys.version_info[:3]))


class Baseline:
    """Stock results by module, read from and added to one file.

    A build of the same version with other options, or in another place, has a file of its own.
    """

    def __init__(self, settings, store=None):
        self._settings = settings
        build = hashlib.sha256(f"{FORMAT} {sys.version} {sys.base_prefix}".encode()).hexdigest()[:8]
        debug = "-debug" if settings.debug else ""
        self._path = (store or STORE) / f"stock-{version_name()}{debug}-{build}.json"
        self._lock = threading.Lock()
        self._modules = {}
        if self._path.exists():
            self._modules = json.loads(self._path.read_text(encoding="utf-8"))

    def module(self, name):
        """Return the stock result of a module, running it if it is not there."""
        with self._lock:
            known = self._modules.get(name)
        if known is None:
            known = retries.run(self._settings, name, retries.Retries()).as_json()
            with self._lock:
                self._modules[name] = known
                write_json(self._path, self._modules)
        return results.ModuleResult.from_json(name, known)


def write_json(path, value):
    """Write ``value`` so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)
