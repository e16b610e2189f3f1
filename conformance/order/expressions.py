"""Expressions that a random program awaits or gives to gather and its kin."""

from .primitives import tool_wait
from .tree import Node


def quoted(expression):
    """Return an expression as it may stand in a string of the program."""
    return expression.replace('"', "'")


def reference(draw, _depth=0):
    """Return a task, future or gathering future by name."""
    return Node(f'box["{draw.any_name()}"]')


def awaitable(draw, depth=2):
    """Return anything that can be awaited, coroutines included."""
    choice = draw.rng.random()
    if choice < 0.40 or not depth:
        return reference(draw)
    if choice < 0.55:
        return Node(draw.coroutine())
    if choice < 0.66:
        return Node(tool_wait(draw))
    if choice < 0.68:
        return Node(f'anext(gens["{draw.generator_name()}"])')
    if choice < 0.75:
        result = f', "slept {draw.number()}"' if draw.chance(0.5) else ""
        return Node(f"asyncio.sleep({draw.delay()}{result})")
    if choice < 0.80:
        return Node("asyncio.wait_for($0, " + draw.timeout() + ")", [awaitable(draw, depth - 1)])
    return future(draw, depth)


def future(draw, depth=2):
    """Return a future of any kind, never a coroutine."""
    choice = draw.rng.random()
    if choice < 0.60 or not depth:
        return reference(draw)
    if choice < 0.75:
        return Node(f"asyncio.create_task({draw.coroutine()}{name_option(draw)})")
    if choice < 0.80:
        return Node("asyncio.ensure_future($0)", [awaitable(draw, depth - 1)])
    if choice < 0.87:
        return Node("asyncio.shield($0)", [awaitable(draw, depth - 1)])
    return gathering(draw, depth - 1)


def gathering(draw, depth=1):
    """Return a call of gather."""
    option = ", return_exceptions=True" if draw.chance(0.4) else ""
    children = several(draw, awaitable, depth)
    return Node(f"asyncio.gather(*[$*]{option})", children)


def several(draw, one, depth):
    """Return some expressions, now and then the same one twice, now and then none."""
    count = draw.rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
    found = [one(draw, depth) for _ in range(count)]
    if found and found[0].text.startswith("box[") and draw.chance(0.2):
        found.append(Node(found[0].text))
    return found


def name_option(draw):
    """Return ``, name=…`` to add to a call that makes a task, or nothing."""
    return f', name=fresh("{draw.task_name()}")' if draw.chance(0.8) else ""
