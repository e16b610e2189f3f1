"""The first of three requests over HTTP; the other two are cancelled."""

import asyncio

TITLES = {
    "/posts/1": b"sunt aut facere repellat provident occaecati excepturi optio reprehenderit",
}
"""What is answered; of other posts, nothing for as long as the program runs."""


async def answer(reader, writer):
    """Answer one request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(maxsplit=2)[1].decode()
        if path not in TITLES:
            await reader.read()
            return
        title = TITLES[path]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(title), title))
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


async def fetch(port, post):
    """Return the title of a post."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /posts/%d HTTP/1.1\r\nhost: localhost\r\n\r\n" % post)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(maxsplit=1)[0])
        return (await reader.readexactly(length)).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def main():
    """Ask for three posts."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        tasks = [asyncio.create_task(fetch(port, post)) for post in (1, 2, 3)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            print("First result:", task.result())
        print("Still pending:", len(pending), "tasks")
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
