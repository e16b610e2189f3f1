# The callback that wait left on a future is scheduled already when wait ends otherwise.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh
var = contextvars.ContextVar("var", default=0)

async def child():
    say("child begins")


async def main():
    attempt("cancel self", lambda: asyncio.current_task().cancel("m"))
    say("wait gave", await asyncio.wait([asyncio.create_task(child())]))


async def times_out():
    children = [asyncio.gather(child()), asyncio.create_task(asyncio.sleep(1))]
    say("wait gave", await asyncio.wait(children, timeout=5e-10))
    say("wait gave", await asyncio.wait(children, timeout=-1, return_when=asyncio.FIRST_EXCEPTION))


def program():
    stage.run(main())
    stage.run(times_out())
    stage.run_turns(3)
