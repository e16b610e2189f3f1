"""aiohttp on both ends of the loopback: requests, streams, a web socket, a client that leaves.

aiohttp_both.py PLAIN_OR_TLS CERTIFICATES
"""

import asyncio
import ssl
import sys

import aiohttp
from aiohttp import web

SCHEME, CERTIFICATES = sys.argv[1:]


async def echo(request):
    """Answer with the JSON that came."""
    return web.json_response({"got": await request.json()})


async def stream(request):
    """Answer in pieces."""
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(10):
        await response.write(b"%d" % number * 20_000)
        await asyncio.sleep(0)
    await response.write_eof()
    return response


async def shout(request):
    """Answer each message of a web socket in capitals."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data.upper())
    return socket


async def wait(request):
    """Never answer; say so when the client leaves."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("the handler is cancelled")
        raise


async def ask(session):
    """Ask the server for everything it has."""
    async with session.post("/echo", json=[1, "two"]) as answer:
        print(answer.status, await answer.json())
    async with session.get("/stream") as answer:
        body = await answer.read()
        print(answer.status, len(body), body[:1], body[-1:])
    async with session.get("/nothing") as answer:
        print(answer.status)

    async def one(number):
        async with session.post("/echo", json=number) as answer:
            return (await answer.json())["got"]

    print(await asyncio.gather(*(one(number) for number in range(40))) == list(range(40)))

    async with session.ws_connect("/shout") as socket:
        for text in ("one", "two"):
            await socket.send_str(text)
            print((await socket.receive()).data)

    try:
        await session.get("/wait", timeout=aiohttp.ClientTimeout(total=0.05))
    except TimeoutError:
        print("the client gives up")
    waiting = asyncio.create_task(session.get("/wait"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("the client is cancelled")
    await asyncio.sleep(0.05)


async def main():
    print("loop:", type(asyncio.get_running_loop()).__module__)
    app = web.Application()
    app.add_routes(
        [
            web.post("/echo", echo),
            web.get("/stream", stream),
            web.get("/shout", shout),
            web.get("/wait", wait),
        ]
    )
    inside = outside = None
    if SCHEME == "https":
        inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inside.load_cert_chain(f"{CERTIFICATES}/server.pem", f"{CERTIFICATES}/server.key")
        outside = ssl.create_default_context(cafile=f"{CERTIFICATES}/authority.pem")
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=inside)
    await site.start()
    port = runner.addresses[0][1]
    connector = aiohttp.TCPConnector(ssl=outside or True)
    base = f"{SCHEME}://127.0.0.1:{port}"
    async with aiohttp.ClientSession(base, connector=connector, trust_env=False) as session:
        await ask(session)
    await runner.cleanup()
    print("ended")


asyncio.run(main())
