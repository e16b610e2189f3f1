import asyncio
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stook import Cancellation
from stook._cancellation import Place

class StuckCancellation(NamedTuple):
    task: asyncio.Task[Any]
    record: Cancellation | None
    requests: int
    survived: tuple[Place, ...]
    seconds: float

def on_stuck_cancellation(
    how: Literal["debug", "report"] | Callable[[StuckCancellation], object] | None,
    after: float = 5.0,
) -> None: ...

class Asked:
    def __init__(self, watch: Any) -> None: ...
    def next_look(self) -> tuple[float | None, int | None]: ...
    def look(self, loops: dict[int, Any]) -> None: ...
