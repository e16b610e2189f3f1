"""asyncio's task control, in Rust.

To a type checker stook's futures and tasks are asyncio's, as they are to ``isinstance``; so code
that is annotated with asyncio's names takes ours, and the functions are asyncio's by their types.
"""

import asyncio
import sys
from asyncio import all_tasks as all_tasks
from asyncio import as_completed as as_completed
from asyncio import current_task as current_task
from asyncio import ensure_future as ensure_future
from asyncio import gather as gather
from asyncio import get_running_loop as get_running_loop
from asyncio import run_coroutine_threadsafe as run_coroutine_threadsafe
from asyncio import shield as shield
from asyncio import sleep as sleep
from asyncio import timeout as timeout
from asyncio import wait as wait
from asyncio import wait_for as wait_for
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextvars import Context
from types import TracebackType
from typing import Any, Self, TypeVar, final

from stook._core import Future as Future
from stook._core import Task as Task
from stook.events import EventLoop as EventLoop
from stook.events import EventLoopPolicy as EventLoopPolicy
from stook.events import new_event_loop as new_event_loop

if sys.version_info >= (3, 12):
    from asyncio import create_eager_task_factory as create_eager_task_factory
    from asyncio import eager_task_factory as eager_task_factory

__version__: str
__all__: list[str]

_T = TypeVar("_T")

@final
class CancellationRegistration:
    def __init__(
        self, token: CancellationToken, callback: Callable[[CancellationToken], object]
    ) -> None: ...
    def unregister(self) -> bool: ...
    def __enter__(self) -> CancellationRegistration: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class CancellationToken:
    def __init__(self) -> None: ...
    @staticmethod
    def none() -> CancellationToken: ...
    @property
    def is_cancelled(self) -> bool: ...
    @property
    def reason(self) -> Any: ...
    def raise_if_cancelled(self) -> None: ...
    def register(
        self, callback: Callable[[CancellationToken], object]
    ) -> CancellationRegistration: ...
    async def wait(self) -> Any: ...
    async def __aenter__(self) -> CancellationToken: ...
    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

class CancellationSource:
    def __init__(self, *tokens: CancellationToken) -> None: ...
    @classmethod
    def linked(cls, *tokens: CancellationToken) -> Self: ...
    @property
    def token(self) -> CancellationToken: ...
    @property
    def is_cancelled(self) -> bool: ...
    def cancel(self, reason: object = None) -> bool: ...
    def cancel_after(self, seconds: float, reason: object = None) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> None: ...

def create_task(
    coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
    *,
    name: str | None = None,
    context: Context | None = None,
    token: CancellationToken | None = None,
) -> asyncio.Task[_T]: ...
async def when_all(
    aws: Iterable[Awaitable[_T]], token: CancellationToken | None = None
) -> list[_T]: ...
async def when_any(
    aws: Iterable[Awaitable[_T]], token: CancellationToken | None = None
) -> tuple[int, _T]: ...
def install() -> None: ...
def uninstall() -> None: ...
def allow_nesting(loop: asyncio.AbstractEventLoop | None = None) -> None: ...
def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> _T: ...
