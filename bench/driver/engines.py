"""The implementations that are compared: how a process gets one, and how it makes sure.

`make_loop` and `verify` run in the measured process. Nothing here imports a rival before it is
asked for, and stook is never imported where another one is measured.
"""

import asyncio
import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass


class Unavailable(Exception):
    """This interpreter cannot run the implementation."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One implementation.

    Attributes:
        package: Whose loop it must be; also the distribution whose version is reported.
        launcher: Modules to run the program with (``python -m …``) instead of ``python``.
        factory: The module whose ``new_event_loop`` is given to `asyncio.Runner`.
        replaces: Whether asyncio's own names have to be the package's.
        eager: Whether tasks start eagerly.
    """

    name: str
    package: str
    launcher: tuple[str, ...] = ()
    factory: str | None = None
    replaces: bool = False
    eager: bool = False

    @property
    def ours(self) -> bool:
        """Whether this is stook, as opposed to a rival."""
        return self.package == "stook"

    @property
    def is_rival(self) -> bool:
        """Whether stook may lose to it: the least driver is no loop, and keeps no promises."""
        return self.package not in ("stook", "least")

    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What `asyncio.Runner` makes its loop with; ``None`` for what asyncio itself takes.

        Raises:
            Unavailable: A package is missing, or this Python has no eager tasks.
        """
        if self.eager and sys.version_info < (3, 12):
            raise Unavailable("eager tasks need Python 3.12")
        if self.factory is None:
            return None
        try:
            module = importlib.import_module(self.factory)
        except ImportError as error:
            raise Unavailable(str(error)) from error
        factory: Callable[[], asyncio.AbstractEventLoop] = module.new_event_loop
        return factory

    def prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Finish the loop, and make sure that it is the one this engine stands for.

        Raises:
            RuntimeError: Something else would be measured under this engine's name.
        """
        if self.eager and sys.version_info >= (3, 12):
            loop.set_task_factory(asyncio.eager_task_factory)
        maker = type(loop).__module__.partition(".")[0]
        if maker != self.package:
            raise RuntimeError(f"{self.name} runs on a loop of {maker}")
        replaced = [name for name in ("Future", "Task", "gather") if not _is_stock(name)]
        if len(replaced) != (3 if self.replaces else 0):
            raise RuntimeError(f"{self.name} runs with {replaced or 'none'} of asyncio replaced")

    def version(self) -> str:
        """The version of the package; the interpreter's for what has none of its own."""
        if self.package in ("asyncio", "least"):
            return "of " + sys.version.split()[0]
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return "not installed as a distribution"


def _is_stock(name: str) -> bool:
    """Whether a name of asyncio still is what the standard library put there."""
    stook = sys.modules.get("stook._core")
    return stook is None or getattr(asyncio, name) is not getattr(stook, name)


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("asyncio", "asyncio"),
        Engine("asyncio-eager", "asyncio", eager=True),
        Engine("uvloop", "uvloop", factory="uvloop"),
        Engine("rloop", "rloop", factory="rloop"),
        Engine("stook", "stook", launcher=("stook",), replaces=True),
        Engine("stook-loop", "stook", factory="stook"),
        Engine("stook-eager", "stook", launcher=("stook",), replaces=True, eager=True),
        Engine("least", "least", factory="least"),
    )
}
"""Every implementation by name. The rivals come first, the base of the ratios among them."""

DEFAULT = ("asyncio", "asyncio-eager", "uvloop", "rloop", "stook", "stook-loop")
"""What is measured when nothing is asked for."""
