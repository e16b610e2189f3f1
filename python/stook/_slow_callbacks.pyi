import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook._cancellation import Place

class SlowCallback(NamedTuple):
    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[Any] | None
    stack: tuple[Place, ...]
    seconds: float

def on_slow_callback(
    how: Literal["debug", "report"] | Callable[[SlowCallback], object] | None,
    after: float | None = None,
) -> None: ...
def look(loop: Any, watch: Any, number: int, begun: int, seconds: float) -> None: ...
def stack_of(thread: int | None, called_by: str) -> tuple[Place, ...]: ...
