"""What the native functions and methods tell about themselves is what the standard ones tell."""

import json

import pytest

from programs import output_of, run_python

pytestmark = pytest.mark.needs_stook

# Printed by both engines: signature, documentation and kind of everything a program may ask about.
DESCRIBE = """
import asyncio, inspect, json

FUNCTIONS = '''
    gather wait sleep create_task ensure_future current_task all_tasks get_running_loop
    get_event_loop _get_running_loop _set_running_loop _enter_task _leave_task _register_task
    _unregister_task isfuture iscoroutine eager_task_factory create_eager_task_factory
'''.split()
LOOP_METHODS = '''
    call_soon call_later call_at call_soon_threadsafe create_task create_future run_forever
    run_until_complete stop close is_running is_closed time set_task_factory get_task_factory
    set_exception_handler get_exception_handler default_exception_handler call_exception_handler
    get_debug set_debug run_in_executor
'''.split()

def describe(thing):
    try:
        signature = str(inspect.signature(thing))
    except (ValueError, TypeError) as error:
        signature = type(error).__name__
    return {
        "signature": signature,
        "documented": bool(inspect.getdoc(thing)),
        "coroutine function": inspect.iscoroutinefunction(thing),
        "asyncio's coroutine function": asyncio.iscoroutinefunction(thing),
        "name": getattr(thing, "__name__", None),
        "callable": callable(thing),
    }

loop = asyncio.new_event_loop()
found = {name: describe(getattr(asyncio, name)) for name in FUNCTIONS if hasattr(asyncio, name)}
for kind in (asyncio.Future, asyncio.Task):
    found[kind.__name__] = describe(kind)
    for name in dir(kind):
        if not name.startswith("__") and callable(getattr(kind, name)):
            found[f"{kind.__name__}.{name}"] = describe(getattr(kind, name))
for name in LOOP_METHODS:
    found[f"loop.{name}"] = describe(getattr(loop, name))
timer = loop.call_later(3600, print)
for name in ("cancel", "cancelled", "when"):
    described = describe(getattr(timer, name))
    found[f"handle.{name}"] = {"signature": described["signature"]}
loop.close()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def described():
    """Give what the stock interpreter and ours print."""
    stock = output_of(run_python(["-c", DESCRIBE]))
    ours = output_of(run_python(["-m", "stook", "-c", DESCRIBE]))
    return json.loads(stock), json.loads(ours)


def test_the_same_names_are_there(described):
    stock, ours = described
    assert len(stock) > 60
    assert sorted(stock.keys() - ours.keys()) == []


@pytest.mark.parametrize(
    "aspect",
    [
        "signature",
        "coroutine function",
        "asyncio's coroutine function",
        "name",
        "callable",
    ],
)
def test_they_tell_the_same(described, aspect):
    stock, ours = described
    different = {
        name: (told.get(aspect), ours[name].get(aspect))
        for name, told in stock.items()
        if name in ours and told.get(aspect) != ours[name].get(aspect)
    }
    assert different == {}


def test_what_is_documented_there_is_documented_here(described):
    stock, ours = described
    silent = [
        name for name in stock if stock[name].get("documented") and not ours[name]["documented"]
    ]
    assert silent == []


HELP = """
import asyncio, pydoc
for thing in (asyncio.Task, asyncio.Future, asyncio.gather, asyncio.wait, asyncio.sleep):
    text = pydoc.render_doc(thing, renderer=pydoc.plaintext)
    assert thing.__name__ in text
    print(thing.__name__, len(text) > 80)
"""


def test_help_can_be_asked_for():
    lines = output_of(run_python(["-m", "stook", "-c", HELP])).splitlines()
    assert lines == ["Task True", "Future True", "gather True", "wait True", "sleep True"]
