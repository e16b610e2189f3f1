from collections.abc import Iterable
from typing import Any, NamedTuple

from stook._cancellation import Place

class Taker(NamedTuple):
    task: Any
    name: str | None

class Wait(NamedTuple):
    kind: str
    what: Any
    where: Place | None
    on: tuple[Any, ...] = ()
    any: bool = False
    until: float | None = None
    since: float | None = None
    fd: int | None = None
    method: str | None = None
    taken_by: Taker | None = None

class TaskInfo(NamedTuple):
    task: Any
    name: str
    state: str
    stack: tuple[Place, ...]
    wait: Wait | None
    cancelling: int

def is_outside(code: Any) -> bool: ...

class Scheduled:
    until: dict[int, float]
    timeouts: dict[int, float]
    descriptors: dict[int, int]
    def __init__(self, loop: Any) -> None: ...

def look_at_each(tasks: Iterable[Any], scheduled: Scheduled, running: Any) -> list[TaskInfo]: ...
