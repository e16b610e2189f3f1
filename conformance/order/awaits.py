"""Operations of coroutines: awaiting, catching, and what a task does to itself."""

from .expressions import awaitable, future, gathering, name_option, reference, several
from .operations import draw_block, waiting
from .tree import Node

LARGEST_DEPTH = 3
"""How deep statements may be within each other."""


def _outcome(draw, what, expression, *operands):
    """Return a statement that awaits and says what came, catching errors or not."""
    line = Node(f'say("{draw.here} {what} gave", await {expression})', list(operands))
    choice = draw.rng.random()
    if choice < 0.35:
        return line
    handlers = [("except Exception as error:", [draw.say(f"{what} raised", "error")])]
    if choice > 0.75:
        block = [draw.say(f"{what} cancelled", "error"), *_after_cancel(draw)]
        handlers.insert(0, ("except asyncio.CancelledError as error:", block))
    return Node(clauses=[("try:", [line]), *handlers])


def _after_cancel(draw):
    """Return what follows a caught cancellation: swallow it, take it back, or pass it on."""
    choice = draw.rng.random()
    if choice < 0.35:
        return []
    if choice < 0.55:
        return [draw.say("uncancel", "asyncio.current_task().uncancel()")]
    if choice < 0.70:
        return [Node("await asyncio.sleep(0)"), Node("raise")]
    return [Node("raise")]


def _block(draw, most):
    """Return the statements of a compound one, fewer the deeper it is."""
    draw.depth += 1
    size = draw.rng.randint(1, most) if draw.depth < LARGEST_DEPTH else 1
    block = draw_block(draw, "coroutine", size)
    draw.depth -= 1
    return block


@waiting(8)
def sleep_zero(draw):
    """Give way for one turn."""
    return Node("await asyncio.sleep(0)\n" + f'say("{draw.here} woke")')


@waiting(4)
def sleep(draw):
    """Sleep."""
    return _outcome(draw, "sleep", f"asyncio.sleep({draw.delay()}, {draw.number()})")


@waiting(2)
def several_turns(draw):
    """Give way for some turns."""
    draw.spend(4)
    block = [Node("await asyncio.sleep(0)"), draw.say("turn", "turn")]
    return Node(clauses=[(f"for turn in range({draw.rng.randint(2, 5)}):", block)])


@waiting(1)
def bare_yield(draw):
    """Yield None from an awaitable of the program's own."""
    return _outcome(draw, "yield", "Yielding()")


@waiting(0.4)
def bad_yield(draw):
    """Yield what a task cannot wait for."""
    value = draw.rng.choice(("1", '"text"', f'box["{draw.any_name()}"]'))
    return _outcome(draw, "bad yield", f"Yielding({value})")


@waiting(8)
def await_reference(draw):
    """Await a task or future."""
    name = draw.any_name()
    return _outcome(draw, name, f'box["{name}"]')


@waiting(3)
def await_coroutine(draw):
    """Await a coroutine within this task."""
    call = draw.coroutine()
    return _outcome(draw, call, call)


@waiting(5)
def await_gather(draw):
    """Await gather."""
    found = gathering(draw, 2)
    return _outcome(draw, "gather", found.text, *found.operands)


@waiting(4)
def await_wait(draw):
    """Await wait."""
    condition = draw.rng.choice(("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"))
    # For FIRST_EXCEPTION it retrieves the exceptions of finished ones until one ends the wait.
    futures = "stage.at_most_one_done([$*])" if condition == "FIRST_EXCEPTION" else "[$*]"
    options = f"timeout={draw.timeout()}, return_when=asyncio.{condition}"
    call = f"asyncio.wait({futures}, {options})"
    return _outcome(draw, "wait", call, *several(draw, future, 2))


@waiting(2)
def await_wait_for(draw):
    """Await wait_for."""
    return _outcome(draw, "wait_for", f"asyncio.wait_for($0, {draw.timeout()})", awaitable(draw))


