"""A pytest plugin: every loop that a suite makes is stook's, and nothing else is.

``asyncio.run``, ``Runner`` and ``new_event_loop`` ask the policy. uvicorn asks its ``loop`` option:
``asyncio``, which names a class of the standard library, is made to name stook's.
"""

import asyncio
import importlib.util

import stook
from stook.events import EventLoopPolicy


def pytest_configure(config):
    """Set the policy, and what uvicorn's ``loop`` option stands for."""
    asyncio.set_event_loop_policy(EventLoopPolicy())
    if importlib.util.find_spec("uvicorn") is not None:
        from uvicorn.config import LOOP_FACTORIES

        LOOP_FACTORIES["asyncio"] = "on_loop:uvicorn_loop_factory"


def uvicorn_loop_factory(use_subprocess=False):
    """Return what makes uvicorn's loop."""
    return stook.new_event_loop


def pytest_report_header():
    """Make sure that this is about stook's loop, and say so."""
    loop = asyncio.new_event_loop()
    loop.close()
    if not isinstance(loop, stook.EventLoop) or asyncio.Task.__module__ != "_asyncio":
        raise RuntimeError(f"loops are of {type(loop)}, tasks of {asyncio.Task}")
    return "every loop: stook's"
