"""The coroutine that ``ensure_future`` makes of an object with ``__await__``."""

try:
    from asyncio.tasks import _wrap_awaitable  # type: ignore[attr-defined]  # 3.11
except ImportError:

    async def _wrap_awaitable(awaitable):
        return await awaitable

    # Since 3.12 asyncio has it inside the function, and shows it so.
    _wrap_awaitable.__qualname__ = "ensure_future.<locals>._wrap_awaitable"
