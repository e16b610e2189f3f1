import asyncio
from typing import Any, NamedTuple

class Ended(NamedTuple):
    task: asyncio.Future[Any]
    state: str
    value: Any

async def cancel_and_wait(
    *tasks: asyncio.Future[Any], reason: object = None, timeout: float | None = None
) -> list[Ended]: ...
