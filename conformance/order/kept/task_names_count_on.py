# Whether a named task uses up a number differs between versions and ways to make it.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh
var = contextvars.ContextVar("var", default=0)

async def nothing():
    pass


async def main():
    for make in (
        lambda: asyncio.create_task(nothing(), name="named"),
        lambda: asyncio.create_task(nothing(), name="named", context=contexts["x0"]),
        lambda: asyncio.create_task(nothing()),
        lambda: loop.create_task(nothing(), name="named"),
        lambda: asyncio.Task(nothing(), name="named", loop=loop),
        lambda: asyncio.ensure_future(nothing()),
    ):
        box["t0"] = make()
        say("made", box["t0"])
        box["t1"] = asyncio.Task(nothing(), loop=loop)
        say("then made", box["t1"])


def program():
    stage.run(main())
