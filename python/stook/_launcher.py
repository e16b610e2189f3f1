"""The command ``stook``: its arguments, and what it does before the program starts.

This module does not read the interpreter's options: they go to ``python``, before ``-m stook``.
How the program runs is :mod:`stook._program`'s; how it ends, :mod:`stook._program_end`'s.
"""

import sys

from stook import _platform
from stook._install import rebind

HELP = """\
usage: stook [options] script.py [arguments]
       stook [options] -m module [arguments]
       stook [options] -c code [arguments]
       stook [options] - [arguments]

Run a Python program with stook in asyncio's place. A script may also be a directory or a zip
file with a __main__.py; "-" reads the program from standard input. All that follows belongs to
the program.

  -h, --help     print this and exit
  -V, --version  print the version and exit
  --on-deadlock=report|raise|exit
                 when nothing in an event loop can go on: write who waits for whom
                 to standard error (report, the default), end the loop with a
                 stook.DeadlockError (raise), or write it and end the program (exit)

The interpreter's own options go to python: python -X dev -m stook script.py
"""

USAGE_ERROR_STATUS = 2


def main():
    """Do what the command line says.

    Returns:
        The exit status; ``None`` when the program came to its end.

    Raises:
        BaseException: What ended the program. It has been reported already.
    """
    arguments = sys.argv[1:]
    if not arguments:
        sys.stderr.write(HELP)
        return USAGE_ERROR_STATUS
    if arguments[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    try:
        if arguments[0] in ("-V", "--version"):
            sys.stdout.write(f"stook {_platform.load_core().__version__}\n")
            return 0
        on_deadlock, arguments = _options_of(arguments)
        kind, operands = _program_of(arguments)
        rebind()
    except ImportError as error:
        return _refuse(str(error), status=1)
    except _UsageError as error:
        return _refuse(str(error), status=USAGE_ERROR_STATUS)
    # Not earlier: this imports asyncio, and installing is cheaper before anybody has.
    if on_deadlock is not None:
        from stook import _deadlock

        _deadlock.on_deadlock(on_deadlock)
    from stook import _program

    return getattr(_program, f"run_{kind}")(*operands)


class _UsageError(Exception):
    """The command line does not say what to run."""


def _options_of(arguments):
    """Return what is to be done about a deadlock, if anything is said of it, and what follows."""
    on_deadlock = None
    while arguments and arguments[0].partition("=")[0] == "--on-deadlock":
        option, has_value, on_deadlock = arguments[0].partition("=")
        arguments = arguments[1:]
        if not has_value:
            if not arguments:
                raise _UsageError(f"argument expected for the {option} option")
            on_deadlock, *arguments = arguments
        if on_deadlock not in ("report", "raise", "exit"):
            raise _UsageError(f"--on-deadlock is report, raise or exit, not {on_deadlock}")
    if not arguments:
        raise _UsageError("no program is named")
    return on_deadlock, arguments


def _program_of(arguments):
    """Return which kind of program the arguments name, and its arguments with its own name."""
    first, *rest = arguments
    if first == "-":
        return "input", rest
    if not first.startswith("-"):
        return "script", arguments
    option, attached = first[:2], first[2:]
    kind = {"-m": "module", "-c": "code"}.get(option)
    if kind is None:
        raise _UsageError(
            f"unknown option {first}; options of the interpreter go to python, before -m stook"
        )
    operands = [attached, *rest] if attached else rest
    if not operands:
        raise _UsageError(f"argument expected for the {option} option")
    return kind, operands


def _refuse(why, *, status):
    if sys.stderr is not None:
        sys.stderr.write(f"stook: {why}\n")
    return status
