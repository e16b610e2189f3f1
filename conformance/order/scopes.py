"""Operations on timeouts and task groups, by those inside them and by others."""

from .blocks import block, caught
from .expressions import name_option
from .operations import anywhere, in_loop, waiting
from .tree import Node, attempt


@waiting(3)
def use_timeout(draw):
    """Run statements under a timeout, now and then a rescheduled one or one that was used."""
    name, scope = draw.scope_name(), f"timeout_{draw.number()}"
    choice = draw.rng.random()
    made = f"asyncio.timeout({draw.timeout()})"
    if choice < 0.25:
        made = f"asyncio.timeout_at({_moment(draw)})"
    elif choice < 0.30:
        made = f'scopes["{name}"]'
    head = f'async with stage.scope("{name}", {made}) as {scope}:'
    statements = block(draw, 3)
    if draw.chance(0.15):
        statements.insert(0, Node(f"{scope}.reschedule({_moment(draw)})"))
    elif draw.chance(0.25):
        change = attempt("reschedule", f"lambda: {scope}.reschedule({_moment(draw)})")
        statements.insert(0, _by_another(draw, change))
    statements.append(draw.say("timeout not reached", f"{scope}.expired()"))
    after = draw.say("timeout over", f"{scope}.expired()", f"stage.moment({scope}.when())")
    parts = [Node(clauses=[(head, statements)])]
    if draw.chance(0.4):
        parts.append(after)
    return caught(draw, "timeout", parts)


@anywhere(1.2)
def reschedule(draw):
    """Reschedule a timeout that someone may be in."""
    name = draw.scope_name()
    return attempt(f"{name}.reschedule", f'lambda: scopes["{name}"].reschedule({_moment(draw)})')


@anywhere(0.6)
def show_timeout(draw):
    """Say how a timeout is."""
    name = draw.scope_name()
    scope = f'scopes["{name}"]'
    return draw.say(name, f"{scope}.expired()", f"stage.moment({scope}.when())")


@waiting(4)
def use_group(draw):
    """Run tasks in a task group."""
    name, group = draw.group_name(), f"group_{draw.number()}"
    starts = [Node(f"{group}.{_started(draw)}") for _ in range(draw.rng.randint(0, 3))]
    if draw.chance(0.2):
        turns = draw.rng.randint(0, 2)
        for _ in range(2):
            starts.append(Node(f"{group}.create_task(settle_in({turns}, {draw.error()}))"))
    if draw.chance(0.3):
        start = attempt("create_task", f"lambda: {group}.{_started(draw)}")
        starts.append(_by_another(draw, start))
    statements = starts + block(draw, 2)
    return caught(
        draw,
        "group",
        [Node(clauses=[(f'async with stage.group("{name}") as {group}:', statements)])],
    )


@in_loop(2)
def start_in_group(draw):
    """Start a task in a task group, whoever is in it, and whether or not it is over."""
    name = draw.group_name()
    return attempt(f"{name}.create_task", f'lambda: groups["{name}"].{_started(draw)}')


def _by_another(draw, statement):
    """Return a statement by which a callback does something while the scope is there."""
    when = (
        f"loop.call_later({draw.delay()}" if draw.chance(0.5) else f"after({draw.rng.randint(0, 6)}"
    )
    return Node(f"{when}, lambda: {statement.text})")


def _started(draw):
    options = name_option(draw) + draw.task_context_option()
    return f"create_task({draw.coroutine()}{options})"


def _moment(draw):
    return "None" if draw.chance(0.15) else f"loop.time() + {draw.delay()}"
