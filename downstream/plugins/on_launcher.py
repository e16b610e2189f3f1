"""A pytest plugin: what a suite runs on is the launcher's stook, in its child processes too."""

import asyncio
import os
import pathlib

CHILDREN = pathlib.Path(__file__).with_name("every_interpreter")


def pytest_configure(config):
    """Make sure that this is about stook, and take care of interpreters that tests start."""
    if asyncio.Task.__module__ != "stook" or asyncio.SelectorEventLoop.__module__ != "stook.events":
        raise RuntimeError(f"the launcher left asyncio {asyncio.Task}, {asyncio.SelectorEventLoop}")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(CHILDREN), os.environ["PYTHONPATH"]])
