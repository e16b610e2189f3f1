"""Puts stook in asyncio's place in every interpreter that finds this directory first.

Python imports only the first ``sitecustomize`` that it finds; the one hidden by this one is run as
well.
"""

import importlib.machinery
import importlib.util
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

hidden = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [entry for entry in sys.path if pathlib.Path(entry).resolve() != HERE]
)
if hidden is not None:
    hidden.loader.exec_module(importlib.util.module_from_spec(hidden))

import stook  # noqa: E402

stook.install()
