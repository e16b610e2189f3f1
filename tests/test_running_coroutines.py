"""Coroutines that are looked at while they run: CPython may say that they await no object."""

import pytest

ROUNDS = 60_000
"""So often is an instruction run, whose cache has looked like another instruction by then."""
BODY = """
{kind} main():
    for _ in range({rounds}):
        looker.attribute
    {end}
"""
KINDS = {
    "coroutine": ("async def", "return"),
    "generator": ("def", "yield"),
    "asynchronous generator": ("async def", "yield"),
}


class Looker:
    """Looks at what runs whenever it is asked for an attribute that it does not have."""

    def __init__(self, codes):
        self.codes = codes
        self.running = self.code = None
        self.looks = 0

    def __getattr__(self, name):
        assert self.codes(self.running) == [self.code]
        self.looks += 1


@pytest.mark.needs_stook
@pytest.mark.parametrize("kind", KINDS)
def test_one_that_runs_awaits_nothing(kind):
    looker = Looker(pytest.importorskip("stook")._core._codes)
    keyword, end = KINDS[kind]
    namespace = {"looker": looker}
    exec(BODY.format(kind=keyword, rounds=ROUNDS, end=end), namespace)
    looker.code = namespace["main"].__code__
    looker.running = namespace["main"]()
    is_asynchronous = kind == "asynchronous generator"
    step = looker.running.__anext__() if is_asynchronous else looker.running
    try:
        step.send(None)
    except StopIteration:
        pass
    assert looker.looks == ROUNDS
