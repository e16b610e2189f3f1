"""Operations that do not wait: they make, settle, cancel, schedule and look."""

from .expressions import awaitable, future, gathering, name_option
from .operations import anywhere, in_loop
from .sharing import tool_call
from .tree import Node, attempt


def _arguments(draw):
    return f", {draw.number()}" if draw.chance(0.4) else ""


@anywhere(8)
def make_task(draw):
    """Start a task."""
    name = draw.task_name()
    options = name_option(draw) + draw.task_context_option()
    return Node(f'box["{name}"] = loop.create_task({draw.coroutine()}{options})')


@in_loop(5)
def make_task_elsewhere(draw):
    """Start a task in one of the other ways."""
    name = draw.task_name()
    ways = ["asyncio.ensure_future($0)", f"asyncio.create_task($0{name_option(draw)})"]
    ways.append(f"asyncio.Task($0, loop=loop{name_option(draw)})")
    if draw.version >= (3, 12):
        ways.append(f"asyncio.Task($0, loop=loop, eager_start=True{name_option(draw)})")
    way = draw.rng.choice(ways)
    return Node(f'box["{name}"] = {way}', [Node(draw.coroutine())])


@in_loop(2)
def make_gather(draw):
    """Gather without awaiting it."""
    found = gathering(draw)
    return Node(f'box["{draw.other_name()}"] = {found.text}', found.operands)


@anywhere(1)
def make_gather_of_futures(draw):
    """Gather what already exists."""
    names = ", ".join(f'box["{draw.any_name()}"]' for _ in range(draw.rng.randint(1, 3)))
    option = ", return_exceptions=True" if draw.chance(0.4) else ""
    return Node(f'box["{draw.other_name()}"] = asyncio.gather({names}{option})')


@in_loop(1)
def make_shield(draw):
    """Shield without awaiting it."""
    return Node(f'box["{draw.other_name()}"] = asyncio.shield($0)', [awaitable(draw)])


@in_loop(0.5)
def make_ensured(draw):
    """Give ensure_future something."""
    return Node(f'box["{draw.other_name()}"] = asyncio.ensure_future($0)', [future(draw)])


@anywhere(6)
def settle(draw):
    """Set the outcome of a future."""
    name = draw.future_name()
    if draw.chance(0.6):
        return attempt(f"{name}.set_result", f'box["{name}"].set_result, {draw.number()}')
    return attempt(f"{name}.set_exception", f'box["{name}"].set_exception, {draw.error()}')


@anywhere(7)
def cancel(draw):
    """Cancel a task or future."""
    name, message = draw.any_name(), draw.message()
    return attempt(f"{name}.cancel", f'box["{name}"].cancel{message and ", " + message}')


@anywhere(4)
def show_state(draw):
    """Say how a task or future is."""
    return Node(f'stage.show_state("{draw.any_name()}")')


@anywhere(1)
def show_repr(draw):
    """Say what repr gives for a task, a future, a handle, a lock or the like."""
    name, kind = draw.any_name(), "box"
    if draw.chance(0.3):
        name, kind = draw.tool_name(), "tools"
    elif draw.chance(0.2):
        return Node(f'stage.show_repr("a handle", handles.get("{draw.handle_name()}"))')
    elif draw.chance(0.2):
        name, kind = draw.scope_name(), "scopes"
    elif draw.chance(0.2):
        name, kind = draw.group_name(), "groups"
    return Node(f'stage.show_repr("{name}", {kind}["{name}"])')


@anywhere(0.5)
def show_stack(draw):
    """Say where a task waits."""
    return Node(f'stage.show_stack("{draw.any_name()}")')


@anywhere(2)
def retrieve(draw):
    """Retrieve an outcome."""
    name, method = draw.any_name(), draw.rng.choice(("result", "exception"))
    return attempt(f"{name}.{method}", f'box["{name}"].{method}')


@anywhere(6)
def call_soon(draw):
    """Schedule a callback for the next turn."""
    method = "call_soon" if draw.chance(0.85) else "call_soon_threadsafe"
    callback = draw.callback()
    arguments = (_arguments(draw) or ', "said"') + draw.context_option()
    return Node(f'handles["{draw.handle_name()}"] = loop.{method}({callback}{arguments})')


