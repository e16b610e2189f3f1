"""The event loop and its policy, as a type checker sees them."""

import asyncio
from collections.abc import Callable
from selectors import BaseSelector

class EventLoop(asyncio.SelectorEventLoop):
    nesting_allowed: bool
    def __init__(self, selector: BaseSelector | None = None) -> None: ...

class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    _loop_factory: Callable[[], EventLoop]
    def new_event_loop(self) -> EventLoop: ...

def new_event_loop() -> EventLoop: ...
