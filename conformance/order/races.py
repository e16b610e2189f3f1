"""Waits and what ends them, due at one moment: the order then decides which of them wins."""

from .blocks import caught, outcome
from .expressions import quoted
from .operations import waiting
from .primitives import tool_call, tool_wait
from .tree import Node, attempt


@waiting(6)
def race(draw):
    """Wait, with a limit, for what is scheduled to happen when the limit is reached."""
    delay = draw.delay()
    name = draw.rng.choice(("f0", "f1", "f2", "f3"))
    tool = draw.tool_name()
    awaited = draw.rng.choice((f'box["{name}"]', f'box["{name}"]', tool_wait(draw, tool)))
    events = [_event(draw, name) for _ in range(draw.rng.randint(1, 3))]
    statements = [_scheduled(draw, event, delay) for event in events]
    if draw.chance(0.5):
        statements.insert(0, Node(f'box["{name}"] = stage.new_future()'))
    if draw.chance(0.3):
        awaited = f"asyncio.shield({awaited})"
    statements.append(_limited(draw, awaited, delay))
    return Node(clauses=[("if True:", statements)])


def _event(draw, name):
    choice = draw.rng.random()
    if choice < 0.35:
        return attempt(f"{name}.set_result", f'box["{name}"].set_result, {draw.number()}')
    if choice < 0.53:
        return attempt(f"{name}.set_exception", f'box["{name}"].set_exception, {draw.error()}')
    if choice < 0.6:
        return attempt(f"{name}.cancel", f'box["{name}"].cancel, {draw.message()}')
    if choice < 0.8:
        return attempt("me.cancel", f"me.cancel, {draw.message()}")
    return tool_call(draw)


def _scheduled(draw, event, delay):
    function = f"lambda me=asyncio.current_task(): {event.text}"
    choice = draw.rng.random()
    if choice < 0.25:
        return Node(f"after({draw.rng.randint(0, 4)}, {function})")
    if choice < 0.4:
        return Node(f"loop.call_soon({function})")
    if choice < 0.55:
        function = f"lambda me=asyncio.current_task(): loop.call_soon(lambda: {event.text})"
    return Node(f"loop.call_later({delay}, {function})")


def _limited(draw, awaited, delay):
    """Return a statement that waits for something no longer than the delay."""
    way = draw.rng.choice(("wait_for", "wait", "timeout", "timeout", "as_completed", "group"))
    if way == "wait_for":
        return outcome(draw, "wait_for", f"asyncio.wait_for({awaited}, {delay})")
    future = f"asyncio.ensure_future({awaited})"
    if way == "wait":
        kind = draw.rng.choice(("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"))
        others = ', box["f0"]' if draw.chance(0.5) else ""
        futures = f"stage.at_most_one_done([{future}{others}])"
        options = f"timeout={delay}, return_when=asyncio.{kind}"
        return outcome(draw, "wait", f"asyncio.wait({futures}, {options})")
    if way == "timeout":
        scope = f"timeout_{draw.number()}"
        inner = [outcome(draw, quoted(awaited), awaited)]
        head = f'async with stage.scope("s0", asyncio.timeout({delay})) as {scope}:'
        over = draw.say("timeout over", f"{scope}.expired()", "asyncio.current_task().cancelling()")
        return caught(draw, "timeout", [Node(clauses=[(head, inner)]), over])
    if way == "group":
        group = f"group_{draw.number()}"
        inner = [
            Node(f"{group}.create_task(asyncio.sleep({delay}))"),
            outcome(draw, quoted(awaited), awaited),
        ]
        head = f'async with stage.group("u0") as {group}:'
        return caught(draw, "group", [Node(clauses=[(head, inner)])])
    line = draw.say("as_completed gave", "await one")
    chosen = f"stage.at_most_one_done([{future}, asyncio.sleep({delay})])"
    head = f"for one in asyncio.as_completed({chosen}, timeout={delay}):"
    return caught(draw, "as_completed", [Node(clauses=[(head, [line])])])
