"""``uvicorn.run`` makes the loop itself; a thread asks the server and then stops it.

uvicorn_run.py LOOP, where LOOP is one of uvicorn's names or ``module:function``.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import urllib.request

import uvicorn

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
port = listener.getsockname()[1]
listener.close()


async def app(scope, receive, send):
    """Answer with the module of the running loop's type."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                asyncio.get_running_loop().run_in_executor(None, ask)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    text = type(asyncio.get_running_loop()).__module__.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text})


def ask():
    """Ask from another thread as soon as the server listens, then interrupt the server."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(2000):
        try:
            with opener.open(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                print(answer.status, answer.read().decode())
                break
        except OSError:
            threading.Event().wait(0.005)
    os.kill(os.getpid(), signal.SIGTERM)


signal.signal(signal.SIGTERM, lambda *_: print("terminated"))
uvicorn.run(app, port=port, loop=sys.argv[1], log_level="warning", lifespan="on")
