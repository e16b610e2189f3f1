"""Code objects out of what a script's file holds, as the interpreter reads it."""

import marshal
import os
import sys
import types
import warnings
from importlib.util import MAGIC_NUMBER

PYC_HEADER_BYTES = 16
PY_FILE_INPUT = 257


def compiled_in_silence(source, filename):
    """Compile what a file holds.

    Returns:
        The code; ``None`` where the interpreter has something to say of the source, a warning or
        an error. It has other words for a file than ``compile`` has for bytes.
    """
    with warnings.catch_warnings(record=True) as said:
        try:
            code = compile(source, filename, "exec", 0, True)
        except (SyntaxError, ValueError):
            return None
    return None if said else code


def run_by_interpreter(source, filename, namespace):
    """Return the interpreter's own function that runs a file, and arguments for it.

    It is the only one that reads source from a stream, as ``python`` does. It is reached by
    ``ctypes``, which takes milliseconds to import, so it is not for every program.
    """
    import ctypes

    descriptor = os.memfd_create("source")
    with open(descriptor, "wb", closefd=False) as copy:
        copy.write(source)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fdopen = ctypes.CDLL(None).fdopen
    fdopen.restype = ctypes.c_void_p
    run = ctypes.pythonapi.PyRun_FileExFlags
    run.restype = ctypes.py_object
    stream = ctypes.c_void_p(fdopen(descriptor, b"rb"))
    scope = ctypes.py_object(namespace)
    closes_stream = 1
    return run, stream, os.fsencode(filename), PY_FILE_INPUT, scope, scope, closes_stream, None


def is_compiled(path, content):
    """Whether a script is a ``.pyc`` file, by its name or its first bytes."""
    return path.endswith(".pyc") or content[:2] == MAGIC_NUMBER[:2]


def stored_code(content):
    """Return the code object of a ``.pyc`` file.

    Raises:
        RuntimeError: It is of another Python version, or holds something else.
    """
    if content[: len(MAGIC_NUMBER)] != MAGIC_NUMBER:
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(content[PYC_HEADER_BYTES:])
    if not isinstance(code, types.CodeType):
        raise RuntimeError("Bad code object in .pyc file")
    return code


def show_in_tracebacks(code, text):
    """Let tracebacks show the lines of code that is in no file, where ``python`` does: 3.13.

    Source:
        ``_PyRun_SimpleString`` in ``Python/pythonrun.c``, CPython 3.13.0 and 3.13.5: the earlier
        ones keep the lines by the name of the file, the later ones by the code.
    """
    if sys.version_info >= (3, 13):
        import linecache

        by_code = hasattr(linecache, "_interactive_cache")
        linecache._register_code(code if by_code else code.co_filename, text, code.co_filename)
