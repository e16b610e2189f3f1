"""What a program needs to try something on a loop of its own and to print all that becomes of it.

The programs run on stock and on stook, and print the same. The tasks of a group are cancelled in
the order of a set, which differs from run to run: what they do is noted by name.
"""

import asyncio
import gc
import logging
import sys
import traceback
import warnings

notes = {}

# What only stook says, in debug mode: tasks here swallow cancellations on purpose.
logging.getLogger("asyncio").addFilter(
    lambda record: "has swallowed a cancellation" not in record.getMessage()
)


def note(name, *what):
    """Keep what a task did, to be printed with the rest of what it did."""
    notes.setdefault(name, []).append(" ".join(map(str, what)))


def text(error, depth=0):
    """Return an exception with its arguments, chain and lines of the program's."""
    if error is None:
        return "-"
    if depth > 6:
        return "..."
    lines = [
        f"{frame.name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == sys.modules["__main__"].__file__
    ]
    inner = getattr(error, "exceptions", None)
    parts = [type(error).__name__, repr(error.args) if inner is None else repr(error.args[0])]
    if inner is not None:
        parts.append("[" + ", ".join(sorted(text(each, depth + 1) for each in inner)) + "]")
    parts.append(" ".join(lines))
    if hasattr(error, "__notes__"):
        parts.append(repr(error.__notes__))
    parts.append(f"cause={text(error.__cause__, depth + 1)}")
    same = error.__context__ is error.__cause__ is not None
    parts.append("context=cause" if same else f"context={text(error.__context__, depth + 1)}")
    parts.append("suppressed" if error.__suppress_context__ else "")
    return "(" + " ".join(part for part in parts if part) + ")"


def trial(function):
    """Run a coroutine function on a loop of its own and print all that becomes of it."""
    print("---", function.__name__)

    def report(loop, context):
        print("reported:", context.get("message"), text(context.get("exception")))

    async def run():
        asyncio.get_running_loop().set_exception_handler(report)
        asyncio.current_task().set_name("parent")
        try:
            print("returned", await function())
        except BaseException as error:
            print("raised", text(error))
            del error
        print("cancelling", asyncio.current_task().cancelling())
        for _each in range(3):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as error:
                print("cancelled afterwards", text(error))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sys.unraisablehook = lambda what: print("unraisable", what.exc_value, what.object)
        try:
            asyncio.run(run())
        except BaseException as error:
            print("out of the run:", text(error))
            del error
        gc.collect()
    for name in sorted(notes):
        print(name, "|", ", ".join(notes[name]))
    notes.clear()
    for each in caught:
        print("warned", each.category.__name__, each.message)


async def child(name="child", delay=0, *, error=None, swallow=0, result=None):
    """Sleep so many turns and note what happens."""
    try:
        for _each in range(delay):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as cancellation:
                note(name, "cancelled", cancellation.args)
                if swallow <= 0:
                    raise
                swallow -= 1
        if error is not None:
            raise error
        note(name, "ends")
        return result
    finally:
        note(name, "left", asyncio.current_task().cancelling())


def state(subject):
    """Return the attributes of a group or timeout, as far as they are the same in every run."""
    show = {}
    for key, value in vars(subject).items():
        if isinstance(value, set):
            value = len(value)
        elif isinstance(value, asyncio.Future):
            value = (type(value).__name__, value.done())
        elif isinstance(value, asyncio.AbstractEventLoop):
            value = "loop"
        elif isinstance(value, list):
            value = [type(each).__name__ for each in value]
        elif isinstance(value, asyncio.Handle):
            value = (isinstance(value, asyncio.TimerHandle), value.cancelled())
        show[key] = value
    return show
