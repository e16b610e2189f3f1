# A task that a closed loop refuses to wake lives as long as the error: until the barrier that another
# one leaves has released its lock.
# ruff: noqa
# fmt: off

stage = Stage(clock='virtual', debug=False, tasks='plain', ticking=False)
loop, box, handles, contexts = stage.loop, stage.box, stage.handles, stage.contexts
tools, scopes, groups, gens, calls = stage.named
say, attempt, fresh, after = stage.say, stage.attempt, stage.fresh, stage.after
var = contextvars.ContextVar("var", default=0)


async def c0():
    box["t3"] = loop.create_task(c2())
    attempt("f1.set_exception", box["f1"].set_exception, KeyError("e31"))
    box["t1"].add_done_callback(k1)


def k1(*arguments):
    loop.stop()
    tasks_29 = [loop.create_task(hold(tools["barrier1"], 2)) for _ in range(4)]


async def c2():
    box["f1"].add_done_callback(k3)
    after(2, lambda: attempt("f1.remove_done_callback", box["f1"].remove_done_callback, k3))


def k3(*arguments):
    loop.call_soon(lambda: attempt("t1.cancel", box["t1"].cancel))


def program():
    stage.run(c0())
    stage.run_in_runner(c2())
