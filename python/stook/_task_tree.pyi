import asyncio
from typing import TextIO

def print_tasks(
    loop: asyncio.AbstractEventLoop | None = None, *, file: TextIO | None = None
) -> None: ...
