import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from stook._cancellation import Place
from stook._waits import TaskInfo

class WaitEdge(NamedTuple):
    waiter: Any
    on: Any
    kind: str
    where: Place | None

class WaitGraph:
    now: float
    tasks: tuple[TaskInfo, ...]
    edges: tuple[WaitEdge, ...]
    cycles: tuple[tuple[WaitEdge, ...], ...]
    stuck: tuple[Any, ...]
    def __init__(self, tasks: Iterable[TaskInfo], now: float) -> None: ...
    def info(self, task: Any) -> TaskInfo | None: ...
    def waits_for(self, task: Any) -> tuple[Any, ...]: ...
    def waited_for_by(self, task: Any) -> tuple[Any, ...]: ...
    def __len__(self) -> int: ...

def tasks(loop: asyncio.AbstractEventLoop | None = None) -> list[TaskInfo]: ...
def wait_graph(loop: asyncio.AbstractEventLoop | None = None) -> WaitGraph: ...
