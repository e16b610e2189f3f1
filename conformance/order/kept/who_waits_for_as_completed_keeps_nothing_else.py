# Up to 3.12 who waits for the next of as_completed does not keep alive what has not ended.
# ruff: noqa
# fmt: off

stage = Stage(clock='virtual', debug=False, tasks='plain', ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after


async def c0():
    async with asyncio.TaskGroup() as group:
        group.create_task(c1())


async def c1():
    for one in asyncio.as_completed([box["g1"]], timeout=None):
        box["g1"] = asyncio.ensure_future(one)


def program():
    box["t3"] = loop.create_task(c0())
    stage.run(c0())
    stage.collect()
    stage.cancel_all()
