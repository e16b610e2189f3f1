"""Where stook runs, and how it says that it does not run here.

The check comes before the compiled part is loaded, because elsewhere that would not load and its
error would not say why. This module imports nothing but ``sys`` and is read by old interpreters
too, so it keeps to syntax that they know.
"""

import sys

OLDEST = (3, 11)
NEWEST = (3, 13)


def unsupported():
    """Say what about this interpreter stook does not run on.

    Returns:
        The refusal, in one line; ``None`` where stook runs.
    """
    found = _interpreter()
    if (
        sys.implementation.name == "cpython"
        and OLDEST <= sys.version_info[:2] <= NEWEST
        and not _without_gil()
        and sys.platform == "linux"
    ):
        return None
    return f"stook runs on CPython 3.11, 3.12 and 3.13 on Linux, not on {found}"


def require_supported():
    """Refuse to be imported where stook does not run.

    Raises:
        ImportError: This interpreter or platform is not supported.
        SystemExit: The same, and the process was started to run the ``stook`` command: the reason
            is then the only line it prints.
    """
    refusal = unsupported()
    if refusal is None:
        return
    if _started_as_command():
        raise SystemExit(refusal)
    raise ImportError(refusal)


def load_core():
    """Import the compiled part.

    Raises:
        ImportError: It is missing or does not load; the message says so in one line.
    """
    try:
        import stook._core as core
    except ImportError as error:
        if "subinterpreters" in str(error).replace("-", ""):
            raise ImportError("stook does not run in sub-interpreters") from None
        raise ImportError(
            f"stook is not built for this interpreter ({_interpreter()}): {error}"
        ) from None
    return core


def _interpreter():
    """Name this interpreter and platform for a person."""
    version = sys.version_info
    implementation = sys.implementation.name
    shown = {"cpython": "CPython", "pypy": "PyPy"}.get(implementation, implementation)
    gil = " without the GIL" if _without_gil() else ""
    return f"{shown} {version[0]}.{version[1]}{gil} on {sys.platform}"


def _without_gil():
    """Tell the free-threaded build, whose ABI has a letter of its own."""
    return "t" in getattr(sys, "abiflags", "")


def _started_as_command():
    """Tell ``stook …`` and ``python -m stook …`` from a program that imports stook.

    While ``-m`` looks for its module, ``sys.argv[0]`` is ``-m`` itself.
    """
    started_as = sys.argv[0] if getattr(sys, "argv", None) else ""
    if started_as == "-m":
        return not {"stook", "-mstook"}.isdisjoint(getattr(sys, "orig_argv", ()))
    return started_as.rpartition("/")[2] == "stook"
