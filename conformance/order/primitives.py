"""What random programs do with locks, queues and their like, as expressions.

The kind of a tool is the word before the number in its name.
"""

from .tree import attempt

_QUEUE_NOW = (
    ("put_nowait, {number}", 5),
    ("get_nowait", 3),
    ("task_done", 2),
    ("qsize", 1),
    ("empty", 0.5),
    ("full", 0.5),
)
_SEMAPHORE_NOW = (("release", 4), ("locked", 1))

_NOW = {
    "event": (("set", 4), ("clear", 2), ("is_set", 1)),
    "lock": (("release", 4), ("locked", 1)),
    "semaphore": _SEMAPHORE_NOW,
    "bounded": _SEMAPHORE_NOW,
    "condition": (
        ("notify", 4),
        ("notify, 2", 2),
        ("notify_all", 2),
        ("release", 1),
        ("locked", 1),
    ),
    "queue": _QUEUE_NOW,
    "priority": _QUEUE_NOW,
    "lifo": _QUEUE_NOW,
}
"""For each kind the methods that do not wait, with arguments, and how likely each is."""

_SHUTDOWN = (("shutdown", 0.4), ("shutdown, immediate=True", 0.3))
"""Of queues, from 3.13 on."""

_PUT_AND_GET = (("get()", 5), ("put({number})", 4), ("join()", 2))

_WAITS = {
    "event": (("wait()", 1),),
    "lock": (("acquire()", 1),),
    "semaphore": (("acquire()", 1),),
    "bounded": (("acquire()", 1),),
    "condition": (("wait()", 6), ("acquire()", 1), ("wait_for({predicate})", 2)),
    "queue": _PUT_AND_GET,
    "priority": _PUT_AND_GET,
    "lifo": _PUT_AND_GET,
    "barrier": (("wait()", 6), ("reset()", 1), ("abort()", 1)),
}
"""For each kind the methods that wait, called, and how likely each is."""

_ENDS = {
    ".get(": "put_nowait, {number}",
    ".put(": "get_nowait",
    ".join(": "task_done",
    ".acquire(": "release",
    "event": "set",
}
"""What ends a wait, by what is in its text."""

_BLOCKS = ("lock", "semaphore", "bounded", "condition", "barrier")
"""The kinds that ``async with`` takes."""


def tool_call(draw):
    """Return a statement that does something with a tool and does not wait."""
    name = draw.tool_name()
    kind = name[:-1]
    if kind == "barrier":
        word = draw.rng.choice(("parties", "n_waiting", "broken"))
        return attempt(f"{name}.{word}", f'lambda: tools["{name}"].{word}')
    more = _SHUTDOWN if _NOW[kind] is _QUEUE_NOW and draw.version >= (3, 13) else ()
    call = _choice(draw, _NOW[kind] + more)
    return attempt(f"{name}.{call.partition(',')[0]}", f'tools["{name}"].{call}')


def tool_wait(draw, name=None):
    """Return the call of a method of a tool that waits, as text."""
    name = name or draw.tool_name()
    return f'tools["{name}"].{_choice(draw, _WAITS[name[:-1]])}'


def tool_use(draw, name):
    """Return a coroutine that waits for a tool, most often one that lets go of it, as text."""
    kind = name[:-1]
    if kind not in _BLOCKS or draw.chance(0.2):
        return tool_wait(draw, name)
    if kind == "condition" and draw.chance(0.7):
        return f'hold_and_wait(tools["{name}"])'
    return f'hold(tools["{name}"], {draw.rng.randint(0, 2)})'


def tool_event(draw, name, use):
    """Return a statement that may end the wait of somebody who uses a tool like this."""
    for word, call in _ENDS.items():
        if word in use and draw.chance(0.6):
            text = call.format(number=draw.number())
            return attempt(f"{name}.{call.partition(',')[0]}", f'tools["{name}"].{text}')
    if name.startswith("condition") and draw.chance(0.7):
        notify = f'hold_and_notify(tools["{name}"], {draw.rng.randint(1, 2)})'
        return attempt("create_task", f"loop.create_task, {notify}")
    before, draw.tools = draw.tools, [name]
    statement = tool_call(draw)
    draw.tools = before
    return statement


def tool_for_block(draw):
    """Return the name of a tool that ``async with`` takes, or ``None``."""
    names = [name for name in draw.tools if name[:-1] in _BLOCKS]
    return draw.rng.choice(names) if names else None


def _choice(draw, entries):
    text = draw.rng.choices([one for one, _ in entries], [weight for _, weight in entries])[0]
    number = draw.number()
    predicate = f'lambda: stage.nth("p{number}", {draw.rng.randint(1, 3)})'
    if draw.chance(0.3):
        predicate = f'lambda: box["{draw.any_name()}"].done()'
    return text.format(number=number, predicate=predicate)
