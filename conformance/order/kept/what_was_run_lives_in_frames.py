# A task's error has a traceback whose frames lead to the run that failed, and so to what was run.
# ruff: noqa
# fmt: off
stage = Stage(clock='virtual', debug=False, tasks='plain', ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
tools, scopes, groups, gens, calls = stage.named
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after
var = contextvars.ContextVar("var", default=0)


async def c0():
    box["t1"] = loop.create_task(tools["condition0"].wait())
    for one in asyncio.as_completed(stage.at_most_one_done([box["g1"]]), timeout=None):
        say("c0 as_completed gave", await one)


def k2(*arguments):
    stage.collect()


def program():
    stage.run(c0())
    box["g1"] = asyncio.gather(box["t2"])
    handles["h0"] = loop.call_soon(k2, 18)
    stage.run_turns(3)
    stage.cancel_all()
