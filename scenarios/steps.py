"""The steps of a task: what each does with asyncio, and with stook where asyncio has nothing.

A step is a table. The first of its keys that is known here says which step it is; the others say
more about it. README.md lists them.
"""

import asyncio
import sys

from . import words

DROPS_ANSWERS = sys.version_info < (3, 12)
"""Whether a ``wait_for`` that is cancelled raises that, whatever its child gives then.

From 3.12 on it gives what the child does, and so does the tokio face.
"""

STOOK = {
    "cancel_and_wait",
    "cancellation",
    "detect_cancel",
    "fire",
    "fire_after",
    "first_success",
    "on_fire",
    "race",
    "scope",
    "token",
    "token_state",
    "token_wait",
    "wait_any",
    "when_all",
    "when_any",
}
"""Steps for which asyncio has nothing, or no more than a recipe."""


def needs_stook(steps):
    """Return whether one of these steps, or of those in their blocks, needs stook's tasks."""
    for step in steps:
        if STOOK & step.keys() or step.get("on_error"):
            return True
        blocks = [block for key, block in step.items() if key in BLOCKS]
        if any(map(needs_stook, blocks)):
            return True
    return False


BLOCKS = ("do", "try", "cancelled", "error", "finally")


class Returned:
    """The task has come to its ``return``."""

    def __init__(self, value):
        self.value = value


