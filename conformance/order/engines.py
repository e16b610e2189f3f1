"""How a worker is started for each engine."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

STOCK_LOOP = "asyncio:SelectorEventLoop"
LAUNCHER, LOOP_FACTORY = "launcher", "loop_factory"

_KNOWN = {
    "asyncio": STOCK_LOOP,
    "uvloop": "uvloop:new_event_loop",
    "rloop": "rloop:new_event_loop",
}


@dataclass(frozen=True)
class Engine:
    """One engine.

    Args:
        name: What reports call it.
        loop_spec: ``module:maker`` of its loops.
        front: Arguments of the interpreter before the script.
        has_virtual_time: Whether its loop takes a selector and a clock.
    """

    name: str
    loop_spec: str
    front: tuple[str, ...] = ()
    has_virtual_time: bool = True

    def command(self):
        """Return the command of a worker."""
        worker = Path(__file__).with_name("worker.py")
        return [sys.executable, *self.front, str(worker), self.loop_spec]

    def script_arguments(self):
        """Return what makes the interpreter run a printed script on this engine."""
        after = [] if self.loop_spec.startswith("asyncio:") else [self.loop_spec]
        return [*self.front, "repro.py", *after]


def environment():
    """Return the environment of workers: nothing of it may change what a program does."""
    chosen = {"PYTHONHASHSEED": "0", "PYTHONASYNCIODEBUG": "", "PYTHONDEVMODE": ""}
    return {**os.environ, **chosen}


def stock():
    """Return the engine that the others are compared with."""
    return Engine("asyncio", STOCK_LOOP)


def engine(name, way=LAUNCHER):
    """Return the engine of a name, or of ``module:maker``.

    Args:
        name: The engine's, or where a loop is made.
        way: For stook: started by its launcher, or a loop of it in stock asyncio.
    """
    if name == "stook" and way == LAUNCHER:
        return Engine("stook", "asyncio:new_event_loop", ("-m", "stook"))
    if name == "stook":
        return Engine("stook", "stook:new_event_loop")
    spec = _KNOWN.get(name, name)
    return Engine(name.rpartition(":")[2], spec, has_virtual_time=name not in ("uvloop", "rloop"))
