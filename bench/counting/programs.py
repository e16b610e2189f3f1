"""The two programs whose instructions are counted, and what their figures depend on."""

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from counting import callgrind
from counting.callgrind import CountingFailed
from counting.figures import Figures, Setting

_BENCH = Path(__file__).resolve().parent.parent
_BUILT = _BENCH.parent / "target" / "bench"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that marks where its rows begin; see `counted.py` and `kernel/main.rs`.

    Attributes:
        setting: What its figures are figures of.
        command: How it is started.
        own: Found in the path of the object file that is looked at.
        operations: By how many operations the larger run of a row exceeds the smaller.
        build: Whose code runs besides, if any does.
    """

    setting: Setting
    command: list[str | Path]
    own: re.Pattern[str]
    operations: int
    build: str | None = None

    def count(self) -> Figures:
        """Run it once.

        Raises:
            CountingFailed: It does not do what it should.
        """
        printed, parts = callgrind.run(self.command, self.own)
        rows = printed.splitlines()
        # The smaller run, the larger, and the warming up of the next row, which the last has not.
        if not rows or len(parts) != 3 * len(rows) - 1:
            raise CountingFailed(f"{len(rows)} rows, but {len(parts)} parts between markers")
        figures = Figures()
        for number, row in enumerate(rows):
            smaller, larger = parts[3 * number : 3 * number + 2]
            more = larger - smaller
            if more.own <= 0:
                raise CountingFailed(f"nothing of {self.own.pattern} is executed in {row}")
            figures.own[row] = round(more.own / self.operations, 1)
            figures.calls[row] = round(more.calls / self.operations, 2)
            figures.everywhere[row] = round(more.all / self.operations, 1)
        return figures


def kernel() -> Program:
    """The kernel's machines; compiled here."""
    manifest = _BENCH / "Cargo.toml"
    cargo = [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release"]
    cargo += ["--manifest-path", str(manifest), "--target-dir", str(_BUILT)]
    if subprocess.run(cargo).returncode != 0:
        raise CountingFailed("the program of the kernel does not compile")
    program = _BUILT / "release" / "kernel"
    setting = Setting("kernel", platform.machine(), compiler_of(program))
    return Program(setting, [program], re.compile(r"/release/kernel$"), operations=1_000)


def steps() -> Program:
    """The steps of tasks, with the stook that is installed."""
    found = find_spec("stook._core")
    if found is None or found.origin is None:
        raise CountingFailed("stook is not installed")
    compiler = compiler_of(Path(found.origin))
    version = "{}.{}.{}".format(*sys.version_info)
    setting = Setting("task steps", platform.machine(), compiler, version)
    command = [sys.executable, "-m", "stook", _BENCH / "counted.py"]
    own = re.compile(re.escape(found.origin) + "$")
    return Program(setting, command, own, operations=200, build=build_of_python())


PROGRAMS: tuple[Callable[[], Program], ...] = (kernel, steps)


def compiler_of(file: Path) -> str:
    """The version of the compiler that made an object file, which it notes there."""
    noted = re.search(rb"rustc version ([\w.+-]+)", file.read_bytes())
    if noted is None:
        raise CountingFailed(f"{file} does not say which rustc compiled it")
    return noted[1].decode()


def build_of_python() -> str:
    """Tells this build of the interpreter and the C library from others of the same versions."""
    maps = Path("/proc/self/maps").read_text()
    libraries = set(re.findall(r"(/\S*/lib(?:python[\d.]+|c)\.so\S*)$", maps, re.MULTILINE))
    digest = hashlib.sha256()
    for file in [Path(sys.executable).resolve(), *map(Path, sorted(libraries))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def otherwise_built() -> str | None:
    """The setting of the caller's that makes the compiler do other than it does by itself."""
    return next((name for name in _OTHERWISE if os.environ.get(name)), None)


_OTHERWISE = ("MATURIN_PGO", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS")
