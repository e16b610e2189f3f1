"""The tokio face's examples print what the same stories print in Python, on either loop."""

import asyncio
import functools
import importlib
import pathlib

import pytest
from conformance.order.virtual_time import virtual_loop_class

from engines import STOCK_ONLY

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "crates/stook/examples"
PRINTED = sorted(path.name.removesuffix(".out") for path in EXAMPLES.glob("*.out"))
LOOPS = ["asyncio:SelectorEventLoop"] + ([] if STOCK_ONLY else ["stook:new_event_loop"])

ELSEWHERE = {"tokens"}
"""Its story is `examples/tokens.py`, which `test_examples.py` runs."""
OF_TOKIO = {"blocked_by_cancel"}
"""What they print are reports, which the tokio face words for itself."""
REAL_TIME = {"first_completed"}
"""What they wait for comes by sockets."""
FAILING = {"flaky_gather": ValueError}


def deadlocked():
    """Fail where a story waits for what never comes."""
    raise AssertionError("the story hangs")


@pytest.mark.parametrize("maker", LOOPS)
@pytest.mark.parametrize("case", [one for one in PRINTED if one not in ELSEWHERE | OF_TOKIO])
def test_a_story_prints_what_the_example_does(case, maker, capsys):
    name, *arguments = case.split(".")
    story = importlib.import_module(f"stories.{name}")
    make = virtual_loop_class(maker)
    if name in REAL_TIME:
        module, _, maker_name = maker.partition(":")
        make = getattr(importlib.import_module(module), maker_name)
    else:
        make = functools.partial(make, deadlocked)
    unread = []
    with asyncio.Runner(loop_factory=make) as runner:
        runner.get_loop().set_exception_handler(lambda _loop, context: unread.append(context))
        if error := FAILING.get(name):
            with pytest.raises(error):
                runner.run(story.main(*arguments))
        else:
            runner.run(story.main(*arguments))
        printed = capsys.readouterr().out
    assert printed == (EXAMPLES / f"{case}.out").read_text(encoding="utf-8")
    assert len(unread) == (5 if name == "flaky_wait" else 0), unread


def test_the_stories_told_elsewhere_are_the_same():
    for name in ELSEWHERE:
        told = (ROOT / "examples" / f"{name}.out").read_text(encoding="utf-8")
        assert told == (EXAMPLES / f"{name}.out").read_text(encoding="utf-8")


def test_every_example_of_the_tokio_face_has_a_story():
    sources = {path.stem for path in EXAMPLES.glob("*.rs")}
    assert sources == {case.split(".")[0] for case in PRINTED}
    told = {path.stem for path in (ROOT / "tests/stories").glob("*.py")}
    assert sources - told == ELSEWHERE | OF_TOKIO
    assert told - sources == {"__init__", "flaky"}
