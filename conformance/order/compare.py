"""Whether two traces differ, and where."""

KILLED = "the worker ended"
"""How the trace of a process begins that died or hung."""

SHOWN_BEFORE, SHOWN_AFTER = 6, 4


def comparable(expected):
    """Return whether stock's trace says how a program behaves.

    It does not where stock fails on cancelling a cycle of tasks that await each other, at a depth
    that nobody can rely on, nor where the process died of the program.
    """
    return not was_killed(expected) and not any("RecursionError" in line for line in expected)


def differ(expected, found):
    """Return whether the traces are those of different behaviour; nothing excuses a crash."""
    if was_killed(found):
        return not was_killed(expected)
    return expected != found and comparable(expected)


def was_killed(lines):
    """Return whether the trace is that of a process which died or hung."""
    return bool(lines) and lines[0].startswith(KILLED)


def first_difference(expected, found, name):
    """Return the first lines that differ and what comes around them, as lines of text."""
    at = 0
    while at < min(len(expected), len(found)) and expected[at] == found[at]:
        at += 1
    width = max(len("asyncio"), len(name))
    before = [f"  {'both':>{width}} | {line}" for line in expected[max(0, at - SHOWN_BEFORE) : at]]
    parts = []
    for who, lines in (("asyncio", expected), (name, found)):
        shown = lines[at : at + SHOWN_AFTER] or ["(nothing more)"]
        if lines[at:] and lines[at].startswith(KILLED):
            shown = lines[at:]
        parts += [f"  {who:>{width}} | {line}" for line in shown]
    return [f"first difference in line {at + 1}:", *before, *parts]
