"""One token for tasks inside tasks: a server that shuts down, and a request with a deadline.

Each request gets a token of its own that follows the server's. Whatever works for a request is
given that token, however deep it is, and is cancelled at once with it.
"""

import asyncio

import stook


async def step(name, seconds):
    """Do a part of the work, and put the tools back in any case."""
    try:
        await asyncio.sleep(seconds)
        return name
    except asyncio.CancelledError:
        print(f"  {name}: stopped")
        raise


async def work(name, seconds, token):
    """Do the work for a request in two steps, each in a task of its own."""
    steps = [
        stook.create_task(step(f"{name}, step {number}", seconds), token=token) for number in (1, 2)
    ]
    return await stook.when_all(steps, token)


async def request(name, seconds, server, *, deadline):
    """Serve a request; give it up at its deadline, or when the server shuts down."""
    with stook.CancellationSource.linked(server) as source:
        source.cancel_after(deadline, "too late")
        try:
            print(name, "has", await work(name, seconds, source.token))
        except asyncio.CancelledError:
            print(name, "is given up:", source.token.reason)


async def main():
    server = stook.CancellationSource()
    server.token.register(lambda token: print("the server shuts down:", token.reason))

    await request("quick", 0.01, server.token, deadline=60)
    await request("slow", 60, server.token, deadline=0.01)

    requests = [request(name, 60, server.token, deadline=60) for name in ("one", "two")]
    serving = [asyncio.create_task(one) for one in requests]
    await asyncio.sleep(0.01)
    server.cancel("power is short")
    await asyncio.wait(serving)

    late = stook.create_task(step("late", 0), token=server.token)
    await asyncio.wait([late])
    print("a task of a cancelled token was begun:", not late.cancelled())


asyncio.run(main())
