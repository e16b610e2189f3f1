"""Random choices for one program: names, delays, values, and which function may be called."""

import contextlib

from .primitives import tool_wait
from .tools import TOOLS
from .tree import Node

FUTURES = ("f0", "f1", "f2")
TASKS = ("t0", "t1", "t2", "t3")
OTHERS = ("g0", "g1")
HANDLES = ("h0", "h1")
CONTEXTS = ("x0", "x1")
SCOPES = ("s0", "s0", "s0", "s1")
GROUPS = ("u0", "u0", "u0", "u1")
GENERATORS = ("a", "b")
CALLS = ("w0", "w1")

LARGEST_COST = 120
"""Statements that one call of a function may run, the functions it calls included."""

DELAYS = (0, 0, 0, 1, 1, 1, 2, 2, 3, 0.5, 1.5, -1, -2, 5e-10)
NO_DELAYS = (0, 0, 0, -1, -2)


class Draw:
    """The choices made for one program so far.

    Args:
        rng: Where chance comes from.
        version: The interpreter's, as ``(major, minor)``.
        settings: The program's.
        weights: How likely each operation is; a program has only some of them.
    """

    def __init__(self, rng, version, settings, weights):
        self.rng = rng
        self.version = version
        self.weights = weights
        self.here = self.place = ""
        self.tools = rng.sample(TOOLS, rng.choice((1, 1, 2, 2, 3, 5)))
        self.favourite = None
        self.functions = []
        self._eager = "eager" in settings["tasks"]
        self._delays = DELAYS if settings["clock"] == "virtual" else NO_DELAYS
        self._cost = 0
        self._costs = {}
        self._number = 0
        self.depth = 0

    def enter(self, name, place):
        """Begin a function, or what is done outside the loop."""
        self.here, self.place = name, place
        self._cost = 0

    def leave(self, function):
        """End a function: those drawn from now on may call it."""
        self.functions.append(function)
        self._costs[function.name] = self._cost

    def spend(self, cost=1):
        """Count statements towards the cost of the function."""
        self._cost += cost

    @contextlib.contextmanager
    def repeated(self, times):
        """Count what is drawn meanwhile as often as it runs."""
        before = self._cost
        yield
        self._cost += (self._cost - before) * (times - 1)

    def has_cost_left(self):
        """Return whether the function may have more statements."""
        return self._cost < LARGEST_COST

    def chance(self, probability):
        """Return true as often as the probability says."""
        return self.rng.random() < probability

    def number(self):
        """Return a number that the program does not have yet."""
        self._number += 1
        return self._number

    def any_name(self):
        """Return the name of a task, future or gathering future."""
        return self.rng.choice(FUTURES + TASKS * 2 + OTHERS)

    def future_name(self):
        """Return the name of a future that someone may set the result of."""
        return self.rng.choice(FUTURES if self.chance(0.9) else TASKS + OTHERS)

    def task_name(self):
        """Return the name of a task."""
        return self.rng.choice(TASKS)

    def other_name(self):
        """Return the name of a future that asyncio makes."""
        return self.rng.choice(OTHERS)

    def handle_name(self):
        """Return the name of a handle."""
        return self.rng.choice(HANDLES)

    def context_name(self):
        """Return the name of a context."""
        return self.rng.choice(CONTEXTS)

    def scope_name(self):
        """Return the name of a timeout."""
        return self.rng.choice(SCOPES)

    def group_name(self):
        """Return the name of a task group."""
        return self.rng.choice(GROUPS)

    def generator_name(self):
        """Return the name of an asynchronous generator that was made."""
        return self.rng.choice(GENERATORS)

    def call_name(self):
        """Return the name of what ``run_coroutine_threadsafe`` gave."""
        return self.rng.choice(CALLS)

    def tool_name(self):
        """Return the name of a lock, queue or the like, mostly of the one in use."""
        if self.favourite and self.chance(0.6):
            return self.favourite
        return self.rng.choice(self.tools)

    def delay(self):
        """Return seconds, as text."""
        return repr(self.rng.choice(self._delays))

    def timeout(self):
        """Return seconds or ``None``, as text."""
        return "None" if self.chance(0.3) else self.delay()

    def message(self):
        """Return the arguments of a cancel, as text."""
        return f'"m{self.number()}"' if self.chance(0.6) else ""

    def error(self):
        """Return an exception, as text."""
        kinds = ("ValueError",) * 6 + ("KeyError", "TimeoutError", "OSError")
        if self.chance(0.03):
            return self.rng.choice(("StopIteration()", "ValueError", "asyncio.CancelledError()"))
        return f'{self.rng.choice(kinds)}("e{self.number()}")'

    def coroutine(self):
        """Return a call of a coroutine function, most often one of the program's, as text."""
        choice = self.rng.random()
        if choice < 0.1:
            return tool_wait(self)
        if choice < 0.2:
            outcome = self.number() if self.chance(0.4) else f'ValueError("e{self.number()}")'
            return f"settle_in({self.rng.randint(0, 3)}, {outcome})"
        name = self._function("coroutine")
        return f"{name}()" if name else "asyncio.sleep(0)"

    def generator(self):
        """Return a call of an asynchronous generator function, as text."""
        return f"{self._function('generator') or 'counting'}()"

    def callback(self):
        """Return the name of a callback."""
        return self._function("callback") or "say"

    def context_option(self):
        """Return ``context=…`` to add to a call, or nothing."""
        return f', context=contexts["{self.context_name()}"]' if self.chance(0.15) else ""

    def say(self, text, *values):
        """Return a statement that says something."""
        arguments = ", ".join([f'"{self.here} {text}"', *values])
        return Node(f"say({arguments})")

    def task_context_option(self):
        """Return ``context=…`` to add to a call that makes a task, or nothing.

        A task that starts eagerly gets a new context: stock asyncio starts one in a context that
        is entered already, fails, and is left with a wrong current task.
        """
        option = self.context_option()
        return ", context=contextvars.copy_context()" if option and self._eager else option

    def _function(self, kind):
        left = LARGEST_COST - self._cost
        names = [
            one.name for one in self.functions if one.kind == kind and self._costs[one.name] <= left
        ]
        if not names:
            return None
        name = self.rng.choice(names)
        self._cost += self._costs[name]
        return name
