"""The rows on input and output: their client, and that each of them runs."""

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from driver.row import Clock, WorkNotDone
from rows import ROWS, io_stream
from rows.peer import CONNECTIONS, round_trips

NAMES = [name for name in ROWS if name.startswith("io/")]


class Counting(io_stream.Echo):
    """Counts what all connections bring."""

    received = 0

    def data_received(self, data):
        type(self).received += len(data)
        super().data_received(data)


class Wrong(io_stream.Echo):
    """Changes the last byte of what it sends back, after the first messages."""

    def data_received(self, data):
        is_first = not any(data)
        super().data_received(data if is_first else data[:-1] + b"!")


class Closing(io_stream.Echo):
    """Sends nothing back."""

    def data_received(self, data):
        self.transport.close()


async def trips_to(protocol):
    ended = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(ended), "127.0.0.1", 0)
    async with server:
        try:
            return await round_trips("tcp", server.sockets[0].getsockname(), 64, 5 * CONNECTIONS)
        finally:
            for _ in range(CONNECTIONS):
                await ended.acquire()


def test_every_message_reaches_the_server():
    Counting.received = 0
    lap = asyncio.run(trips_to(Counting))
    assert lap.operations == 5 * CONNECTIONS
    warming = CONNECTIONS
    assert Counting.received == 64 * (lap.operations + warming)


def test_a_wrong_echo_is_refused():
    with pytest.raises(WorkNotDone, match="message 1 came back as another one"):
        asyncio.run(trips_to(Wrong))


def test_a_closed_connection_is_refused():
    with pytest.raises(WorkNotDone, match="not 'ready.*closed a connection|ConnectionReset"):
        asyncio.run(trips_to(Closing))


def test_what_waits_for_another_process_counts_for_nothing_and_by_its_own_time():
    rows = [ROWS[name] for name in NAMES]
    assert rows and not any(row.counts for row in rows)
    assert {row.clock for row in rows} == {Clock.PROCESSOR}
    others = {name for name, row in ROWS.items() if not row.counts} - set(NAMES)
    assert others == {"first/race_2_by_anyio"}


@pytest.mark.parametrize("name", NAMES)
def test_the_row_runs(name):
    lap = asyncio.run(ROWS[name].workload())
    assert lap.operations > 0 and lap.processor > 0
