"""Operations of coroutines: awaiting, catching, and what a task does to itself."""

from .blocks import after_cancel, block, caught, outcome
from .draw import FUTURES
from .expressions import awaitable, future, gathering, reference, several
from .operations import waiting
from .tree import Node


@waiting(8)
def sleep_zero(draw):
    """Give way for one turn."""
    return Node("await asyncio.sleep(0)\n" + f'say("{draw.here} woke")')


@waiting(4)
def sleep(draw):
    """Sleep."""
    return outcome(draw, "sleep", f"asyncio.sleep({draw.delay()}, {draw.number()})")


@waiting(2)
def several_turns(draw):
    """Give way for some turns."""
    draw.spend(4)
    turns = [Node("await asyncio.sleep(0)"), draw.say("turn", "turn")]
    return Node(clauses=[(f"for turn in range({draw.rng.randint(2, 5)}):", turns)])


@waiting(1)
def bare_yield(draw):
    """Yield None from an awaitable of the program's own."""
    return outcome(draw, "yield", "Yielding()")


@waiting(0.4)
def bad_yield(draw):
    """Yield what a task cannot wait for."""
    value = draw.rng.choice(("1", '"text"', f'box["{draw.any_name()}"]'))
    return outcome(draw, "bad yield", f"Yielding({value})")


@waiting(8)
def await_reference(draw):
    """Await a task or future."""
    name = draw.any_name()
    line = outcome(draw, name, f'box["{name}"]')
    if name not in FUTURES or draw.chance(0.4):
        return line
    when = f"call_later({draw.delay()}, " if draw.chance(0.6) else "call_soon("
    settle = f'attempt("{name}.set_result", box["{name}"].set_result, {draw.number()})'
    return Node(clauses=[("if True:", [Node(f"loop.{when}lambda: {settle})"), line])])


@waiting(3)
def await_coroutine(draw):
    """Await a coroutine within this task."""
    call = draw.coroutine()
    return outcome(draw, call, call)


@waiting(5)
def await_gather(draw):
    """Await gather."""
    found = gathering(draw, 2)
    return outcome(draw, "gather", found.text, *found.operands)


@waiting(4)
def await_wait(draw):
    """Await wait."""
    condition = draw.rng.choice(("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"))
    # For FIRST_EXCEPTION it retrieves the exceptions of finished ones until one ends the wait.
    futures = "stage.at_most_one_done([$*])" if condition == "FIRST_EXCEPTION" else "[$*]"
    options = f"timeout={draw.timeout()}, return_when=asyncio.{condition}"
    call = f"asyncio.wait({futures}, {options})"
    return outcome(draw, "wait", call, *several(draw, future, 2))


@waiting(2)
def await_wait_for(draw):
    """Await wait_for."""
    return outcome(draw, "wait_for", f"asyncio.wait_for($0, {draw.timeout()})", awaitable(draw))


@waiting(1.5)
def await_shield(draw):
    """Await shield."""
    return outcome(draw, "shield", "asyncio.shield($0)", awaitable(draw))


@waiting(2)
def use_as_completed(draw):
    """Go through futures as they finish."""
    futures = several(draw, reference, 0)
    if draw.chance(0.4):
        futures.append(awaitable(draw, 1))
    call = f"asyncio.as_completed(stage.at_most_one_done([$*]), timeout={draw.timeout()})"
    head, statements = "for one in $0:", [draw.say("as_completed gave", "await one")]
    if draw.version >= (3, 13) and draw.chance(0.5):
        head, statements = "async for one in $0:", [draw.say("as_completed gave", "one")]
    elif draw.chance(0.15):
        statements = [Node(f'box["{draw.other_name()}"] = asyncio.ensure_future(one)')]
    if draw.chance(0.2):
        statements += block(draw, 1)
    if draw.chance(0.15):
        statements.append(Node("break"))
    loop = Node(operands=[Node(call, futures)], clauses=[(head, statements)])
    return caught(draw, "as_completed", [loop])


@waiting(5)
def use_try(draw):
    """Catch what statements raise."""
    kind = draw.rng.choice(("Exception", "asyncio.CancelledError", "BaseException"))
    handler = [draw.say("caught", "error"), *block(draw, 2)]
    if kind == "BaseException":
        handler.append(Node("raise"))
    elif kind == "asyncio.CancelledError":
        handler = [handler[0], *after_cancel(draw), *handler[1:]]
    clauses = [("try:", block(draw, 4)), (f"except {kind} as error:", handler)]
    if draw.chance(0.2):
        clauses.append(("finally:", [draw.say("finally"), *block(draw, 2)]))
    return Node(clauses=clauses)


@waiting(3)
def use_finally(draw):
    """Clean up, awaiting, after statements."""
    return Node(
        clauses=[
            ("try:", block(draw, 3)),
            ("finally:", [draw.say("finally"), *block(draw, 2)]),
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
    return outcome(draw, "self", "asyncio.current_task()")


@waiting(0.5)
def rename(draw):
    """Rename the task that runs."""
    name = f'fresh("n{draw.number()}")'
    return Node(f'attempt("set_name", lambda: asyncio.current_task().set_name({name}))')
