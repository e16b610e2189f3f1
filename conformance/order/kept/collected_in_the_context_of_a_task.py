# Stock keeps a task whose timeout passed alive in a cycle, through the frames of the traceback. A
# collection in the context of that task, where its report would be lost, does not take place.
# ruff: noqa
# fmt: off

stage = Stage(clock="virtual", debug=False, tasks="plain", ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
say, attempt, fresh = stage.say, stage.attempt, stage.fresh


async def limited():
    await asyncio.wait_for(asyncio.shield(box["f0"]), 1)


async def main():
    box["t0"] = loop.create_task(limited(), context=contexts["x0"])
    box["t0"] = loop.create_task(limited())
    await asyncio.wait([box["t0"]])


def collect(task):
    stage.collect()


def program():
    stage.run(main())
    box["t0"].add_done_callback(collect, context=contexts["x0"])
    stage.run_turns(1)
