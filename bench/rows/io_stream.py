"""Echoes over connections: TCP, TLS and Unix sockets.

One operation is one message, there and back; the loop that is measured is the server (`peer.py`).
``ended`` counts the connections that are closed, so that none is left when a repetition is over.
"""

import asyncio
import ssl
import tempfile
from functools import partial
from pathlib import Path
from typing import cast

from driver.row import Lap
from rows.peer import CONNECTIONS, io_row, round_trips

KIB = 1024
CERTIFICATES = Path(__file__).resolve().parents[2] / "tests" / "certificates"
LOCALHOST = "127.0.0.1"


class Echo(asyncio.Protocol):
    """Sends back what it receives, as it arrives."""

    transport: asyncio.Transport

    def __init__(self, ended: asyncio.Semaphore) -> None:
        self.ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.release()


async def echo(
    size: int, ended: asyncio.Semaphore, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The same with streams; waits until it may send more, as a server has to."""
    while data := await reader.read(size):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
    ended.release()


async def _measure(
    server: asyncio.AbstractServer,
    ended: asyncio.Semaphore,
    kind: str,
    address: object,
    size: int,
    count: int,
) -> Lap:
    lap = await round_trips(kind, address, size, count)
    for _ in range(CONNECTIONS):
        await ended.acquire()
    server.close()
    await server.wait_closed()
    return lap


async def _protocol(size: int, count: int, context: ssl.SSLContext | None = None) -> Lap:
    ended = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(ended), LOCALHOST, 0, ssl=context)
    kind = "tls" if context else "tcp"
    return await _measure(server, ended, kind, server.sockets[0].getsockname(), size, count)


async def _streams(size: int, count: int) -> Lap:
    ended = asyncio.Semaphore(0)
    server = await asyncio.start_server(partial(echo, size, ended), LOCALHOST, 0)
    return await _measure(server, ended, "tcp", server.sockets[0].getsockname(), size, count)


async def _tls(size: int, count: int) -> Lap:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    return await _protocol(size, count, context)


@io_row("io/tcp_protocol_1k", "1 KiB over TCP to a Protocol and back")
async def tcp_protocol_1k() -> Lap:
    return await _protocol(1 * KIB, 4_000)


@io_row("io/tcp_protocol_10k", "10 KiB over TCP to a Protocol and back")
async def tcp_protocol_10k() -> Lap:
    return await _protocol(10 * KIB, 2_000)


@io_row("io/tcp_protocol_100k", "100 KiB over TCP to a Protocol and back")
async def tcp_protocol_100k() -> Lap:
    return await _protocol(100 * KIB, 400)


@io_row("io/tcp_streams_1k", "1 KiB over TCP to streams and back")
async def tcp_streams_1k() -> Lap:
    return await _streams(1 * KIB, 4_000)


@io_row("io/tcp_streams_10k", "10 KiB over TCP to streams and back")
async def tcp_streams_10k() -> Lap:
    return await _streams(10 * KIB, 2_000)


@io_row("io/tcp_streams_100k", "100 KiB over TCP to streams and back")
async def tcp_streams_100k() -> Lap:
    return await _streams(100 * KIB, 400)


@io_row("io/tls_1k", "1 KiB over TLS to a Protocol and back")
async def tls_1k() -> Lap:
    return await _tls(1 * KIB, 2_000)


@io_row("io/tls_100k", "100 KiB over TLS to a Protocol and back")
async def tls_100k() -> Lap:
    return await _tls(100 * KIB, 400)


@io_row("io/unix_1k", "1 KiB over a Unix socket to a Protocol and back")
async def unix_1k() -> Lap:
    ended = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/echo"
        server = await loop.create_unix_server(lambda: Echo(ended), path)
        return await _measure(server, ended, "unix", path, KIB, 4_000)
