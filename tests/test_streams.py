"""Transports and streams over our loop, plain and with TLS."""

import contextlib
import socket
import ssl

import pytest

import tls


async def shout(reader, writer):
    """Answer each line in capitals until the other side ends."""
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def ask(reader, writer, *lines):
    """Send lines and return what comes back."""
    answers = []
    for line in lines:
        writer.write(line)
        await writer.drain()
        answers.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answers


@contextlib.asynccontextmanager
async def serving(engine, callback, *, unix_path=None, **settings):
    """Serve on a free port of the loopback, or on a path; give the address.

    At the end the tasks of the connections are waited for, also of those that were not made.
    """
    before = engine.all_tasks()
    if unix_path is None:
        server = await engine.start_server(callback, "127.0.0.1", 0, **settings)
    else:
        server = await engine.start_unix_server(callback, unix_path, **settings)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        await server.wait_closed()
        if tasks := engine.all_tasks() - before:
            await engine.wait(tasks)


async def test_lines_over_tcp(engine, loop):
    async with serving(engine, shout) as (host, port):
        connection = await engine.open_connection(host, port)
        assert await ask(*connection, b"one\n", b"two\n") == [b"ONE\n", b"TWO\n"]


async def test_lines_over_a_unix_socket(engine, loop, tmp_path):
    async with serving(engine, shout, unix_path=str(tmp_path / "socket")) as path:
        connection = await engine.open_unix_connection(path)
        assert await ask(*connection, b"unix\n") == [b"UNIX\n"]


async def test_many_clients_at_once(engine, loop):
    async with serving(engine, shout) as (host, port):

        async def client(index):
            connection = await engine.open_connection(host, port)
            return await ask(*connection, b"%d a\n" % index, b"%d b\n" % index)

        answers = await engine.gather(*(client(index) for index in range(50)))
    assert answers == [[b"%d A\n" % index, b"%d B\n" % index] for index in range(50)]


async def test_large_transfer_with_flow_control(engine, loop):
    data = bytes(range(256)) * 16384

    async def send(reader, writer):
        for start in range(0, len(data), 65536):
            writer.write(data[start : start + 65536])
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with serving(engine, send) as (host, port):
        reader, writer = await engine.open_connection(host, port)
        assert await reader.read() == data
        writer.close()
        await writer.wait_closed()


async def test_cancelled_reader(engine, loop):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with serving(engine, silent) as (host, port):
        reader, writer = await engine.open_connection(host, port)
        reading = loop.create_task(reader.readline())
        await engine.sleep(0.001)
        reading.cancel()
        with pytest.raises(engine.CancelledError):
            await reading
        with pytest.raises(engine.TimeoutError):
            await engine.wait_for(reader.readline(), 0.001)
        writer.close()
        await writer.wait_closed()


async def test_lines_over_tls(engine, loop):
    async with serving(engine, shout, ssl=tls.server_context()) as (host, port):
        connection = await engine.open_connection(
            host, port, ssl=tls.client_context(), server_hostname="localhost"
        )
        certificate = connection[1].get_extra_info("peercert")
        assert certificate["subject"] == ((("commonName", "localhost"),),)
        assert await ask(*connection, b"secret\n") == [b"SECRET\n"]


async def test_tls_that_is_not_trusted(engine, loop, reports):
    async with serving(engine, shout, ssl=tls.server_context()) as (host, port):
        with pytest.raises(ssl.SSLCertVerificationError):
            await engine.open_connection(host, port, ssl=True)
    reports.clear()


async def test_tls_that_is_for_another_name(engine, loop, reports):
    async with serving(engine, shout, ssl=tls.server_context()) as (host, port):
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await engine.open_connection(
                host, port, ssl=tls.client_context(), server_hostname="example.invalid"
            )
    reports.clear()


async def test_connection_is_upgraded_to_tls(engine, loop):
    async def server(reader, writer):
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(tls.server_context())
        await shout(reader, writer)

    async with serving(engine, server) as (host, port):
        reader, writer = await engine.open_connection(host, port)
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(tls.client_context(), server_hostname="localhost")
        assert writer.get_extra_info("cipher")
        assert await ask(reader, writer, b"secret\n") == [b"SECRET\n"]


class Recorder:
    """A protocol that notes what happens to it."""

    def __init__(self, loop):
        self.events = []
        self.lost = loop.create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")

    def data_received(self, data):
        self.events.append(bytes(data))

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, error):
        self.events.append("lost")
        self.lost.set_result(error)

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")


async def test_protocol_is_told_in_order(engine, loop):
    here, there = socket.socketpair()
    _, protocol = await loop.create_connection(lambda: Recorder(loop), sock=here)
    there.sendall(b"bytes")
    there.shutdown(socket.SHUT_WR)
    assert await protocol.lost is None
    assert protocol.events == ["made", b"bytes", "eof", "lost"]
    there.close()


async def test_protocol_is_paused_and_resumed(engine, loop):
    here, there = socket.socketpair()
    there.setblocking(False)
    transport, protocol = await loop.create_connection(lambda: Recorder(loop), sock=here)
    data = b"x" * 2_000_000
    transport.write(data)
    assert protocol.events == ["made", "pause"]
    received = 0
    while received < len(data):
        received += len(await loop.sock_recv(there, 1 << 20))
    await engine.sleep(0.001)
    assert protocol.events == ["made", "pause", "resume"]
    transport.close()
    await protocol.lost
    there.close()


async def test_aborted_transport(engine, loop):
    here, there = socket.socketpair()
    transport, protocol = await loop.create_connection(lambda: Recorder(loop), sock=here)
    transport.abort()
    assert transport.is_closing()
    assert await protocol.lost is None
    there.close()


async def test_datagrams(engine, loop):
    class Echo(Recorder):
        def datagram_received(self, data, address):
            self.events.append(data)
            self.transport.sendto(data.upper(), address)

    class Client(Recorder):
        def datagram_received(self, data, address):
            self.events.append(data)
            self.transport.close()

    server, echo = await loop.create_datagram_endpoint(
        lambda: Echo(loop), local_addr=("127.0.0.1", 0)
    )
    address = server.get_extra_info("sockname")
    client, protocol = await loop.create_datagram_endpoint(
        lambda: Client(loop), remote_addr=address
    )
    client.sendto(b"hello")
    await protocol.lost
    assert protocol.events == ["made", b"HELLO", "lost"]
    server.close()
    await echo.lost
    assert echo.events == ["made", b"hello", "lost"]
