"""Natives take the place of what they were written for, and of nothing else."""

import textwrap

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook


def test_all_that_natives_stand_for_is_known():
    """What is not has to be read, then ``python -m conformance.reviewed --write`` adds it."""
    from stook import _core

    found = _core._reviewed()
    assert len(found) > 30
    assert [(module, name) for module, name, code, known in found if code and not known] == []


def test_most_of_it_is_there():
    from stook import _core

    missing = {name for _, name, code, _ in _core._reviewed() if not code}
    assert missing <= {
        "_AsCompletedIterator",
        "_cancel_and_wait",
        "_ensure_future",
        "_wrap_awaitable",
    }


def function_of(text):
    """Return the one function, or class, that the text defines."""
    names = {}
    exec(compile(textwrap.dedent(text), "somewhere", "exec"), names)
    del names["__builtins__"]
    (function,) = names.values()
    return function


ORIGINAL = """
def wait(first, *, last=None):
    "Wait."
    if first < 3:
        return {item.name for item in last}
    return first.wait(("a", 1), None)
"""

ALIKE = {
    "lines": "\n\n\n" + ORIGINAL,
    "comments": ORIGINAL.replace("if first", "# a comment\n    if first"),
    "documentation": ORIGINAL.replace("Wait.", "Wait for what is to come."),
    "annotations": ORIGINAL.replace("last=None)", "last: int = None) -> None"),
}

DIFFERENT = {
    "an operator": ORIGINAL.replace("first < 3", "first <= 3"),
    "a number": ORIGINAL.replace("3", "4"),
    "a text": ORIGINAL.replace('"a"', '"b"'),
    "the kind of a number": ORIGINAL.replace("1)", "1.0)"),
    "a name": ORIGINAL.replace("first.wait", "first.await_"),
    "a parameter's name": ORIGINAL.replace("last", "end"),
    "a parameter's kind": ORIGINAL.replace("first, *,", "first,"),
    "a coroutine function": ORIGINAL.replace("def", "async def"),
    "what is inside": ORIGINAL.replace("item.name", "item.text"),
    "a statement": ORIGINAL.replace("if first", "first.begin()\n    if first"),
    "the order": ORIGINAL.replace('("a", 1), None', 'None, ("a", 1)'),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["function", "method"])
@pytest.mark.parametrize("case", [*ALIKE, *DIFFERENT])
def test_a_fingerprint_tells_code_from_other_code(case, wrapped):
    from stook import _core

    texts = [ORIGINAL, (ALIKE | DIFFERENT)[case]]
    if wrapped:
        texts = ["class Waiter:\n" + textwrap.indent(text, "    ") for text in texts]
    one, other = (_core._fingerprint(function_of(text)) for text in texts)
    assert (one == other) is (case in ALIKE)
    assert len(one) == 16


def test_a_class_has_the_fingerprint_of_its_code():
    from stook import _core

    text = """
    class Waiter:
        limit = 3
        def __init__(self):
            self.items = []
        @property
        def first(self):
            return self.items[0]
        @first.setter
        def first(self, item):
            self.items[:] = [item]
        @staticmethod
        def make():
            return Waiter()
        @classmethod
        def of(cls, item):
            return cls()
        async def wait(self):
            return [item async for item in self]
    """
    code = compile(textwrap.dedent(text), "somewhere", "exec")
    (body,) = (constant for constant in code.co_consts if hasattr(constant, "co_code"))
    assert _core._fingerprint(function_of(text)) == _core._fingerprint(body)


@pytest.mark.parametrize("wrong", [3, None, len, "text"])
def test_what_is_no_python_code_has_no_fingerprint(wrong):
    from stook import _core

    with pytest.raises(AttributeError):
        _core._fingerprint(wrong)


BEGINNING = """
import asyncio, inspect

def is_native(function):
    return type(function) is not type(is_native)
"""

RUN = """
async def main():
    lock = asyncio.Lock()
    async with lock:
        print("locked", lock.locked())
    async def value(result):
        await asyncio.sleep(0)
        return result
    print(await asyncio.gather(value(1), asyncio.shield(value(2))))
    print(sorted([await item for item in asyncio.as_completed([value(3), value(4)])]))
    print(await asyncio.wait_for(value(5), 10))
asyncio.run(main())
"""

