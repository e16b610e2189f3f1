"""Statements within statements: what is caught around an await, and the blocks of others."""

from .expressions import quoted
from .operations import draw_block
from .tree import Node

LARGEST_DEPTH = 3
"""How deep statements may be within each other."""


def outcome(draw, what, expression, *operands):
    """Return a statement that awaits and says what came, catching errors or not."""
    what = quoted(what)
    line = Node(f'say("{draw.here} {what} gave", await {expression})', list(operands))
    choice = draw.rng.random()
    if choice < 0.35:
        return line
    handlers = [("except Exception as error:", [draw.say(f"{what} raised", "error")])]
    if choice > 0.75:
        statements = [draw.say(f"{what} cancelled", "error"), *after_cancel(draw)]
        handlers.insert(0, ("except asyncio.CancelledError as error:", statements))
    return Node(clauses=[("try:", [line]), *handlers])


def after_cancel(draw):
    """Return what follows a caught cancellation: swallow it, take it back, or pass it on."""
    choice = draw.rng.random()
    if choice < 0.35:
        return []
    if choice < 0.55:
        return [draw.say("uncancel", "asyncio.current_task().uncancel()")]
    if choice < 0.70:
        return [Node("await asyncio.sleep(0)"), Node("raise")]
    return [Node("raise")]


def block(draw, most):
    """Return the statements of a compound one, fewer the deeper it is."""
    draw.depth += 1
    size = draw.rng.randint(1, most) if draw.depth < LARGEST_DEPTH else 1
    statements = draw_block(draw, draw.place, size)
    draw.depth -= 1
    return statements


def caught(draw, what, statements):
    """Return statements, most often with what they raise caught."""
    if draw.chance(0.3):
        return Node(clauses=[("if True:", statements)])
    return Node(
        clauses=[
            ("try:", statements),
            ("except Exception as error:", [draw.say(f"{what} raised", "error")]),
        ]
    )
