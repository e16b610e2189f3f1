import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook._cancellation import Place

class Unretrieved(NamedTuple):
    future: asyncio.Future[Any]
    exception: BaseException | None
    created: Place | None

def on_unretrieved(
    how: Literal["log", "raise"] | Callable[[Unretrieved], object] | None,
) -> None: ...
def watch(watcher: Callable[[Unretrieved], object]) -> None: ...
def forget(watcher: Callable[[Unretrieved], object]) -> None: ...
def report(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any], created: Place | None
) -> None: ...

class Collected:
    def __enter__(self) -> Collected: ...
    def of(self, loop: asyncio.AbstractEventLoop) -> None: ...
    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None: ...
