import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

def task_factory(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, _T], **options: Any
) -> asyncio.Task[_T]: ...
