import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

swallowed_watchers: list[Callable[[Any, Any], object]]

class ChildCancelled(asyncio.CancelledError): ...

class Requester(NamedTuple):
    name: str
    id: int

class Place(NamedTuple):
    file: str
    line: int | None
    function: str

def explain(record: Any) -> str: ...
def tell_of_swallowed(task: asyncio.Future[Any], record: Any) -> None: ...
def _named(name: str) -> str: ...
def _name_of(task: Any) -> str: ...
def shown(reason: object) -> str: ...
