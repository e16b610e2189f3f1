"""Random scenarios: the same from the same seed.

They stay where both faces agree. No two things happen at one time that do not follow from each
other, so that it matters to nobody in how many turns of a loop something is done. A task is asked
to cancel only while nothing is ready that it waits for, and only one that nobody awaits. In blocks
that are cancelled as long as they are not left, nobody takes a cancellation, nor waits to clean up;
and so it is in races, so that nobody waits for losers.
"""

import random

LATEST = 1_000_000
"""Seconds: so long that two waits hardly ever end at one time."""


def draw(seed):
    """Return the tasks of a random scenario.

    Args:
        seed: A number.
    """
    return Drawing(random.Random(seed)).tasks


class Drawing:
    """Draws the tasks of one scenario.

    Args:
        chance: Where its numbers come from.
    """

    def __init__(self, chance):
        self._chance = chance
        self.tasks = {}
        tops = [self._task(3, False) for _ in range(chance.randint(1, 3))]
        main = [{"spawn": tops}]
        for _ in range(chance.randint(0, 3)):
            main.append(self._sleep())
            cancel = {"cancel": chance.choice(tops)}
            if chance.random() < 0.5:
                cancel["reason"] = "by chance"
            main.append(cancel)
        main += [{"join": top} for top in tops]
        self.tasks = {"main": main, **self.tasks}

    def _time(self):
        return self._chance.randint(1, LATEST)

    def _sleep(self):
        return {"sleep": self._time()}

    def _task(self, depth, strict, *, may_fail=True):
        """Draw a task, and return its name."""
        name = f"t{len(self.tasks) + 1}"
        self.tasks[name] = []
        steps = [self._sleep(), *self._steps(depth, strict)]
        end = self._chance.random()
        if end < 0.2 and may_fail:
            steps.append({"raise": f"{name} crashed"})
        elif end < 0.7:
            steps.append({"return": len(self.tasks)})
        self.tasks[name] = steps
        return name

    def _children(self, depth, strict, least=1, **more):
        count = self._chance.randint(least, 3)
        return [self._task(depth - 1, strict, **more) for _ in range(count)]

    def _steps(self, depth, strict):
        drawn = [self._step(depth, strict) for _ in range(self._chance.randint(1, 2))]
        return [step for steps in drawn for step in steps]

    def _step(self, depth, strict):
        """Draw a step, or several that belong together.

        Args:
            depth: How many tasks may be inside one another from here on.
            strict: Whether a block around it may be cancelled.
        """
        kinds = [self._simple]
        if depth > 0 and not strict:
            kinds.append(self._try)
        if depth > 0:
            kinds += [self._several, self._several, self._one, self._block]
        return self._chance.choice(kinds)(depth, strict)

    def _simple(self, _depth, _strict):
        return [self._chance.choice([self._sleep(), {"say": "hello"}])]

    def _try(self, depth, strict):
        chance = self._chance
        step = {"try": [self._sleep(), *self._steps(depth - 1, strict)]}
        if chance.random() < 0.6:
            handler = [{"say": "was cancelled"}]
            if chance.random() < 0.5:
                handler.append(self._sleep())
            handler.append({"again": True} if chance.random() < 0.6 else {"uncancel": "me"})
            step["cancelled"] = handler
        if chance.random() < 0.6:
            step["error"] = [{"say": "passes over it"}]
        if len(step) == 1 or chance.random() < 0.3:
            step["finally"] = [self._sleep(), {"say": "is tidy"}]
        return [step]

    def _one(self, depth, strict):
        chance = self._chance
        kind = chance.choice(["await", "join", "shield", "wait_for", "cancel_and_wait"])
        # Who waits behind a shield and is cancelled passes over the error, in asyncio.
        if kind == "shield":
            return [{"shield": self._task(0, strict, may_fail=False)}]
        # Who cancels a task and waits for it is released when cancelled itself, in Rust.
        child = self._task(depth - 1, strict or kind == "cancel_and_wait")
        if kind == "wait_for":
            return [{"wait_for": child, "timeout": self._time()}]
        if kind == "cancel_and_wait":
            return [{"spawn": child}, self._sleep(), {"cancel_and_wait": child}]
        return [{kind: child}]

    def _several(self, depth, strict):
        chance = self._chance
        match chance.randrange(7):
            case 0:
                return [{"gather": self._children(depth, strict, least=0)}]
            case 1:
                return [{"gather": self._children(depth, strict), "collect": True}]
            case 2:
                return [{"gather": self._children(depth, True), "on_error": "cancel"}]
            case 3:
                # One for the first error would count it as read, in asyncio.
                when = chance.choice(["ALL_COMPLETED", "FIRST_COMPLETED"])
                children = self._children(depth, strict)
                step = {"wait": children, "when": when}
                if chance.random() < 0.5:
                    step["timeout"] = self._time()
                return [step]
            case 4:
                return [{"wait_any": self._children(depth, strict)}]
            case 5:
                losers = chance.choice(["cancel", "leave"])
                return [{"race": self._children(depth, True), "losers": losers}]
        # One that is cancelled gives the errors with its own, in Rust.
        return [{"first_success": self._children(1, True, may_fail=False)}]

    def _block(self, depth, strict):
        chance = self._chance
        if chance.random() < 0.5:
            name = f"g{len(self.tasks)}"
            spawn = {"spawn": self._children(depth, True), "group": name}
            rest = self._steps(depth - 1, True) if chance.random() < 0.5 else []
            return [{"group": name, "do": [spawn, self._sleep(), *rest]}]
        kind = chance.choice(["timeout", "move_on_after"])
        return [{kind: self._time(), "do": [self._sleep(), *self._steps(depth - 1, True)]}]
