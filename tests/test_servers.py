"""httpx, aiohttp (client and server) and uvicorn talk over the loopback, plain and with TLS.

Each program runs on the stock interpreter first and must print the same on stook.
"""

import functools
import importlib.util
import pathlib

import pytest

import tls
from programs import output_of, run_python

SERVED = pathlib.Path(__file__).parent / "served"
NEEDS = {
    "aiohttp_both": ["aiohttp"],
    "httpx_first_of": ["httpx"],
    "uvicorn_app": ["uvicorn", "httpx"],
    "uvicorn_run": ["uvicorn"],
}
STOOK = ["-m", "stook"]


def run(front, name, *arguments):
    """Run a program of ``served`` and return its lines; leave the test out where it cannot run."""
    for module in NEEDS[name]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    process = run_python(
        [*front, str(SERVED / f"{name}.py"), *arguments], environment={"PYTHONASYNCIODEBUG": ""}
    )
    return output_of(process).splitlines()


@functools.cache
def on_stock(name, scheme):
    """Return what a program prints on the stock interpreter."""
    return run([], name, scheme, str(tls.CERTIFICATES))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", ["aiohttp_both", "httpx_first_of", "uvicorn_app"])
class TestOneLoop:
    """Server and client in one loop."""

    def test_on_the_stock_interpreter(self, name, scheme):
        lines = on_stock(name, scheme)
        assert lines[0] == "loop: asyncio.unix_events"
        assert lines[-1] == "ended"

    @pytest.mark.needs_stook
    def test_the_same_on_stook(self, name, scheme):
        expected = on_stock(name, scheme)
        lines = run(STOOK, name, scheme, str(tls.CERTIFICATES))
        assert lines[0] == "loop: stook.events"
        assert lines[1:] == expected[1:]

    @pytest.mark.needs_stook
    def test_the_same_by_a_policy(self, name, scheme, tmp_path):
        expected = on_stock(name, scheme)
        front = tmp_path / "front.py"
        front.write_text(BY_POLICY, encoding="utf-8")
        lines = run([str(front)], name, scheme, str(tls.CERTIFICATES))
        assert lines[0] == "loop: stook.events"
        assert lines[1:] == expected[1:]


BY_POLICY = """
import asyncio, runpy, sys
import stook
asyncio.set_event_loop_policy(stook.EventLoopPolicy())
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_uvicorn_runs_on_the_stock_interpreter():
    assert run([], "uvicorn_run", "asyncio") == ["200 asyncio.unix_events", "terminated"]


@pytest.mark.needs_stook
@pytest.mark.parametrize("front", [[], STOOK], ids=["python", "stook"])
def test_uvicorn_takes_our_loop_by_name(front):
    assert run(front, "uvicorn_run", "stook:new_event_loop") == ["200 stook.events", "terminated"]


@pytest.mark.needs_stook
@pytest.mark.parametrize("loop", ["asyncio", "none"])
def test_uvicorn_runs_under_the_launcher(loop):
    assert run(STOOK, "uvicorn_run", loop) == ["200 stook.events", "terminated"]
