"""Programs that once hung or failed on stook alone, each run beside the stock interpreter."""

import subprocess
import sys
import textwrap

import pytest

NESTED = """
    import asyncio, nest_asyncio
    nest_asyncio.apply()
    async def inner(name, delay):
        await asyncio.sleep(delay)
        print("done", name)
        return name
    async def task(name, delay):
        return asyncio.run(inner(name, delay))
    async def main():
        return await asyncio.gather(task("A", {first}), task("B", {second}))
    print(asyncio.run(main()))
"""

PROGRAMS = {
    "nested runs that end together": NESTED.format(first=0.02, second=0.02),
    "nested runs, the lower one first": NESTED.format(first=0.01, second=0.05),
    "nested runs, the upper one first": NESTED.format(first=0.05, second=0.01),
    "yield from in a generator-based coroutine": """
        import asyncio, types
        @types.coroutine
        def legacy():
            return (yield from asyncio.sleep(0, "slept"))
        async def main():
            return await legacy()
        print(asyncio.run(main()))
    """,
    "wait for an iterator without futures": """
        import asyncio
        async def main():
            try:
                await asyncio.wait(iter([]))
            except AssertionError as error:
                print(repr(error))
        asyncio.run(main())
    """,
    "a run that is refused leaves the loop running": """
        import asyncio, sys
        async def other(): pass
        async def main():
            loop = asyncio.get_running_loop()
            try:
                loop.run_forever()
            except RuntimeError as error:
                print(error)
            if sys.version_info < (3, 13):  # 3.13.0 forgets it
                print(asyncio.get_running_loop() is loop)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_does_what_it_does_on_stock(name, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAMS[name]), encoding="utf-8")
    stock, ours = (
        subprocess.run(
            [sys.executable, *front, str(script)], capture_output=True, text=True, timeout=30
        )
        for front in ([], ["-m", "stook"])
    )
    assert (ours.returncode, ours.stdout) == (stock.returncode, stock.stdout)
    assert stock.stdout
