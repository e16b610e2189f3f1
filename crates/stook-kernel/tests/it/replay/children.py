"""What the recorded programs are made of: a loop whose time stands still, and children."""

import asyncio

DEADLINE = 1.0
"""Seconds after which a deadline passes; operation ``o`` goes far beyond."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time stands still unless it is moved."""

    now = 0.0

    def time(self):
        """Return the virtual time, in seconds."""
        return self.now

    def turn(self):
        """Run what is ready, and timers that are due; what that makes ready has to wait."""
        self.call_soon(self.stop)
        self.run_forever()


class Stubborn(asyncio.Future):
    """A child that accepts a cancellation and goes on."""

    def cancel(self, msg=None):
        """Accept, unless done."""
        return not self.done()


class Refusing(asyncio.Future):
    """A child that refuses every cancellation."""

    def cancel(self, msg=None):
        """Refuse."""
        return False


class Wavering(asyncio.Future):
    """A child that refuses the first cancellation, accepts further ones, and goes on."""

    asked = False

    def cancel(self, msg=None):
        """Refuse once, then accept, unless done."""
        accepts, self.asked = self.asked, True
        return accepts and not self.done()


def make_child(kind, loop, position=None):
    """Return a child of the kind that the letter names.

    One with a position comes in a small set at that place.
    """
    child_class = {"s": Stubborn, "n": Refusing, "a": Wavering}.get(kind, asyncio.Future)
    if position is not None:
        child_class = type("Placed", (child_class,), {"__hash__": lambda _: position})
    child = child_class(loop=loop)
    if kind == "d":
        child.set_result(None)
    elif kind == "D":
        child.set_exception(ValueError)
    return child


def end(child, letter, number):
    """End a child as the letter says; return what came of it."""
    try:
        if letter == "r":
            child.set_result(None)
        elif letter == "e":
            child.set_exception(ValueError(number))
        elif letter == "i":
            child.set_exception(KeyboardInterrupt(number))
        else:
            return "FT"[asyncio.Future.cancel(child, msg=f"m{number}")]
    except asyncio.InvalidStateError:
        return "I"
    return ""


def seen(future):
    """Return the letter for the state of a future, without reading its exception."""
    if not future.done():
        return "-"
    if future.cancelled():
        return "C"
    return "E" if future._exception is not None else "R"


def marks(children):
    """Return the children's never-retrieved marks."""
    return "".join("01"[child._log_traceback] for child in children)


def draw_operation(chance, children, others, ends="reec"):
    """Return an operation: one of the children ends, or one of the others."""
    if chance.random() < 0.4:
        return chance.choice(ends) + str(chance.randrange(children))
    return chance.choice(others)
