# An exception leaves a task's first step before anything else has run.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh
var = contextvars.ContextVar("var", default=0)

async def fails():
    raise ValueError("e")


async def interrupts():
    raise KeyboardInterrupt("k")


async def exits():
    raise SystemExit(3)


def program():
    stage.run(fails())
    stage.run(interrupts())
    box["t0"] = loop.create_task(exits(), name="exits")
    stage.run(fails())
    stage.run_turns(2)
