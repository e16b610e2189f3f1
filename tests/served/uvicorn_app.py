"""uvicorn serves an ASGI application, and httpx asks it, in one loop.

uvicorn_app.py PLAIN_OR_TLS CERTIFICATES
"""

import asyncio
import sys

import httpx
import uvicorn

SCHEME, CERTIFICATES = sys.argv[1:]


async def app(scope, receive, send):
    """Answer ``/echo`` with the body, ``/stream`` in pieces, ``/wait`` never."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/wait":
        message = await receive()
        print("the server is told:", message["type"])
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/stream":
        for number in range(5):
            chunk = b"%d" % number * 10_000
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
        body = b""
    await send({"type": "http.response.body", "body": body[::-1]})


async def ask(client):
    """Ask the server for everything it has."""
    answer = await client.post("/echo", content=b"hello")
    print(answer.status_code, answer.text)
    answer = await client.get("/stream")
    print(answer.status_code, len(answer.content), answer.text[0], answer.text[-1])
    answers = await asyncio.gather(
        *(client.post("/echo", content=b"%03d" % number) for number in range(40))
    )
    print([answer.text for answer in answers] == [f"{n:03}"[::-1] for n in range(40)])

    waiting = asyncio.create_task(client.get("/wait"))
    answer = await client.post("/echo", content=b"meanwhile")
    print(answer.text, waiting.done())
    await asyncio.sleep(0.05)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        print("the client is cancelled")
    await asyncio.sleep(0.05)


async def main():
    print("loop:", type(asyncio.get_running_loop()).__module__)
    settings = {}
    if SCHEME == "https":
        settings["ssl_certfile"] = f"{CERTIFICATES}/server.pem"
        settings["ssl_keyfile"] = f"{CERTIFICATES}/server.key"
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="on", **settings)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    verify = httpx.create_ssl_context(verify=f"{CERTIFICATES}/authority.pem")
    base = f"{SCHEME}://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, verify=verify, trust_env=False) as client:
        await ask(client)
    server.should_exit = True
    await serving
    print("ended")


asyncio.run(main())
