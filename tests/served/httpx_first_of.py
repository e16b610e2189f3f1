"""httpx asks several slow pages at once; the first answer is taken and the others are cancelled.

The server is asyncio's own. httpx_first_of.py PLAIN_OR_TLS CERTIFICATES
"""

import asyncio
import contextlib
import ssl
import sys

import httpx

SCHEME, CERTIFICATES = sys.argv[1:]
over = asyncio.Event()
serving = set()


async def serve(reader, writer):
    """Answer one request after as many hundredths of a second as its path says."""
    serving.add(asyncio.current_task())
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        head = await reader.readuntil(b"\r\n\r\n")
        number = int(head.split()[1].removeprefix(b"/"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), number / 100)
        body = b"page %d" % number
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body))
        writer.write(b"Connection: close\r\n\r\n" + body)
        await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def main():
    print("loop:", type(asyncio.get_running_loop()).__module__)
    context = None
    if SCHEME == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{CERTIFICATES}/server.pem", f"{CERTIFICATES}/server.key")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    verify = httpx.create_ssl_context(verify=f"{CERTIFICATES}/authority.pem")
    base = f"{SCHEME}://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, verify=verify, trust_env=False) as client:

        async def fetch(number):
            return (await client.get(f"/{number}")).text

        tasks = [asyncio.create_task(fetch(number)) for number in (500, 1, 600)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        print([task.result() for task in done], len(pending))
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        print([task.cancelled() for task in tasks])
        print(await asyncio.gather(*(fetch(number) for number in (3, 2, 1))))
        try:
            async with asyncio.timeout(0.05):
                await fetch(500)
        except TimeoutError:
            print("too slow")
    server.close()
    over.set()
    await asyncio.wait(serving)
    print("ended")


asyncio.run(main())
