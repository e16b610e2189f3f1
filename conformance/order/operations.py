"""The table of operations: what a random program can be made of, and how likely each is.

An operation is a function that draws one statement. Where it may stand follows from the decorator:

``anywhere``
    In coroutines, in callbacks, and outside the running loop.
``in_loop``
    Where the loop is running.
``waiting``
    In coroutines and asynchronous generators.
``yielding``
    In asynchronous generators.
"""

from .tree import Node

ANYWHERE, IN_LOOP, WAITING, YIELDING = "anywhere", "in_loop", "waiting", "yielding"

PLACES = {
    "outside": (ANYWHERE,),
    "callback": (ANYWHERE, IN_LOOP),
    "coroutine": (ANYWHERE, IN_LOOP, WAITING),
    "generator": (ANYWHERE, IN_LOOP, WAITING, YIELDING),
}
"""Which operations there are in each place."""

OPERATIONS = {ANYWHERE: {}, IN_LOOP: {}, WAITING: {}, YIELDING: {}}
"""Name to ``(weight, draw)`` for each kind."""


def anywhere(weight):
    """Register an operation that needs no running loop."""
    return _registering(ANYWHERE, weight)


def in_loop(weight):
    """Register an operation that needs the running loop."""
    return _registering(IN_LOOP, weight)


def waiting(weight):
    """Register an operation that awaits, or is about the task that runs it."""
    return _registering(WAITING, weight)


def yielding(weight):
    """Register an operation that yields from an asynchronous generator."""
    return _registering(YIELDING, weight)


def all_weights():
    """Return the weight of every operation by name."""
    return {name: weight for table in OPERATIONS.values() for name, (weight, _) in table.items()}


def _registering(kind, weight):
    def register(draw_one):
        OPERATIONS[kind][draw_one.__name__] = weight, draw_one
        return draw_one

    return register


def draw_block(draw, place, size):
    """Return about ``size`` random statements for a place."""
    statements = []
    for _ in range(size):
        if not draw.has_cost_left():
            break
        statements.append(_draw_statement(draw, place))
    if place != "outside" and draw.chance(draw.weights["ending"]):
        statements.append(_draw_ending(draw, place))
    return statements


def _draw_statement(draw, place):
    choices = [
        (draw.weights[name], draw_one)
        for kind in PLACES[place]
        for name, (_, draw_one) in OPERATIONS[kind].items()
    ]
    weights = [weight for weight, _ in choices]
    draw_one = draw.rng.choices([one for _, one in choices], weights)[0]
    draw.spend()
    return draw_one(draw)


def _draw_ending(draw, place):
    if draw.chance(0.05):
        kind = draw.rng.choice(("KeyboardInterrupt", "SystemExit", "OwnExit"))
        return Node(f"raise {kind}({draw.number()})")
    if place != "callback" and draw.chance(0.1):
        kind = draw.rng.choice(("asyncio.CancelledError",) * 3 + ("OwnCancelled",))
        return Node(f'raise {kind}("e{draw.number()}")')
    if place == "generator" and draw.chance(0.4):
        return Node("return")
    if place != "generator" and draw.chance(0.4):
        return Node(f"return {draw.number()}")
    return Node(f"raise {draw.error()}")
