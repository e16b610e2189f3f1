"""How ends, values and errors are written in observations, by both faces alike."""

import asyncio


class Failure(Exception):
    """What the step ``raise`` raises."""


ENDS = (Failure, asyncio.CancelledError, TimeoutError, BaseExceptionGroup)
"""How a main task may end, beside returning."""


def value(result):
    """Return the text of a result."""
    if result is None:
        return "nothing"
    if isinstance(result, BaseException):
        return error(result)
    if isinstance(result, list | tuple):
        return f"[{', '.join(map(value, result))}]"
    return str(result)


def error(raised):
    """Return the text of an exception."""
    match raised:
        case asyncio.CancelledError():
            return "cancelled" if type(raised) is asyncio.CancelledError else "child cancelled"
        case TimeoutError():
            return "timeout"
        case BaseExceptionGroup():
            return f"group [{', '.join(map(error, raised.exceptions))}]"
        case Failure():
            return str(raised)
    return f"{type(raised).__name__}: {raised}"


def ended(task):
    """Return the text of how a task has ended."""
    if task.cancelled():
        return "cancelled"
    if raised := task.exception():
        return f"raised {error(raised)}"
    return returned(task.result())


def returned(result):
    """Return the text of a task's having returned this."""
    return "returned" if result is None else f"returned {value(result)}"
