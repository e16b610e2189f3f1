# What goes wrong while a coroutine is closed comes after the exception that closes it.
# ruff: noqa
# fmt: off

stage = Stage(clock='virtual', debug=False, tasks='plain', ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after


async def c0():
    async for item in a2():
        pass


async def a2():
    for one in asyncio.as_completed([box["t3"]], timeout=None):
        say("a2 as_completed gave", await one)
    yield "last"


def program():
    stage.run(c0())
