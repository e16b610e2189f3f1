import asyncio
from typing import Any, NamedTuple

class ChildCancelled(asyncio.CancelledError): ...

class Requester(NamedTuple):
    name: str
    id: int

class Place(NamedTuple):
    file: str
    line: int | None
    function: str

def explain(record: Any) -> str: ...
def shown(reason: object) -> str: ...
