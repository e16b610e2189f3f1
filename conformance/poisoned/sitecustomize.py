"""Puts the traps of ``poison`` in place in every interpreter that finds this directory first.

Python imports ``sitecustomize`` before anything of the program, and only the first that it finds;
the one hidden by this one is run as well. See ../README.md.
"""

import importlib.machinery
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(spec):
    """Execute the module that ``spec`` describes and return it."""
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hidden = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [entry for entry in sys.path if pathlib.Path(entry).resolve() != HERE]
)
if hidden is not None:
    run(hidden)
run(
    importlib.util.spec_from_file_location("stook_conformance_poison", HERE.parent / "poison.py")
).apply_at_start_of_program()