REPLACED = {
    "nothing": """
        stook.install()
        print(is_native(asyncio.Lock.acquire), is_native(asyncio.shield))
        print(is_native(asyncio.gather), is_native(asyncio.tasks.gather))
    """,
    "a function, before stook is imported": """
        def shield(arg):
            print("mine")
            return own(arg)
        own, asyncio.shield = asyncio.shield, shield
        asyncio.tasks.shield = shield
        stook.install()
        print(asyncio.shield is shield, asyncio.tasks.shield is shield)
        print(is_native(asyncio.gather))
    """,
    "a function, after stook is imported": """
        stook._core
        def gather(*futures):
            print("mine")
            return own(*futures)
        own, asyncio.gather = asyncio.gather, gather
        stook.install()
        print(asyncio.gather is gather, is_native(asyncio.tasks.gather))
        stook.uninstall()
        print(asyncio.gather is gather, asyncio.tasks.gather is own)
        stook.install()
    """,
    "a method, before stook is imported": """
        async def acquire(self):
            print("mine")
            return await own(self)
        own, asyncio.Lock.acquire = asyncio.Lock.acquire, acquire
        stook.install()
        print(asyncio.Lock.acquire is acquire, is_native(asyncio.Lock.release))
        print(is_native(asyncio.gather))
    """,
    "a method, after stook is imported": """
        stook._core
        async def acquire(self):
            print("mine")
            return await own(self)
        own, asyncio.Lock.acquire = asyncio.Lock.acquire, acquire
        stook.install()
        print(asyncio.Lock.acquire is acquire)
        stook.uninstall()
        print(asyncio.Lock.acquire is acquire, is_native(asyncio.Lock.release))
    """,
    "a method that natives do the work of": """
        def _get_loop(self):
            return own(self)
        own, asyncio.mixins._LoopBoundMixin._get_loop = (
            asyncio.mixins._LoopBoundMixin._get_loop, _get_loop
        )
        stook.install()
        print(is_native(asyncio.Lock.acquire), is_native(asyncio.as_completed))
        print(is_native(asyncio.gather), is_native(asyncio.shield))
    """,
    "a function by what is none": """
        class Callable:
            def __call__(self, *futures):
                print("mine")
                return own(*futures)
        own, asyncio.tasks.gather = asyncio.tasks.gather, Callable()
        asyncio.gather = asyncio.tasks.gather
        stook.install()
        print(type(asyncio.gather).__name__)
    """,
    "the text of a version that nobody has read": """
        source = inspect.getsource(asyncio.tasks.shield)
        exec(source.replace("inner.done()", "bool(inner.done())"), vars(asyncio.tasks))
        asyncio.shield = asyncio.tasks.shield
        stook.install()
        print(is_native(asyncio.shield), is_native(asyncio.gather))
        print(dict((name, known) for _, name, _, known in stook._core._reviewed())["shield"])
    """,
}

EXPECTED = {
    "nothing": ["True True", "True True"],
    "a function, before stook is imported": ["True True", "True"],
    "a function, after stook is imported": ["True True", "True True"],
    "a method, before stook is imported": ["True False", "True"],
    "a method, after stook is imported": ["True", "True False"],
    "a method that natives do the work of": ["False False", "True True"],
    "a function by what is none": ["Callable"],
    "the text of a version that nobody has read": ["False True", "False"],
}


@pytest.mark.parametrize("name", REPLACED)
def test_what_was_replaced_stays(name):
    replaced = textwrap.dedent(REPLACED[name])
    program = f"{BEGINNING}\nimport stook\n{replaced}\n{RUN}"
    lines = output_of(run_python(["-c", program])).splitlines()
    told = EXPECTED[name]
    assert lines[: len(told)] == told
    ran = [line for line in lines[len(told) :] if line != "mine"]
    assert ran == ["locked True", "[1, 2]", "[3, 4]", "5"]
    assert ("mine" in lines) is ("mine" in replaced)
