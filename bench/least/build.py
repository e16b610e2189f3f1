"""Compiles the driver with the system's C compiler, once for each Python and each source."""

import hashlib
import importlib.machinery
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).with_name("driver.c")
BUILT = SOURCE.parents[2] / "target" / "bench" / "least"
FLAGS = (
    "-std=c11",
    "-O3",
    "-DNDEBUG",
    "-Wall",
    "-Werror",
    "-fPIC",
    "-shared",
    "-fno-strict-aliasing",
)


@cache
def extension() -> ModuleType:
    """The compiled driver.

    Raises:
        ImportError: It cannot be compiled here.
    """
    key = hashlib.sha256(SOURCE.read_bytes() + repr((FLAGS, sys.version)).encode()).hexdigest()
    library = BUILT / key[:16] / f"_least{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists():
        _compile(library)
    loader = importlib.machinery.ExtensionFileLoader("_least", str(library))
    spec = importlib.util.spec_from_file_location("_least", library, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _compile(library: Path) -> None:
    compiler = shlex.split(os.environ.get("CC", "cc"))
    include = f"-I{sysconfig.get_path('include')}"
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        fresh = Path(folder) / library.name
        command = [*compiler, *FLAGS, include, str(SOURCE), "-o", str(fresh)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ImportError(f"no C compiler: {error}") from error
        if ended.returncode != 0:
            raise ImportError(f"{shlex.join(command)}: {ended.stderr.strip()}")
        fresh.replace(library)
