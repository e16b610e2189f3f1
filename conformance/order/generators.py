"""Operations on asynchronous generators: going through them, closing them, letting go of them."""

from .blocks import block, caught, outcome
from .operations import anywhere, waiting, yielding
from .tree import Node


@yielding(12)
def give(draw):
    """Yield, and let errors through as the ones that somebody meant to throw."""
    sent = f"sent_{draw.number()}"
    line = Node(f"{sent} = yield {draw.number()}")
    marked = [Node("end.asked = True"), Node("raise")]
    clauses = [("try:", [line]), ("except GeneratorExit as end:", marked)]
    if draw.chance(0.3):
        return Node(clauses=[*clauses, ("else:", [draw.say("was sent", sent)])])
    return Node(clauses=clauses)


@anywhere(2)
def make_generator(draw):
    """Make a generator and keep it."""
    return Node(f'gens["{draw.generator_name()}"] = {draw.generator()}')


@waiting(2.5)
def go_through_generator(draw):
    """Go through a generator, now and then not to its end."""
    source = f'gens["{draw.generator_name()}"]' if draw.chance(0.4) else draw.generator()
    item = f"item_{draw.number()}"
    with draw.repeated(3):
        statements = [draw.say("got", item), *block(draw, 2)]
    if draw.chance(0.3):
        statements.append(Node("break"))
    return caught(
        draw, "async for", [Node(clauses=[(f"async for {item} in {source}:", statements)])]
    )


@waiting(3)
def step_generator(draw):
    """Do one thing with a generator, which another task may be in."""
    generator = f'gens["{draw.generator_name()}"]'
    choice = draw.rng.random()
    if choice < 0.5:
        return outcome(draw, "anext", f"anext({generator})")
    if choice < 0.6:
        return outcome(draw, "asend", f"{generator}.asend({draw.number()})")
    if choice < 0.75:
        return outcome(draw, "athrow", f"{generator}.athrow({draw.error()})")
    return outcome(draw, "aclose", f"{generator}.aclose()")


@anywhere(1)
def forget_generator(draw):
    """Let go of a generator: the loop then closes it in a task of its own."""
    return Node(f'gens.pop("{draw.generator_name()}", None)')


@waiting(0.5)
def shut_down_generators(draw):
    """Close all generators that the loop knows of."""
    return outcome(draw, "shutdown_asyncgens", "loop.shutdown_asyncgens()")
