"""Stories told in every way: each of their tasks cancelled in each turn, once and twice.

``EXPLORE`` is text for programs that run by themselves, for they are run beside the stock
interpreter. A story is a function that is given ``tell`` and returns the coroutines of its tasks.
What is told, how each task ends, the exceptions with all that they refer to, and the objects at the
end: everything is printed.
"""

EXPLORE = '''
import asyncio
import warnings

# A task that is cancelled before its first step never awaits what it was given.
warnings.simplefilter("ignore")

TURNS = 9

def chain(error):
    """An exception with its context and cause, each told once."""
    seen, parts = [], []
    def walk(error, how):
        if error is None:
            return
        if any(error is other for other in seen):
            parts.append(f"{how}:again")
            return
        seen.append(error)
        note = "!" if error.__suppress_context__ else ""
        parts.append(f"{how}:{type(error).__name__}{error.args}{note}")
        walk(error.__cause__, "cause")
        walk(error.__context__, "context")
    walk(error, "error")
    return " ".join(parts)

async def watched(coroutine, name, tell):
    try:
        result = await coroutine
    except BaseException as error:
        tell(name, "ended by", chain(error))
        raise
    tell(name, "returned", result)

async def told(story, victim, turns):
    told = []
    tell = lambda *words: told.append(" ".join(map(str, words)))
    coroutines, things = story(tell)
    tasks = [
        asyncio.create_task(watched(coroutine, f"t{number}", tell))
        for number, coroutine in enumerate(coroutines)
    ]
    for turn in range(TURNS):
        if turn in turns and victim < len(tasks):
            tell("cancel", victim, tasks[victim].cancel(f"in turn {turn}"))
        tell("turn", turn, *things)
        await asyncio.sleep(0)
    for number, task in enumerate(tasks):
        if not task.done():
            tell("left", number, task.cancel("at the end"))
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        tell("outcome", chain(outcome) if isinstance(outcome, BaseException) else outcome)
    tell("at the end", *things)
    return told

def explore(story, victims):
    print("#", story.__name__)
    for victim in range(victims + 1):
        for first in range(TURNS):
            for turns in [(first,), (first, first + 1), (first, first + 2)]:
                if victim == victims and turns != (0,):
                    continue  # nobody is cancelled: once is enough
                print("##", victim, turns)
                for line in asyncio.run(told(story, victim, turns)):
                    print(line)
'''
