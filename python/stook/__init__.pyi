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
from typing import Any, Literal, Self, TypeVar, final, overload

from stook._cancellation import ChildCancelled as ChildCancelled
from stook._cancellation import Place as Place
from stook._cancellation import Requester as Requester
from stook._core import Cancellation as Cancellation
from stook._core import Future as Future
from stook._core import Task as Task
from stook._core import cancel as cancel
from stook._core import cancellation as cancellation
from stook._deadlock import DeadlockError as DeadlockError
from stook._deadlock import on_deadlock as on_deadlock
from stook._deadlock import refuse_deadlocks as refuse_deadlocks
from stook._ending import Ended as Ended
from stook._ending import cancel_and_wait as cancel_and_wait
from stook._factory import task_factory as task_factory
from stook._slow_callbacks import SlowCallback as SlowCallback
from stook._slow_callbacks import on_slow_callback as on_slow_callback
from stook._stuck_cancellations import StuckCancellation as StuckCancellation
from stook._stuck_cancellations import on_stuck_cancellation as on_stuck_cancellation
from stook._task_tree import print_tasks as print_tasks
from stook._unretrieved import Unretrieved as Unretrieved
from stook._unretrieved import on_unretrieved as on_unretrieved
from stook._wait_graph import WaitEdge as WaitEdge
from stook._wait_graph import WaitGraph as WaitGraph
from stook._wait_graph import tasks as tasks
from stook._wait_graph import wait_graph as wait_graph
from stook._waits import Taker as Taker
from stook._waits import TaskInfo as TaskInfo
from stook._waits import Wait as Wait
from stook.events import EventLoop as EventLoop
from stook.events import EventLoopPolicy as EventLoopPolicy
from stook.events import new_event_loop as new_event_loop

if sys.version_info >= (3, 12):
    from asyncio import create_eager_task_factory as create_eager_task_factory
    from asyncio import eager_task_factory as eager_task_factory

__version__: str
__all__: list[str]
pytest_plugins: tuple[str, ...]

_T = TypeVar("_T")
_T1 = TypeVar("_T1")
_T2 = TypeVar("_T2")
_T3 = TypeVar("_T3")
_T4 = TypeVar("_T4")
_T5 = TypeVar("_T5")
_F = TypeVar("_F", bound=asyncio.Future[Any])

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
    keep_tasks: bool = False,
    grace: float | None = None,
) -> _T: ...
async def wait_any(
    tasks: Iterable[_F], *, timeout: float | None = None
) -> tuple[set[_F], set[_F]]: ...
async def race(
    *aws: Awaitable[_T], losers: Literal["cancel", "await", "leave"] = "cancel"
) -> _T: ...
async def first_success(
    *aws: Awaitable[_T], losers: Literal["cancel", "await", "leave"] = "cancel"
) -> _T: ...
async def detect_cancel(task: asyncio.Future[_T]) -> _T: ...
@overload
def gather(*aws: Awaitable[_T], on_error: Literal["cancel"]) -> Coroutine[Any, Any, list[_T]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: Awaitable[_T1],
    /,
    *,
    return_exceptions: Literal[False] = False,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1]]: ...
@overload
def gather(
    aw1: Awaitable[_T1],
    /,
    *,
    return_exceptions: bool,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1 | BaseException]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    /,
    *,
    return_exceptions: Literal[False] = False,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1, _T2]]: ...
@overload
def gather(
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    /,
    *,
    return_exceptions: bool,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1 | BaseException, _T2 | BaseException]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    /,
    *,
    return_exceptions: Literal[False] = False,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1, _T2, _T3]]: ...
@overload
def gather(
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    /,
    *,
    return_exceptions: bool,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1 | BaseException, _T2 | BaseException, _T3 | BaseException]]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    aw4: Awaitable[_T4],
    /,
    *,
    return_exceptions: Literal[False] = False,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4]]: ...
@overload
def gather(
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    aw4: Awaitable[_T4],
    /,
    *,
    return_exceptions: bool,
    on_error: None = None,
) -> asyncio.Future[
    tuple[_T1 | BaseException, _T2 | BaseException, _T3 | BaseException, _T4 | BaseException]
]: ...
@overload
def gather(  # type: ignore[overload-overlap]
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    aw4: Awaitable[_T4],
    aw5: Awaitable[_T5],
    /,
    *,
    return_exceptions: Literal[False] = False,
    on_error: None = None,
) -> asyncio.Future[tuple[_T1, _T2, _T3, _T4, _T5]]: ...
@overload
def gather(
    aw1: Awaitable[_T1],
    aw2: Awaitable[_T2],
    aw3: Awaitable[_T3],
    aw4: Awaitable[_T4],
    aw5: Awaitable[_T5],
    /,
    *,
    return_exceptions: bool,
    on_error: None = None,
) -> asyncio.Future[
    tuple[
        _T1 | BaseException,
        _T2 | BaseException,
        _T3 | BaseException,
        _T4 | BaseException,
        _T5 | BaseException,
    ]
]: ...
@overload
def gather(
    *aws: Awaitable[_T], return_exceptions: Literal[False] = False, on_error: None = None
) -> asyncio.Future[list[_T]]: ...
@overload
def gather(
    *aws: Awaitable[_T], return_exceptions: bool, on_error: None = None
) -> asyncio.Future[list[_T | BaseException]]: ...
