# The factory of eager tasks is stook's where asyncio's is: what it makes is the current task.
# ruff: noqa
# fmt: off

stage = Stage(tasks="eager" if sys.version_info >= (3, 12) else "plain")
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh


async def child():
    say("child begins")
    attempt("cancelling", lambda: asyncio.current_task().cancelling())
    await asyncio.sleep(0)
    say("child woke")


async def main():
    box["t0"] = loop.create_task(child(), name="t0")
    say("main goes on")
    await box["t0"]


def program():
    stage.run(main())
