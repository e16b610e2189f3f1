"""How tasks, futures, errors and other values appear in a trace.

Tasks and futures appear by label. Nothing shows an address, a place in a file, the name of the
accelerator or of its rival, a number that a task counts itself by, or the order of a set.
"""

import asyncio
import re
import weakref


class Words:
    """Names and describes what a program has."""

    loop_spec = None
    """``module:maker`` of the loops, or ``None`` for asyncio's own.

    With a loop from elsewhere, tasks of more than one class may count the names they give. Then a
    task without a name of the program's choosing appears without its number.
    """

    first_number = 0
    """The number in the name of the first task."""

    def __init__(self):
        self._labels = weakref.WeakKeyDictionary()
        self._uses = {}

    def fresh(self, name):
        """Return a name that no task or future had before."""
        number = self._uses[name] = self._uses.get(name, 0) + 1
        return name if number == 1 else f"{name}/{number}"

    def give_label(self, value, name):
        """Make a future appear under a name; tasks have their own, and so may futures."""
        if not hasattr(value, "get_name") and value not in self._labels:
            self._labels[value] = self.fresh(name)

    def label(self, value):
        """Return the name under which a task or future, or ``None``, appears in the trace."""
        if value is None:
            return "-"
        if not hasattr(value, "get_name"):
            return self._labels.get(value, "a future")
        name = value.get_name()
        if found := re.fullmatch(r"Task-(\d+)", name):
            return f"Task-{int(found[1]) - self.first_number}" if not self.loop_spec else "a task"
        return name

    def describe(self, value):
        """Return how a value appears in the trace."""
        if isinstance(value, BaseException):
            return self.describe_error(value)
        if asyncio.isfuture(value):
            return self.label(value)
        if isinstance(value, (set, frozenset)):
            shown = sorted(map(self.describe, value))
            # When a generator that was let go is closed differs; see the stage.
            return "{" + ", ".join(one for one in shown if one != "aclose") + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(map(self.describe, value)) + "]"
        return without_places(repr(value))

    def describe_error(self, error, depth=3):
        """Return how an error appears, and those that were handled when it was raised."""
        if isinstance(error, BaseExceptionGroup):
            inner = ", ".join(self.describe_error(one, depth - 1) for one in error.exceptions)
            arguments = f"{error.message!r}, [{inner}]"
        else:
            arguments = ", ".join(map(self.describe, error.args))
        text = f"{type(error).__name__}({arguments})"
        if depth and error.__context__ is not None:
            text += f" after {self.describe_error(error.__context__, depth - 1)}"
        return text


def without_places(text):
    """Return the first line of a text without what differs between two runs."""
    text = re.sub(r"\(<[^<>]*>\)", "(…)", _same_in_every_run(text))
    text = re.sub(r" cb=\[[^]]*\]", "", text)
    return re.sub(r"(in callback \S+?)\(.*", r"\1", text)


def shown(value):
    """Return the repr of a value with its callbacks, as far as engines shall have it in common.

    Functions inside asyncio's own do not show their names.
    """
    text = re.sub(r"\{<.*", "{…", _same_in_every_run(repr(value)))
    text = re.sub(r"[\w.<>]*\b_\w+\(\)", "asyncio's", text)
    return re.sub(r"when=[-\d.e]+", "when=…", text)


def _same_in_every_run(text):
    text = re.sub(r"0x[0-9a-f]+", "0x…", text.partition("\n")[0])
    text = re.sub(r"Task-\d+", "Task-…", text)
    text = re.sub(r"\b(_asyncio|stook)\.(?=[A-Z])", "", text)
    return re.sub(r" at [^ ]+:\d+", "", text)
