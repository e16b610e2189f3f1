# Asking a pending task, future or gathering future for its outcome.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh
var = contextvars.ContextVar("var", default=0)

async def main():
    box["t0"] = asyncio.create_task(asyncio.sleep(1))
    box["g0"] = asyncio.gather(box["f0"])
    for name in ("t0", "f0", "g0"):
        attempt("result", box[name].result)
        attempt("exception", box[name].exception)


def program():
    stage.run(main())
    stage.cancel_all()
