"""Operations of coroutines on locks, queues and their like, and many tasks at one of them."""

from .blocks import block, caught, outcome
from .expressions import name_option
from .operations import anywhere, in_loop, waiting
from .primitives import tool_call, tool_event, tool_for_block, tool_use, tool_wait
from .tree import Node, attempt


@anywhere(7)
def use_tool(draw):
    """Do something with a lock, queue or the like that does not wait."""
    return tool_call(draw)


@anywhere(0.2)
def renew_tool(draw):
    """Put a new lock, queue or the like in the place of one."""
    return Node(f'tools.renew("{draw.tool_name()}")')


@waiting(7)
def wait_for_tool(draw):
    """Wait for a lock, queue or the like."""
    name = draw.tool_name()
    return outcome(draw, name, tool_wait(draw, name))


@waiting(5)
def use_tool_in_block(draw):
    """Run statements that hold a lock or the like."""
    name = tool_for_block(draw)
    if name is None:
        return wait_for_tool(draw)
    before, draw.favourite = draw.favourite, name
    statements = [draw.say(f"{name} entered", "position"), *block(draw, 3)]
    draw.favourite = before
    head = f'async with tools["{name}"] as position:'
    return caught(draw, name, [Node(clauses=[(head, statements)])])


@in_loop(5)
def contend(draw):
    """Let several tasks wait for one thing; wake them and cancel some at turns close together."""
    draw.spend(6)
    name, label, tasks = draw.tool_name(), draw.task_name(), f"tasks_{draw.number()}"
    count = draw.rng.randint(2, 4)
    use = tool_use(draw, name)
    start = f'loop.create_task({use}, name=fresh("{label}"))'
    statements = [
        Node(f"{tasks} = [{start} for _ in range({count})]"),
        Node(clauses=[(f"for one in {tasks}:", [Node("one.add_done_callback(stage.show_end)")])]),
    ]
    moment = _moment(draw)
    for _ in range(draw.rng.randint(1, 5)):
        event = tool_event(draw, name, use)
        if draw.chance(0.4):
            number = 0 if draw.chance(0.5) else draw.rng.randrange(count)
            event = attempt("cancel one", f"{tasks}[{number}].cancel, {draw.message()}")
        when = moment if draw.chance(0.7) else _moment(draw)
        statements.append(Node(f"{when}, lambda: {event.text})"))
    return Node(clauses=[("if True:", statements)])


def _moment(draw):
    if draw.chance(0.4):
        return f"loop.call_later({draw.delay()}"
    return f"after({draw.rng.randint(0, 4)}"


@in_loop(2)
def make_several_tasks(draw):
    """Start tasks that all run the same, and cancel one of them at some turn."""
    count, name = draw.rng.randint(2, 4), draw.task_name()
    with draw.repeated(count):
        start = f'box["{name}"] = loop.create_task({draw.coroutine()}{name_option(draw)})'
    statements = [Node(start)]
    if draw.chance(0.6):
        message = draw.message()
        cancel = f'lambda one=box["{name}"]: attempt("{name}.cancel", one.cancel, {message})'
        turns = draw.rng.randint(1, 6)
        when = f"loop.call_later({draw.delay()}" if draw.chance(0.4) else f"after({turns}"
        statements.append(Node(f"if number == {draw.rng.randrange(count)}:\n    {when}, {cancel})"))
    return Node(clauses=[(f"for number in range({count}):", statements)])