@anywhere(5)
def call_later(draw):
    """Schedule a callback for a time."""
    callback, delay = draw.callback(), draw.delay()
    arguments = (_arguments(draw) or ', "said"') + draw.context_option()
    when = f"call_later({delay}" if draw.chance(0.6) else f"call_at(loop.time() + {delay}"
    return Node(f'handles["{draw.handle_name()}"] = loop.{when}, {callback}{arguments})')


@anywhere(4)
def settle_later(draw):
    """Schedule that the outcome of a future is set."""
    return _scheduled(draw, settle(draw))


@anywhere(3)
def cancel_later(draw):
    """Schedule the cancel of a task or future."""
    return _scheduled(draw, cancel(draw))


@anywhere(5)
def use_tool_later(draw):
    """Schedule that something is done with a lock, queue or the like."""
    return _scheduled(draw, tool_call(draw))


def _scheduled(draw, statement):
    choice = draw.rng.random()
    call = f"loop.call_later({draw.delay()}, "
    if choice < 0.2:
        call = "loop.call_soon("
    elif choice < 0.5:
        call = f"after({draw.rng.randint(1, 6)}, "
    return Node(f"{call}lambda: {statement.text})")


@anywhere(1)
def call_several_at_once(draw):
    """Schedule more callbacks for one deadline than a heap keeps in order of arrival."""
    count, delay = draw.rng.randint(3, 8), draw.delay()
    call = f'loop.call_at(loop.time() + {delay}, say, "{draw.here} number", number)'
    return Node(clauses=[(f"for number in range({count}):", [Node(call)])])


@anywhere(2)
def cancel_handle(draw):
    """Cancel a handle."""
    return Node(f'stage.cancel_handle("{draw.handle_name()}")')


@anywhere(5)
def add_callback(draw):
    """Add a done-callback, at times the same one twice, at times to remove it some turns later."""
    name, callback = draw.any_name(), draw.callback()
    argument = '"is done", ' if callback == "say" else ""
    if argument:
        return Node(f'box["{name}"].add_done_callback(lambda done: say({argument}done))')
    add = f'box["{name}"].add_done_callback({callback}{draw.context_option()})'
    lines = [add] * (2 if draw.chance(0.15) else 1)
    if draw.chance(0.25):
        one = f'box["{name}"].remove_done_callback'
        remove = f'attempt("{name}.remove_done_callback", {one}, {callback})'
        lines.append(f"after({draw.rng.randint(0, 3)}, lambda: {remove})")
    return Node("\n".join(lines))


@anywhere(2)
def remove_callback(draw):
    """Remove a done-callback."""
    name = draw.any_name()
    return attempt(
        f"{name}.remove_done_callback", f'box["{name}"].remove_done_callback, {draw.callback()}'
    )


@anywhere(2)
def set_variable(draw):
    """Set the context variable."""
    return Node(f"var.set({draw.number()})")


@anywhere(3)
def show_variable(draw):
    """Say what the context variable is."""
    return draw.say("var is", "var.get()")


@anywhere(1)
def run_in_context(draw):
    """Call a callback in a context."""
    callback = draw.callback()
    return attempt("Context.run", f'contexts["{draw.context_name()}"].run, {callback}, "by run"')


@anywhere(0.2)
def run_within(draw):
    """Try to run the loop, which fails where it runs already."""
    if draw.place == "outside":
        return Node(f'stage.run(box["{draw.any_name()}"])')
    return attempt("run", f'loop.run_until_complete, box["{draw.any_name()}"]')


@anywhere(0.4)
def report(draw):
    """Report something to the exception handler, or let it fail at the next report."""
    if draw.chance(0.5):
        return Node(f"stage.let_handler_raise({draw.error()})")
    text = f'{{"message": "reported", "exception": {draw.error()}}}'
    return Node(f"loop.call_exception_handler({text})")


@anywhere(0.6)
def stop(draw):
    """Stop the loop at the end of this turn."""
    return Node("loop.stop()")


@anywhere(1.5)
def forget(draw):
    """Let go of a task or future."""
    return Node(f'box.pop("{draw.any_name()}", None)')


@anywhere(1)
def collect(draw):
    """Collect garbage."""
    return Node("stage.collect()")


@anywhere(1)
def show_tasks(draw):
    """Say which tasks there are."""
    return draw.say("all tasks", "asyncio.all_tasks(loop)")


@anywhere(1)
def show_time(draw):
    """Say how late it is; on the real clock, nothing in particular."""
    return draw.say("time", "round(stage.elapsed(), 6)")
