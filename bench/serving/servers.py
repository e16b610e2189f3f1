"""The servers: each answers every request with the same few words.

The packages are imported where one is started: the program that starts the processes needs none.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

BODY = b"Hello, world!"


@asynccontextmanager
async def on_aiohttp(listener: socket.socket) -> AsyncIterator[str]:
    """An application of aiohttp, without a log of requests."""
    from aiohttp import http_parser, web

    async def hello(request: web.Request) -> web.Response:
        return web.Response(body=BODY, content_type="text/plain")

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    in_c = http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy
    try:
        yield f"aiohttp {version('aiohttp')}, its parser in {'C' if in_c else 'Python'}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def on_uvicorn(listener: socket.socket) -> AsyncIterator[str]:
    """An ASGI application under uvicorn, which takes httptools if it is there, and h11 if not."""
    import uvicorn

    async def hello(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})

    # wrk leaves while requests are on their way, which uvicorn may tell; what matters, wrk counts.
    config = uvicorn.Config(
        hello, loop="none", lifespan="off", log_level="critical", access_log=False
    )
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    parser = config.http_protocol_class.__module__.rpartition(".")[2].removesuffix("_impl")
    try:
        yield f"uvicorn {version('uvicorn')} with {parser} {version(parser)}"
    finally:
        server.should_exit = True
        await serving


Server = Callable[[socket.socket], AbstractAsyncContextManager[str]]

SERVERS: dict[str, Server] = {"aiohttp": on_aiohttp, "uvicorn": on_uvicorn}
"""By name: serves on a listening socket for as long as it is entered, and says what serves."""
