"""A seed gives a program."""

import random
import sys

from . import acts, awaits, generators, races, scopes, sharing, threads
from .draw import Draw
from .operations import all_weights, draw_block
from .primitives import tool_use
from .tree import PLAIN_SETTINGS, Function, Node, Program

TABLES = (acts, awaits, generators, races, scopes, sharing, threads)
"""The modules that fill the table of operations."""

VERSION = sys.version_info[:2]


def generate(seed, *, clock=None, version=VERSION):
    """Return the program of a seed.

    Args:
        seed: Any number.
        clock: ``"virtual"``, ``"real"``, or ``None`` for either.
        version: The interpreter's that it is for, as ``(major, minor)``.
    """
    rng = random.Random(f"order {seed}")
    settings = _draw_settings(rng, clock, version)
    draw = Draw(rng, version, settings, _draw_weights(rng))
    functions = [_draw_function(draw, *one) for one in _plan(rng)]
    outside = _draw_outside(draw, functions[-1])
    return Program(settings, functions[::-1], outside)


def _draw_settings(rng, clock, version):
    kinds = ["plain"] * 12 + ["own"] * 3
    if version >= (3, 12):
        kinds += ["eager"] * 4 + ["own eager"]
    chosen = "real" if rng.random() < 0.1 else "virtual"
    return PLAIN_SETTINGS | {
        "clock": clock or chosen,
        "debug": rng.random() < 0.1,
        "tasks": rng.choice(kinds),
        "ticking": rng.random() < 0.4,
    }


def _draw_weights(rng):
    """Leave out some operations, and favour some: programs then differ more from each other."""
    weights = {
        name: weight * rng.choice((0, 0.5, 1, 1, 1, 3)) for name, weight in all_weights().items()
    }
    weights["sleep_zero"] += 1
    weights["call_soon"] += 1
    weights["ending"] = rng.choice((0.1, 0.3, 0.5))
    return weights


def _plan(rng):
    """Return name, kind and size of each function, those that call nobody first."""
    some = rng.choices(("coroutine", "callback", "generator"), (5, 2.5, 1), k=rng.randint(2, 5))
    kinds = ["coroutine", *some, "callback", "coroutine"]
    names = [f"{_LETTERS[kind]}{index}" for index, kind in enumerate(kinds)]
    plan = [
        (name, kind, rng.randint(2, 9 if name == "c0" else 6))
        for name, kind in zip(names, kinds, strict=True)
    ]
    return plan[::-1]


_LETTERS = {"coroutine": "c", "callback": "k", "generator": "a"}


def _draw_function(draw, name, kind, size):
    draw.enter(name, kind)
    starts = [acts.make_task(draw) for _ in range(draw.rng.randint(1, 3))] if name == "c0" else []
    body = starts + draw_block(draw, kind, size)
    values = ["*arguments"] if kind == "callback" else []
    body.insert(0, draw.say("begins", *values))
    if kind != "callback" and draw.chance(0.3):
        body = [Node(clauses=[("try:", body), ("finally:", [draw.say("ends")])])]
    function = Function(name, kind, body)
    draw.leave(function)
    return function


def _draw_outside(draw, main):
    """Draw what happens before, between and after the times that the loop runs."""
    draw.enter("outside", "outside")
    statements = draw_block(draw, "outside", draw.rng.randint(0, 3))
    statements.append(Node(f"stage.run({main.name}())"))
    if draw.chance(0.05):
        return [*statements, Node(f"stage.run_in_runner({draw.coroutine()})")]
    for _ in range(draw.rng.randint(0, 2)):
        statements += draw_block(draw, "outside", draw.rng.randint(0, 3))
        statements += _draw_run(draw)
    if draw.chance(0.7):
        statements.append(Node("stage.cancel_all()"))
    return statements


def _draw_run(draw):
    choice = draw.rng.random()
    if choice < 0.3:
        return [Node(f'stage.run(box["{draw.any_name()}"])')]
    if choice < 0.5:
        return [Node(f"stage.run({draw.coroutine()})")]
    if choice < 0.54:
        return [Node("stage.run(loop.shutdown_asyncgens())")]
    if choice < 0.58:
        coroutine = draw.coroutine() if draw.chance(0.5) else tool_use(draw, draw.tool_name())
        return [Node(f"stage.run_elsewhere({coroutine})")]
    if choice < 0.75:
        return [Node(f"stage.run_turns({draw.rng.randint(1, 4)})")]
    if choice < 0.9:
        return [Node(f"loop.call_later({draw.delay()}, loop.stop)"), Node("stage.run_forever()")]
    return [Node("stage.run_forever()")]
