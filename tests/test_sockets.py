"""Sockets without transports: the ``sock_`` methods, readers and writers, name look-ups."""

import contextlib
import socket

import pytest


@pytest.fixture
def pair():
    """Give two connected sockets that do not block."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.setblocking(False)
        yield here, there


async def test_bytes_go_through(loop, pair):
    here, there = pair
    await loop.sock_sendall(here, b"hello")
    assert await loop.sock_recv(there, 100) == b"hello"
    buffer = bytearray(3)
    await loop.sock_sendall(there, b"you")
    assert await loop.sock_recv_into(here, buffer) == 3
    assert buffer == b"you"


async def test_receiving_waits(engine, loop, pair):
    here, there = pair
    receiving = loop.create_task(loop.sock_recv(here, 10))
    await engine.sleep(0)
    assert not receiving.done()
    there.send(b"late")
    assert await receiving == b"late"


async def test_more_than_the_buffers_hold(engine, loop, pair):
    here, there = pair
    data = bytes(range(256)) * 8192
    sending = loop.create_task(loop.sock_sendall(here, data))
    received = bytearray()
    while len(received) < len(data):
        received += await loop.sock_recv(there, 65536)
    await sending
    assert received == data


async def test_connect_and_accept(engine, loop):
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        client.setblocking(False)
        accepting = loop.create_task(loop.sock_accept(listener))
        await loop.sock_connect(client, listener.getsockname())
        server, address = await accepting
        with server:
            assert address == client.getsockname()
            await loop.sock_sendall(server, b"welcome")
            assert await loop.sock_recv(client, 10) == b"welcome"


async def test_refused_connection(loop):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = listener.getsockname()
    with socket.socket() as client:
        client.setblocking(False)
        with pytest.raises(ConnectionRefusedError):
            await loop.sock_connect(client, address)


async def test_datagrams(loop):
    with contextlib.ExitStack() as stack:
        here, there = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        )
        for end in (here, there):
            end.bind(("127.0.0.1", 0))
            end.setblocking(False)
        await loop.sock_sendto(here, b"datagram", there.getsockname())
        data, address = await loop.sock_recvfrom(there, 100)
        assert (data, address) == (b"datagram", here.getsockname())


async def test_cancelled_receiving_leaves_no_reader(engine, loop, pair):
    here, _ = pair
    receiving = loop.create_task(loop.sock_recv(here, 10))
    await engine.sleep(0)
    receiving.cancel()
    with pytest.raises(engine.CancelledError):
        await receiving
    assert loop.remove_reader(here) is False


async def test_blocking_sockets_are_refused_in_debug_mode(loop, pair):
    loop.set_debug(True)
    pair[0].setblocking(True)
    with pytest.raises(ValueError, match="^the socket must be non-blocking$"):
        await loop.sock_recv(pair[0], 1)


class TestReadersAndWriters:
    """``add_reader``, ``add_writer`` and their removal."""

    async def test_reader_is_called_with_its_arguments(self, engine, loop, pair):
        here, there = pair
        called = loop.create_future()

        def reader(*arguments):
            loop.remove_reader(here)
            called.set_result(arguments)

        loop.add_reader(here, reader, 1, 2)
        there.send(b"x")
        assert await called == (1, 2)

    async def test_reader_is_called_until_it_reads(self, engine, loop, pair):
        here, there = pair
        calls = []
        done = loop.create_future()

        def reader():
            calls.append(1)
            if len(calls) == 3:
                loop.remove_reader(here)
                done.set_result(None)

        loop.add_reader(here, reader)
        there.send(b"x")
        await done
        assert len(calls) == 3

    async def test_writer_is_called_when_there_is_room(self, engine, loop, pair):
        called = loop.create_future()
        loop.add_writer(pair[0], lambda: called.done() or called.set_result(True))
        assert await called
        assert loop.remove_writer(pair[0]) is True
        assert loop.remove_writer(pair[0]) is False

    async def test_both_on_one_socket(self, engine, loop, pair):
        here, there = pair
        seen = set()
        both = loop.create_future()

        def note(what):
            seen.add(what)
            if len(seen) == 2 and not both.done():
                both.set_result(None)

        loop.add_reader(here, note, "read")
        loop.add_writer(here, note, "write")
        there.send(b"x")
        await both
        assert loop.remove_reader(here)
        assert loop.remove_writer(here)

    async def test_later_reader_replaces_the_earlier(self, engine, loop, pair):
        here, there = pair
        called = loop.create_future()
        loop.add_reader(here, called.set_exception, AssertionError("the old one"))
        loop.add_reader(here, lambda: called.done() or called.set_result("the new one"))
        there.send(b"x")
        assert await called == "the new one"
        loop.remove_reader(here)

    async def test_removed_reader_is_not_called_in_the_turn_it_was_due(self, engine, loop):
        pairs = [socket.socketpair() for _ in range(2)]
        called = []

        def reader(index):
            called.append(index)
            for here, _ in pairs:
                loop.remove_reader(here)

        for index, (here, there) in enumerate(pairs):
            loop.add_reader(here, reader, index)
            there.send(b"x")
        for _ in range(200):
            await engine.sleep(0)
        await engine.sleep(0.002)
        assert len(called) == 1
        for ends in pairs:
            for end in ends:
                end.close()

    async def test_numbers_of_files_are_accepted(self, engine, loop, pair):
        here, there = pair
        called = loop.create_future()
        loop.add_reader(here.fileno(), lambda: called.done() or called.set_result(True))
        there.send(b"x")
        assert await called
        assert loop.remove_reader(here.fileno()) is True

    @pytest.mark.parametrize("thing", ["socket", -1, None, 5.5])
    def test_what_is_no_file_is_refused(self, loop, thing):
        with pytest.raises(ValueError, match="[Ii]nvalid file"):
            loop.add_reader(thing, print)

    def test_closed_loop_refuses(self, engine, pair):
        loop = engine.new_event_loop()
        loop.close()
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            loop.add_reader(pair[0], print)

    async def test_error_of_a_reader_is_reported(self, engine, loop, pair, reports):
        here, there = pair

        def fail():
            loop.remove_reader(here)
            raise LookupError("in a reader")

        loop.add_reader(here, fail)
        there.send(b"x")
        while not reports:
            await engine.sleep(0.001)
        assert isinstance(reports[0]["exception"], LookupError)


async def test_names_are_looked_up(loop):
    found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert found[0][4] == ("127.0.0.1", 80)
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert await loop.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")


async def test_name_that_does_not_exist(loop):
    with pytest.raises(socket.gaierror):
        await loop.getaddrinfo("host.invalid", 80, flags=socket.AI_NUMERICHOST)


async def test_send_file(engine, loop, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"0123456789" * 1000)
    with socket.socket() as listener, socket.socket() as client, path.open("rb") as file:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        client.setblocking(False)
        accepting = loop.create_task(loop.sock_accept(listener))
        await loop.sock_connect(client, listener.getsockname())
        server, _ = await accepting
        with server:
            assert await loop.sock_sendfile(server, file) == 10_000
            received = b""
            while len(received) < 10_000:
                received += await loop.sock_recv(client, 65536)
        assert received == path.read_bytes()
