"""A program started as the interpreter starts it.

What the program sees is what it sees under ``python``: its arguments and module search path, a
fresh ``__main__``, and no frame below its own first one.

Source:
    ``pymain_run_python`` and what it calls in ``Modules/main.c``; ``_PyRun_SimpleFile`` in
    ``Python/pythonrun.c``, CPython 3.11 to 3.13.
"""

import builtins
import io
import os
import sys
import types
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader

from stook import _source
from stook._program_end import as_program, write_error

CANNOT_OPEN_STATUS = 2

_replaced: list[object] = []
"""The ``__main__`` that started us. The interpreter, when it ran a file as that, comes back to its
names after an exception without having kept them alive, and crashes if they are gone
(``_PyRun_SimpleFile``, up to CPython 3.13)."""


def run_script(path, *arguments):
    """Run a source or compiled file, or what a directory or zip file has as ``__main__``.

    Returns:
        A status where the script cannot be opened, else ``None``.
    """
    whole_path = _absolute(path)
    if _holds_modules(whole_path):
        _become([path, *arguments], None)
        sys.path.insert(0, whole_path)
        _run_module("__main__", False)
        return None
    _become([path, *arguments], os.path.dirname(os.path.realpath(whole_path)))
    sys.audit("cpython.run_file", whole_path)
    try:
        with io.open_code(whole_path) as file:
            content = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        write_error(f"stook: can't open file {whole_path!r}: {reason}\n")
        return CANNOT_OPEN_STATUS
    if _source.is_compiled(whole_path, content):
        namespace = _fresh_main(SourcelessFileLoader("__main__", whole_path), whole_path)
        as_program(exec, as_program(_source.stored_code, content), namespace)
        return None
    namespace = _fresh_main(SourceFileLoader("__main__", whole_path), whole_path)
    _run_source(content, whole_path, namespace)
    return None


def run_module(name, *arguments):
    """Run a module found on the search path, as ``python -m`` does."""
    _become(["-m", *arguments], _working_directory())
    sys.audit("cpython.run_module", name)
    _run_module(name, True)


def run_code(code, *arguments):
    """Run a program given on the command line."""
    _become(["-c", *arguments], "")
    sys.audit("cpython.run_command", code)
    namespace = _fresh_main(BuiltinImporter)
    if not code.isascii() and any("\ud800" <= character <= "\udfff" for character in code):
        write_error("Unable to decode the command from the command line:\n")
    compiled = as_program(compile, code, "<string>", "exec", 0, True, flush=False)
    _source.show_in_tracebacks(compiled, code)
    as_program(exec, compiled, namespace, flush=False)


def run_input(*arguments):
    """Run what standard input holds; if that is a terminal, talk to whoever sits there."""
    _become(["-", *arguments], "")
    sys.audit("cpython.run_stdin")
    if sys.stdin is None:
        return
    if sys.stdin.isatty():
        _converse(_fresh_main(BuiltinImporter))
        return
    namespace = _fresh_main(BuiltinImporter, "<stdin>")
    _run_source(as_program(sys.stdin.buffer.read), "<stdin>", namespace)


def _run_module(name, alter_argv):
    import runpy

    _fresh_main(BuiltinImporter)
    as_program(runpy._run_module_as_main, name, alter_argv, flush=False)


def _run_source(source, filename, namespace):
    """Compile and run what was read from a file."""
    code = _source.compiled_in_silence(source, filename)
    if code is not None:
        as_program(exec, code, namespace)
    else:
        as_program(*_source.run_by_interpreter(source, filename, namespace))


def _converse(namespace):
    """Read statements from a terminal and run them, one after the other."""
    import code

    hook = getattr(sys, "__interactivehook__", None)
    if hook is not None:
        hook()
    banner = f"Python {sys.version} on {sys.platform}"
    as_program(code.interact, banner, None, namespace, "", flush=False)


def _fresh_main(loader, filename=None):
    """Put an empty ``__main__`` in place of the one that started us, and return its names."""
    module = types.ModuleType("__main__")
    namespace = vars(module)
    namespace["__loader__"] = loader
    namespace["__annotations__"] = {}
    namespace["__builtins__"] = builtins
    if filename is not None:
        namespace["__file__"] = filename
        namespace["__cached__"] = None
    _replaced.append(sys.modules.get("__main__"))
    sys.modules["__main__"] = module
    return namespace


def _absolute(path):
    """Return where a script is, without tidying the path: a traceback shows it as it was given."""
    here = _working_directory()
    if here is None:
        return path
    return os.path.join(here, path) if path else here


def _working_directory():
    """Return the working directory; ``None`` when it is no longer there."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _holds_modules(path):
    """Whether modules can be imported out of ``path``: a directory, a zip file."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _become(argv, directory):
    """Give the program its arguments, and the place on the search path that our command had.

    Args:
        argv: What ``sys.argv`` is for the program.
        directory: What comes first on its search path; nothing when ``None``. In safe-path mode
            the interpreter puts nothing there, for our command or for the program.
    """
    started_from = os.path.dirname(os.path.realpath(sys.argv[0]))
    sys.argv = argv
    if sys.flags.safe_path:
        return
    if sys.path and sys.path[0] in (started_from, _working_directory()):
        del sys.path[0]
    if directory is not None:
        sys.path.insert(0, directory)
