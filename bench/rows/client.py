"""The other side of the rows on input and output: a program that sends messages and checks echoes.

    python bench/rows/client.py tcp '["127.0.0.1", 8000]' 1024 4 1000

It has plain blocking sockets, so that no loop but the measured one takes part. Once each of its
connections has echoed something it says ``ready``; told to go, it sends as many messages as it was
asked for, and then says how many came back as they were sent. Every connection has one message on
its way at a time.
"""

import json
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CERTIFICATES = Path(__file__).resolve().parents[2] / "tests" / "certificates"

PATIENCE = struct.pack("ll", 20, 0)
"""For how long an echo is waited for, in seconds and microseconds, until the client gives up."""


def tcp(address: Any) -> socket.socket:
    """A connection without Nagle's delay: an echo would wait for what is never sent."""
    connection = socket.create_connection(tuple(address))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def tls(address: Any) -> ssl.SSLSocket:
    """The same, encrypted."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    return context.wrap_socket(tcp(address), server_hostname="localhost")


def unix(address: Any) -> socket.socket:
    """A connection to a path."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(address)
    return connection


def udp(address: Any) -> socket.socket:
    """A socket whose datagrams go there."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.connect(tuple(address))
    return connection


KINDS: dict[str, Callable[[Any], socket.socket]] = {
    "tcp": tcp,
    "tls": tls,
    "unix": unix,
    "udp": udp,
}


def main() -> None:
    """Do what the command line asks for; a wrong echo, or none, is an exception."""
    kind, address, size, connections, rounds = sys.argv[1:]
    sockets = [KINDS[kind](json.loads(address)) for _ in range(int(connections))]
    for connection in sockets:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
    echoes(sockets, int(size), 1)
    print("ready", flush=True)
    sys.stdin.readline()
    print(echoes(sockets, int(size), int(rounds)), flush=True)
    sys.stdin.readline()
    for connection in sockets:
        if isinstance(connection, ssl.SSLSocket):
            connection.unwrap()
        connection.close()


def echoes(sockets: list[socket.socket], size: int, rounds: int) -> int:
    """Send a message on every socket and wait for every echo, so many times; return the echoes.

    Raises:
        ValueError: Something else came back.
    """
    message, echo = bytearray(size), bytearray(size)
    count = 0
    for number in range(rounds):
        struct.pack_into("!q", message, 0, number)
        for connection in sockets:
            connection.sendall(message)
        for connection in sockets:
            receive(connection, echo)
            if echo != message:
                raise ValueError(f"message {number} came back as another one")
            count += 1
    return count


def receive(connection: socket.socket, buffer: bytearray) -> None:
    """Fill the buffer.

    Raises:
        EOFError: The connection ended before.
    """
    rest = memoryview(buffer)
    while rest:
        received = connection.recv_into(rest)
        if not received:
            raise EOFError("the server closed a connection")
        rest = rest[received:]


if __name__ == "__main__":
    main()
