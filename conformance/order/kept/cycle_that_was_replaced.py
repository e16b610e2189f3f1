# A task that awaits itself ends by RecursionError on stock asyncio; another takes its name.
# ruff: noqa
# fmt: off
stage = Stage(clock='virtual', debug=False, tasks='plain', ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
tools, scopes, groups, gens, calls = stage.named
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after
var = contextvars.ContextVar("var", default=0)


async def c0():
    box["t0"] = loop.create_task(c4())


def k1(*arguments):
    box["t0"] = asyncio.Task(c4(), loop=loop)
    attempt("t0.cancel", box["t0"].cancel)


async def c4():
    say("c4 gather gave", await asyncio.gather(*[asyncio.wait_for(box["t0"], 0), box["t0"]]))


def program():
    handles["h0"] = loop.call_later(3, k1, "said")
    stage.run(c0())
    stage.run(box["t1"])
