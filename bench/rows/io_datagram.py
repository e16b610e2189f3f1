"""Echoes of datagrams. One operation is one datagram, there and back (`peer.py`)."""

import asyncio
from typing import cast

from driver.row import Lap
from rows.peer import io_row, round_trips


class Echo(asyncio.DatagramProtocol):
    """Sends back what it receives."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


@io_row("io/udp_1k", "a datagram of 1 KiB to a DatagramProtocol and back")
async def udp_1k() -> Lap:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    lap = await round_trips("udp", transport.get_extra_info("sockname"), 1024, 4_000)
    transport.close()
    return lap
