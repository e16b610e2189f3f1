"""Serves a page over HTTP on one implementation; `run_http.py` starts it.

    python bench/serve.py uvloop aiohttp
    python -m stook bench/serve.py stook uvicorn

It prints a line of JSON, the port and what serves, and ends when its standard input does.
"""

import argparse
import asyncio
import json
import socket
import sys

from driver.engines import ENGINES
from serving.servers import SERVERS, Server


def main() -> None:
    """Serve what the command line asks for."""
    parser = argparse.ArgumentParser(description="Serve a page over HTTP on one implementation.")
    parser.add_argument("implementation", choices=ENGINES)
    parser.add_argument("server", choices=SERVERS)
    arguments = parser.parse_args()
    engine = ENGINES[arguments.implementation]
    with asyncio.Runner(loop_factory=engine.loop_factory(), debug=False) as runner:
        engine.prepare(runner.get_loop())
        runner.run(serve(SERVERS[arguments.server]))


async def serve(server: Server) -> None:
    """Serve until nobody is there to ask for more."""
    loop = asyncio.get_running_loop()
    # Loops switch Nagle's delay off where a socket says that it is TCP, as their own do.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        async with server(listener) as description:
            print(json.dumps({"port": port, "serves": description}), flush=True)
            await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    main()
