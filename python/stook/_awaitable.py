"""The coroutine that ``ensure_future`` makes of an object with ``__await__``."""


async def _wrap_awaitable(awaitable):
    return await awaitable
