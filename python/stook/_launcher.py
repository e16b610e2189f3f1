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
  --slow-callback-after=SECONDS
                 write to standard error what runs when a callback, or one step of a
                 task, has held an event loop for so long
  --stuck-cancellation-after=SECONDS
                 write to standard error which tasks have not ended so long after they
                 were asked to cancel

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
        options, arguments = _options_of(arguments)
        kind, operands = _program_of(arguments)
        rebind()
    except ImportError as error:
        return _refuse(str(error), status=1)
    except _UsageError as error:
        return _refuse(str(error), status=USAGE_ERROR_STATUS)
    # Not earlier: this imports asyncio, and installing is cheaper before anybody has.
    _apply(options)
    from stook import _program

    return getattr(_program, f"run_{kind}")(*operands)


class _UsageError(Exception):
    """The command line does not say what to run."""


_OPTIONS = ("--on-deadlock", "--slow-callback-after", "--stuck-cancellation-after")


def _options_of(arguments):
    """Return what the options are given, by their names, and the arguments that follow."""
    options = {}
    while arguments and arguments[0].partition("=")[0] in _OPTIONS:
        option, has_value, value = arguments[0].partition("=")
        arguments = arguments[1:]
        if not has_value:
            if not arguments:
                raise _UsageError(f"argument expected for the {option} option")
            value, *arguments = arguments
        options[option] = _value_of(option, value)
    if not arguments:
        raise _UsageError("no program is named")
    return options, arguments


def _value_of(option, value):
    if option == "--on-deadlock":
        if value not in ("report", "raise", "exit"):
            raise _UsageError(f"{option} is report, raise or exit, not {value}")
        return value
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    # What is not a number is not more than zero either.
    if not seconds > 0:
        raise _UsageError(f"{option} is a number of seconds, more than zero, not {value}")
    return seconds


def _apply(options):
    """Set what the options say; what is not needed for that is not imported."""
    if "--on-deadlock" in options:
        from stook import _deadlock

        _deadlock.on_deadlock(options["--on-deadlock"])
    if "--slow-callback-after" in options:
        from stook import _slow_callbacks

        _slow_callbacks.on_slow_callback("report", options["--slow-callback-after"])
    if "--stuck-cancellation-after" in options:
        from stook import _stuck_cancellations

        _stuck_cancellations.on_stuck_cancellation("report", options["--stuck-cancellation-after"])


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