@waiting(1.5)
def await_shield(draw):
    """Await shield."""
    return _outcome(draw, "shield", "asyncio.shield($0)", awaitable(draw))


@waiting(1)
def use_as_completed(draw):
    """Go through futures as they finish."""
    futures = several(draw, reference, 0)
    call = f"asyncio.as_completed(stage.at_most_one_done([$*]), timeout={draw.timeout()})"
    body = [draw.say("as_completed gave", "await one")]
    loops = [("for one in $0:", body)]
    if draw.version >= (3, 13) and draw.chance(0.5):
        loops = [("async for one in $0:", [draw.say("as_completed gave", "one")])]
    loop = Node(operands=[Node(call, futures)], clauses=loops)
    return _caught(draw, "as_completed", [loop])


@waiting(2)
def use_timeout(draw):
    """Run statements under a timeout, now and then a rescheduled one."""
    scope = f"timeout_{draw.number()}"
    head = f"async with asyncio.timeout({draw.timeout()}) as {scope}:"
    block = _block(draw, 3)
    if draw.chance(0.15):
        block.insert(0, Node(f"{scope}.reschedule(loop.time() + {draw.delay()})"))
    block.append(draw.say("timeout not reached", f"{scope}.expired()"))
    return _caught(draw, "timeout", [Node(clauses=[(head, block)])])


@waiting(2)
def use_group(draw):
    """Run tasks in a task group."""
    group = f"group_{draw.number()}"
    starts = [
        Node(
            f"{group}.create_task({draw.coroutine()}{name_option(draw)}{draw.task_context_option()})"
        )
        for _ in range(draw.rng.randint(0, 3))
    ]
    block = starts + _block(draw, 2)
    return _caught(
        draw, "group", [Node(clauses=[(f"async with stage.task_group() as {group}:", block)])]
    )


def _caught(draw, what, block):
    if draw.chance(0.3):
        return Node(clauses=[("if True:", block)])
    return Node(
        clauses=[
            ("try:", block),
            ("except Exception as error:", [draw.say(f"{what} raised", "error")]),
        ]
    )


@waiting(5)
def use_try(draw):
    """Catch what statements raise."""
    caught = draw.rng.choice(("Exception", "asyncio.CancelledError", "BaseException"))
    handler = [draw.say("caught", "error"), *_block(draw, 2)]
    if caught == "BaseException":
        handler.append(Node("raise"))
    elif caught == "asyncio.CancelledError":
        handler = [handler[0], *_after_cancel(draw), *handler[1:]]
    clauses = [("try:", _block(draw, 4)), (f"except {caught} as error:", handler)]
    if draw.chance(0.2):
        clauses.append(("finally:", [draw.say("finally"), *_block(draw, 2)]))
    return Node(clauses=clauses)


@waiting(3)
def use_finally(draw):
    """Clean up, awaiting, after statements."""
    return Node(
        clauses=[
            ("try:", _block(draw, 3)),
            ("finally:", [draw.say("finally"), *_block(draw, 2)]),
        ]
    )


@waiting(2)
def cancel_self(draw):
    """Cancel the task that runs."""
    message = draw.message()
    call = f"lambda: asyncio.current_task().cancel({message})"
    return Node(f'attempt("cancel self", {call})')


@waiting(2)
def count_requests(draw):
    """Say how often the task that runs was asked to end, and take one request back."""
    method = draw.rng.choice(("cancelling", "uncancel"))
    return Node(f'attempt("{method}", lambda: asyncio.current_task().{method}())')


@waiting(0.3)
def await_self(draw):
    """Await the task that runs."""
    return _outcome(draw, "self", "asyncio.current_task()")


@waiting(0.5)
def rename(draw):
    """Rename the task that runs."""
    name = f'fresh("n{draw.number()}")'
    return Node(f'attempt("set_name", lambda: asyncio.current_task().set_name({name}))')
