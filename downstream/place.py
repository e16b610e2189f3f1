"""Makes what a suite needs: its source distribution, its environment, a directory to run in.

Everything goes below ``target/downstream``. What is there and was made from the same is left alone.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

from . import supervise

STORE = Path(__file__).resolve().parent.parent / "target" / "downstream"


class CannotPlace(Exception):
    """A part cannot be made: no network, another digest, a package that does not build."""


def prepare(project, store=STORE):
    """Return the ``supervise.Suite`` of a project, ready to run.

    Raises:
        CannotPlace: A part of it cannot be made.
    """
    archive = _fetch(project, store / "archives")
    home = store / "{}.{}".format(*sys.version_info) / project.name
    python = _make_environment(project, archive, home / "environment")
    return supervise.Suite(
        python=python,
        directory=_unpack(project, archive, home / "suite"),
        arguments=("-o", "addopts=", *project.arguments),
        left_out=project.patterns_left_out(),
        stook=_copy_stook(home.parent / "stook"),
        test_timeout=project.test_timeout,
    )


def _fetch(project, directory):
    """Return the source distribution, downloaded if it is not there."""
    path = directory / project.archive
    if not path.exists():
        print(f"downloading {path.name}", flush=True)
        directory.mkdir(parents=True, exist_ok=True)
        wanted = f"{project.name}=={project.version}"
        _pip(
            sys.executable,
            ["download", "--no-deps", "--no-binary", project.name, "--dest", directory, wanted],
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != project.sha256:
        raise CannotPlace(f"{path} has the digest {digest}, not {project.sha256}")
    return path


def _make_environment(project, archive, directory):
    """Return the interpreter of the project's environment, made if it is another's or missing."""
    python = directory / "bin" / "python"
    made_from = f"{sys.version}\n{project.sha256}\n{project.requirements.read_text('utf-8')}"
    if _is_stamped(directory, made_from):
        return python
    print(f"making the environment of {project.name} {project.version}", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        venv.create(directory, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError as error:
        raise CannotPlace(f"this Python makes no virtual environments: {error}") from error
    _pip(python, ["install", "--requirement", project.requirements, archive])
    _stamp(directory, made_from)
    return python


def _unpack(project, archive, directory):
    """Return the unpacked source distribution, less the package if pytest would find that."""
    if _is_stamped(directory, project.sha256):
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    with tarfile.open(archive) as tar:
        # Micro versions before 3.11.4 have no filters; what is unpacked was compared by its hash.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(directory.parent / "unpacked", **safely)
    unpacked = directory.parent / "unpacked" / archive.name.removesuffix(".tar.gz")
    if project.package is not None:
        shutil.rmtree(unpacked / project.package)
    unpacked.rename(directory)
    _stamp(directory, project.sha256)
    return directory


def _copy_stook(directory):
    """Return a directory with a copy of this interpreter's stook and nothing else.

    The suites' environments do not have stook, so that runs on stock cannot touch it.
    """
    import stook

    shutil.rmtree(directory, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(stook.__file__).parent, directory / "stook", ignore=ignored)
    return directory


def _is_stamped(directory, made_from):
    stamp = directory / ".made-from"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == made_from


def _stamp(directory, made_from):
    (directory / ".made-from").write_text(made_from, encoding="utf-8")


def _pip(python, arguments):
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotPlace(f"pip {arguments[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