class Steps:
    """Runs the steps of one task.

    Args:
        stage: What all tasks share.
        me: The name of the task.
    """

    def __init__(self, stage, me):
        self._stage = stage
        self._names = stage.names
        self._me = me
        self._caught = []

    async def run(self, steps):
        """Run steps, and return ``Returned`` when one of them is the last of the task."""
        for step in steps:
            flow = await self._step(step)
            if flow is not None:
                return flow
        return None

    async def _step(self, step):
        for key, argument in step.items():
            method = getattr(self, f"_do_{key}", None)
            if method is not None:
                options = {name: more for name, more in step.items() if name != key}
                return await method(argument, **options)
        raise ValueError(f"{self._stage.scenario.name}: no such step: {step}")

    def _say(self, text):
        self._stage.say(self._me, text)

    def _task(self, name):
        return asyncio.current_task() if name == "me" else self._stage.tasks[name]

    def _awaited(self, names):
        return [self._stage.awaited(name) for name in names]

    # What a task does by itself.

    async def _do_say(self, text):
        self._say(text)

    async def _do_sleep(self, seconds):
        await self._names.sleep(seconds)

    async def _do_bare_sleep(self, seconds):
        # To asyncio every await is a cancel point; to tokio this one is none.
        await self._names.sleep(seconds)

    async def _do_set(self, name):
        self._stage.event(name).set()

    async def _do_event(self, name):
        await self._stage.event(name).wait()

    async def _do_raise(self, text):
        raise words.Failure(text)

    async def _do_return(self, value):
        return Returned(value)

    async def _do_try(self, body, cancelled=None, error=None, **last):
        try:
            return await self.run(body)
        except asyncio.CancelledError as raised:
            if cancelled is None:
                raise
            return await self._handle(raised, cancelled)
        except Exception as raised:
            if error is None:
                raise
            return await self._handle(raised, error)
        finally:
            if "finally" in last:
                await self.run(last["finally"])

    async def _handle(self, raised, steps):
        self._say(f"caught {words.error(raised)}")
        self._caught.append(raised)
        try:
            return await self.run(steps)
        finally:
            self._caught.pop()

    async def _do_again(self, _true):
        raise self._caught[-1]

    async def _do_mine(self, _true):
        self._say(f"mine: {_word(asyncio.current_task().cancelling() > 0)}")

    async def _do_cancellation(self, _true):
        import stook

        chain = stook.cancellation(self._caught[-1]).chain
        text = ", from ".join(record.kind for record in chain)
        if (who := chain[-1].who) is not None:
            text += f" by {who.name}"
        if (reason := chain[-1].reason) is not None:
            text += f" because {reason}"
        self._say(text)

    # Other tasks.

    async def _do_spawn(self, names, group=None, token=None):
        for name in [names] if isinstance(names, str) else names:
            if group is not None:
                try:
                    self._stage.start(name, self._stage.groups[group].create_task)
                except RuntimeError:
                    self._say(f"{name} is refused")
            elif token is not None:
                import stook

                self._stage.start(name, stook.create_task, token=self._stage.tokens[token].token)
            else:
                self._stage.start(name)

    async def _do_cancel(self, name, reason=None):
        task = self._task(name)
        asked = task.cancel() if reason is None else task.cancel(reason)
        self._say(f"cancel {name}: {_word(asked)}")

    async def _do_uncancel(self, name):
        self._say(f"uncancel {name}: {self._task(name).uncancel()}")

    async def _do_cancelling(self, name):
        self._say(f"cancelling {name}: {self._task(name).cancelling()}")

    async def _do_state(self, name):
        task = self._task(name)
        self._say(f"{name}: {words.ended(task).split()[0] if task.done() else 'runs'}")

    async def _do_on_done(self, name, say):
        self._task(name).add_done_callback(lambda _task: self._say(say))

    async def _do_await(self, name):
        self._say(f"{name} gave {words.value(await self._stage.awaited(name))}")

    async def _do_join(self, name):
        task = self._stage.awaited(name)
        await self._names.wait([task])
        self._say(f"{name} {words.ended(task)}")

    async def _do_detect_cancel(self, name):
        import stook

        self._say(f"{name} gave {words.value(await stook.detect_cancel(self._task(name)))}")

    async def _do_shield(self, name):
        result = await self._names.shield(self._stage.awaited(name))
        self._say(f"{name} gave {words.value(result)}")

    async def _do_cancel_and_wait(self, name):
        import stook

        task = self._task(name)
        await stook.cancel_and_wait(task)
        self._say(f"{name} {words.ended(task)}")

    # Several.

    async def _do_gather(self, names, collect=False, on_error=None, let=None):
        children = self._awaited(names)
        if on_error is not None:
            import stook

            self._say(f"gave {words.value(await stook.gather(*children, on_error=on_error))}")
            return
        gather = self._names.gather(*children, return_exceptions=collect)
        if let is not None:
            self._stage.tasks[let] = gather
            return
        self._say(f"gave {words.value(await gather)}")

    async def _do_wait(self, names, when="ALL_COMPLETED", timeout=None):
        children = self._awaited(names)
        done, _pending = await self._names.wait(children, return_when=when, timeout=timeout)
        self._say_done(names, done)

    async def _do_wait_any(self, names, timeout=None):
        import stook

        done, _pending = await stook.wait_any(self._awaited(names), timeout=timeout)
        self._say_done(names, done)

    def _say_done(self, names, done):
        is_done = [name for name in names if self._task(name) in done]
        pending = [name for name in names if self._task(name) not in done]
        self._say(f"done [{', '.join(is_done)}], pending [{', '.join(pending)}]")

    async def _do_race(self, names, losers="cancel"):
        import stook

        self._say(f"gave {words.value(await stook.race(*self._awaited(names), losers=losers))}")

    async def _do_first_success(self, names, losers="cancel"):
        import stook

        first = await stook.first_success(*self._awaited(names), losers=losers)
        self._say(f"gave {words.value(first)}")

    async def _do_as_completed(self, names):
        for coming in self._names.as_completed(self._awaited(names)):
            try:
                self._say(f"next returned {words.value(await coming)}")
            except words.Failure as raised:
                self._say(f"next raised {words.error(raised)}")

    # Blocks.

    async def _do_timeout(self, seconds, do):
        async with self._names.timeout(seconds):
            return await self.run(do)

    async def _do_move_on_after(self, seconds, do):
        try:
            async with self._names.timeout(seconds) as scope:
                return await self.run(do)
        except TimeoutError:
            if not scope.expired():
                raise
            self._say("moved on")

    async def _do_wait_for(self, name, timeout):
        child = self._stage.awaited(name)
        try:
            result = await self._names.wait_for(child, timeout)
        except asyncio.CancelledError:
            if DROPS_ANSWERS and not child.cancelled():
                self._stage.dropped.append(name)
            raise
        self._say(f"{name} gave {words.value(result)}")

    async def _do_group(self, name, do):
        async with self._names.TaskGroup() as group:
            self._stage.groups[name] = group
            return await self.run(do)

    # Tokens.

    async def _do_token(self, name, of=()):
        import stook

        parents = [self._stage.tokens[parent].token for parent in of]
        self._stage.tokens[name] = stook.CancellationSource(*parents)

    async def _do_fire(self, name, reason=None):
        self._say(f"fire {name}: {_word(self._stage.tokens[name].cancel(reason))}")

    async def _do_fire_after(self, name, seconds):
        self._stage.tokens[name].cancel_after(seconds)

    async def _do_on_fire(self, name, say):
        self._stage.tokens[name].token.register(lambda _token: self._say(say))

    async def _do_token_state(self, name):
        token = self._stage.tokens[name].token
        state = "fired" if token.is_cancelled else "quiet"
        reason = "" if token.reason is None else f" because {token.reason}"
        self._say(f"{name}: {state}{reason}")

    async def _do_token_wait(self, name):
        reason = await self._stage.tokens[name].token.wait()
        self._say(f"{name} has fired{'' if reason is None else f' because {reason}'}")

    async def _do_scope(self, name, do):
        token = self._stage.tokens[name].token
        try:
            async with token:
                return await self.run(do)
        except asyncio.CancelledError:
            if not token.is_cancelled or asyncio.current_task().cancelling():
                raise
            self._say("left by the token")

    async def _do_when_all(self, names, token):
        import stook

        token = self._stage.tokens[token].token
        self._say(f"gave {words.value(await stook.when_all(self._awaited(names), token))}")

    async def _do_when_any(self, names, token):
        import stook

        token = self._stage.tokens[token].token
        place, result = await stook.when_any(self._awaited(names), token)
        self._say(f"{names[place]} was first and gave {words.value(result)}")


def _word(truth):
    return "yes" if truth else "no"
