"""The compiled part, as a type checker sees it.

Futures and tasks say that they are asyncio's; ``isinstance`` says the same. (So the check of these
stubs against the built module has to leave out disjoint bases.) Of the loop there is what
``stook.events`` builds on.
"""

import asyncio
import sys
from asyncio import all_tasks as all_tasks
from asyncio import as_completed as as_completed
from asyncio import create_task as create_task
from asyncio import current_task as current_task
from asyncio import ensure_future as ensure_future
from asyncio import gather as gather
from asyncio import get_event_loop as get_event_loop
from asyncio import get_running_loop as get_running_loop
from asyncio import run_coroutine_threadsafe as run_coroutine_threadsafe
from asyncio import shield as shield
from asyncio import sleep as sleep
from asyncio import timeout as timeout
from asyncio import wait as wait
from asyncio import wait_for as wait_for
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar, final
from weakref import WeakSet

if sys.version_info >= (3, 12):
    from asyncio import create_eager_task_factory as create_eager_task_factory
    from asyncio import eager_task_factory as eager_task_factory

__version__: str
__all__: list[str]

_T = TypeVar("_T")

class Future(asyncio.Future[_T]): ...
class Task(Future[_T], asyncio.Task[_T]): ...

class _GatheringFuture(Future[list[Any]]):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

class Handle(asyncio.Handle):
    def _run(self) -> None: ...

@final
class TimerHandle(Handle, asyncio.TimerHandle):
    def __eq__(self, value: object, /) -> bool: ...
    def __ge__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __gt__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __le__(self, value: asyncio.TimerHandle, /) -> bool: ...
    def __lt__(self, value: asyncio.TimerHandle, /) -> bool: ...

class LoopCore:
    nesting_allowed: bool
    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle: ...
    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle: ...
    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def create_future(self) -> Future[Any]: ...
    def create_task(
        self,
        /,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
    ) -> Task[Any]: ...
    def time(self) -> float: ...

_current_tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[Any]]

def _enter_task(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None: ...
def _leave_task(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None: ...
def _swap_current_task(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None
) -> asyncio.Task[Any] | None: ...
def _register_task(task: asyncio.Task[Any]) -> None: ...
def _unregister_task(task: asyncio.Task[Any]) -> None: ...
def _register_eager_task(task: asyncio.Task[Any]) -> None: ...
def _unregister_eager_task(task: asyncio.Task[Any]) -> None: ...
def _get_running_loop() -> asyncio.AbstractEventLoop | None: ...
def _set_running_loop(loop: asyncio.AbstractEventLoop | None, /) -> None: ...
def _forget_running_loop() -> None: ...
def set_mirroring(on: bool, /) -> None: ...

if sys.version_info >= (3, 12):
    _scheduled_tasks: WeakSet[Any]
    _eager_tasks: set[Any]
else:
    _all_tasks: WeakSet[Any]
    def _get_event_loop(stacklevel: int = 3) -> asyncio.AbstractEventLoop: ...
