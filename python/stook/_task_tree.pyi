import asyncio
from typing import Any, TextIO

def print_tasks(
    loop: asyncio.AbstractEventLoop | None = None, *, file: TextIO | None = None
) -> None: ...
def cancelled(loop: asyncio.AbstractEventLoop, tasks: set[Any], most: int) -> list[str]: ...
