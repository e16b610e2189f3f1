"""The command ``stook``: its arguments, and what it does before the program starts.

This module does not read the interpreter's options: they go to ``python``, before ``-m stook``.
How the program runs is :mod:`stook._program`'s; how it ends, :mod:`stook._program_end`'s.
"""

import sys

from stook import _platform

HELP = """\
usage: stook script.py [arguments]
       stook -m module [arguments]
       stook -c code [arguments]
       stook - [arguments]

Run a Python program with stook in asyncio's place. A script may also be a directory or a zip
file with a __main__.py; "-" reads the program from standard input. All that follows belongs to
the program.

  -h, --help     print this and exit
  -V, --version  print the version and exit

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
    first = arguments[0]
    if first in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    try:
        core = _platform.load_core()
    except ImportError as error:
        return _refuse(str(error), status=1)
    if first in ("-V", "--version"):
        sys.stdout.write(f"stook {core.__version__}\n")
        return 0
    return _start(arguments)


def _start(arguments):
    """Find out which kind of program the arguments name, and run it."""
    from stook import _program
    from stook._install import install

    first, *rest = arguments
    option, attached = first[:2], first[2:]
    if first == "-":
        run, operands = _program.run_input, rest
    elif option == "-m":
        run, operands = _program.run_module, [attached, *rest] if attached else rest
    elif option == "-c":
        run, operands = _program.run_code, [attached, *rest] if attached else rest
    elif option.startswith("-"):
        why = f"unknown option {first}; options of the interpreter go to python, before -m stook"
        return _refuse(why, status=USAGE_ERROR_STATUS)
    else:
        run, operands = _program.run_script, arguments
    if option in ("-m", "-c") and not operands:
        return _refuse(f"argument expected for the {option} option", status=USAGE_ERROR_STATUS)
    install()
    return run(*operands)


def _refuse(why, *, status):
    sys.stderr.write(f"stook: {why}\n")
    return status
