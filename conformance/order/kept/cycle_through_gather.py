# Cancelling a task that awaits a gather of itself. Stock gives up with a RecursionError, which
# is not compared; that the process survives is.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh
var = contextvars.ContextVar("var", default=0)

async def main():
    await asyncio.gather(box["t0"])


def program():
    box["t0"] = loop.create_task(main())
    stage.run_turns(3)
    attempt("t0.cancel", box["t0"].cancel)
    stage.run_turns(3)
