"""How a worker is started for each engine."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

LAUNCHER, LOOP_FACTORY = "launcher", "loop_factory"

_STOCK_LOOP = "asyncio:SelectorEventLoop"
_KNOWN = {"uvloop": "uvloop:new_event_loop", "rloop": "rloop:new_event_loop"}


@dataclass(frozen=True)
class Engine:
    """One engine.

    Args:
        name: What reports call it.
        loop_spec: ``module:maker`` of its loops, or ``None`` for what asyncio makes.
        front: Arguments of the interpreter before the script.
        has_virtual_time: Whether its loop takes a selector and a clock.
    """

    name: str
    loop_spec: str | None = None
    front: tuple[str, ...] = ()
    has_virtual_time: bool = True

    def command(self):
        """Return the command of a worker."""
        worker = Path(__file__).with_name("worker.py")
        return [sys.executable, *self.front, str(worker), *self._after()]

    def script_command(self):
        """Return the command that runs a printed script on this engine."""
        return " ".join(["python", *self.front, "repro.py", *self._after()])

    def _after(self):
        return [self.loop_spec] if self.loop_spec else []


def environment():
    """Return the environment of workers: nothing of it may change what a program does."""
    chosen = {"PYTHONHASHSEED": "0", "PYTHONASYNCIODEBUG": "", "PYTHONDEVMODE": ""}
    return {**os.environ, **chosen}


def stock(other=None):
    """Return the engine that another one is compared with, in the same way."""
    return Engine("asyncio", _STOCK_LOOP if other and other.loop_spec else None)


def engine(name, way=LAUNCHER):
    """Return the engine of a name, or of ``module:maker``.

    Args:
        name: The engine's, or where a loop is made.
        way: For stook: started by its launcher, or a loop of it in stock asyncio.
    """
    if name == "asyncio":
        return stock()
    if name == "stook" and way == LAUNCHER:
        return Engine("stook", front=("-m", "stook"))
    if name == "stook":
        return Engine("stook", "stook:new_event_loop")
    spec = _KNOWN.get(name, name)
    return Engine(name.rpartition(":")[2], spec, has_virtual_time=name not in _KNOWN)
