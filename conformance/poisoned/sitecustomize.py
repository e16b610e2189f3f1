"""Puts the traps of ``poison`` in place in every interpreter that finds this directory first.

Python imports ``sitecustomize`` before anything of the program. See ../README.md.
"""

import importlib.util
import pathlib
import sys

_path = pathlib.Path(__file__).resolve().parent.parent / "poison.py"
_spec = importlib.util.spec_from_file_location("stook_conformance_poison", _path)
_poison = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _poison
_spec.loader.exec_module(_poison)
_poison.apply_at_start_of_program()
