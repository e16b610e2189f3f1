"""The least: a loop that runs two rows and nothing else, to see what the interpreter alone takes.

``driver.c`` does what the statements of ``loop/call_soon_chain`` and ``task/future_wake_up`` ask
for, and leaves out whatever a loop has to do besides. What keeps asyncio's promises does more: the
figures on it say how much of stook's time could be saved at most. Whoever asks for what it does not
have gets `NotImplementedError`, which the benchmark reports as something that it lacks.

The import compiles it, and raises `ImportError` where there is no C compiler or no header of this
Python.
"""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

from least.build import extension

Driver = extension().Driver


class Loop(asyncio.AbstractEventLoop):
    """What `asyncio.Runner` needs round the driver, which is the running loop meanwhile."""

    def __init__(self) -> None:
        self._driver = Driver()
        self._closed = False

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, context: contextvars.Context | None = None
    ) -> Any:
        """The coroutine itself: there are no tasks."""
        return coro

    def run_until_complete(self, future: Any) -> Any:
        """Run one coroutine to its end."""
        asyncio._set_running_loop(self._driver)
        try:
            return self._driver.drive(future)
        except AttributeError as error:
            if error.obj is not self._driver:
                raise
            raise NotImplementedError(f"no {error.name}") from error
        finally:
            asyncio._set_running_loop(None)

    async def shutdown_asyncgens(self) -> None:
        """There are none."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    def get_debug(self) -> bool:
        """Never."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Nothing changes."""

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """End it."""
        self._closed = True


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop for `asyncio.Runner`."""
    return Loop()
