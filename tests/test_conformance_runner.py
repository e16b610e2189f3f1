"""The runner of CPython's tests, on small suites that do what real ones must not."""

import contextlib
import dataclasses
import json
import os
import sys
from pathlib import Path

import pytest

from programs import output_of, run_python

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from conformance import baseline, command, results, retries, suite, supervise  # noqa: E402

PACKAGE = "suite_of_this_test"


@pytest.fixture
def settings():
    """Return how a small suite is run: on the standard library, and not for long."""
    return supervise.Settings("asyncio", "types", test_timeout=30, package=PACKAGE)


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    """Write a test module of the small suite."""
    package = tmp_path / "suites" / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(package.parent))

    def write(name, source):
        (package / f"{name}.py").write_text("import os, unittest\n" + source, encoding="utf-8")

    return write


def outcomes(result):
    return {name: test.outcome for name, test in result.tests.items()}


ONE_OF_EACH = """
class Tests(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): self.assertEqual(1, 2)
    def test_raises(self): raise KeyError("lost")
    def test_skips(self): self.skipTest("not today")
    @unittest.expectedFailure
    def test_known_to_fail(self): self.fail()
    @unittest.expectedFailure
    def test_known_to_fail_and_passes(self): pass
    def test_one_part_fails(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertNotEqual(part, 1)

@unittest.skip("a class nobody runs")
class Skipped(unittest.TestCase):
    def test_it(self): pass
"""


def test_every_kind_of_outcome_is_recorded(write_module, settings):
    write_module("test_kinds", ONE_OF_EACH)
    result = supervise.run_module(settings, "test_kinds")
    assert outcomes(result) == {
        "test_kinds.Tests.test_passes": results.PASSED,
        "test_kinds.Tests.test_fails": results.FAILED,
        "test_kinds.Tests.test_raises": results.ERROR,
        "test_kinds.Tests.test_skips": results.SKIPPED,
        "test_kinds.Tests.test_known_to_fail": results.EXPECTED_FAILURE,
        "test_kinds.Tests.test_known_to_fail_and_passes": results.UNEXPECTED_SUCCESS,
        "test_kinds.Tests.test_one_part_fails": results.FAILED,
        "test_kinds.Skipped.test_it": results.SKIPPED,
    }
    assert "KeyError: 'lost'" in result.tests["test_kinds.Tests.test_raises"].detail
    assert result.tests["test_kinds.Tests.test_skips"].detail == "not today"


def test_a_crash_is_recorded_and_the_rest_still_runs(write_module, settings):
    write_module(
        "test_crash",
        """
class Tests(unittest.TestCase):
    def test_1_before(self): pass
    def test_2_aborts(self): os.abort()
    def test_3_between(self): pass
    def test_4_exits(self): os._exit(3)
    def test_5_after(self): self.fail("seen")
""",
    )
    result = supervise.run_module(settings, "test_crash")
    assert list(outcomes(result).values()) == ["passed", "crashed", "passed", "crashed", "failed"]
    aborted = result.tests["test_crash.Tests.test_2_aborts"].detail
    assert "killed by SIGABRT" in aborted
    assert "in test_2_aborts" in aborted, "faulthandler's stack is missing"
    assert "exited with status 3" in result.tests["test_crash.Tests.test_4_exits"].detail


def test_a_hanging_test_is_recorded_with_its_stack(write_module, settings):
    write_module(
        "test_hang",
        """
class Tests(unittest.TestCase):
    def test_1_hangs(self):
        while True: pass
    def test_2_after(self): pass
""",
    )
    settings = dataclasses.replace(settings, test_timeout=1)
    result = supervise.run_module(settings, "test_hang")
    assert list(outcomes(result).values()) == ["hung", "passed"]
    assert "in test_1_hangs" in result.tests["test_hang.Tests.test_1_hangs"].detail


def test_tests_that_a_fixture_kept_from_running_are_not_lost(write_module, settings):
    write_module(
        "test_fixture",
        """
class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no fixture")
    def test_it(self): pass

class Fine(unittest.TestCase):
    def test_it(self): pass
""",
    )
    result = supervise.run_module(settings, "test_fixture")
    assert outcomes(result) == {
        f"setUpClass ({PACKAGE}.test_fixture.Broken)": results.ERROR,
        "test_fixture.Fine.test_it": results.PASSED,
        "test_fixture.Broken.test_it": results.NOT_RUN,
    }


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("os.abort()", "test_dies (import)", "SIGABRT"),
        (
            "import atexit; atexit.register(os._exit, 5)\n"
            "class Tests(unittest.TestCase):\n    def test_it(self): pass\n",
            "test_dies (between tests)",
            "status 5",
        ),
    ],
)
def test_a_crash_outside_tests_has_a_name_too(write_module, settings, source, name, text):
    write_module("test_dies", source)
    result = supervise.run_module(settings, "test_dies")
    assert result.tests[name].outcome == results.CRASHED
    assert text in result.tests[name].detail


def test_debug_mode_reaches_the_tests(write_module, settings):
    write_module(
        "test_debug",
        """
import asyncio
class Tests(unittest.TestCase):
    def test_debug(self):
        with asyncio.Runner() as runner:
            self.assertTrue(runner.get_loop().get_debug())
""",
    )
    quiet = supervise.run_module(settings, "test_debug")
    debug = supervise.run_module(dataclasses.replace(settings, debug=True), "test_debug")
    assert list(outcomes(quiet).values()) == ["failed"]
    assert list(outcomes(debug).values()) == ["passed"]


@pytest.fixture
def write_counting(write_module, tmp_path):
    """Write tests that pass by how often they ran before, on the engine and on stock."""

    def write(**passes):
        tests = "".join(
            f"    def test_{name}(self): self.assertIn(runs({name!r}), {list(when)})\n"
            for name, when in passes.items()
        )
        write_module(
            "test_clock",
            f"""
def runs(name):
    path = os.path.join({str(tmp_path)!r}, name)
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)

class Tests(unittest.TestCase):
{tests}""",
        )

    return write


def settled(settings, retries_):
    result = retries.run(settings, "test_clock", retries_)
    return {name.rpartition("test_")[2]: test for name, test in result.tests.items()}


def test_a_test_that_passes_the_second_time_is_flaky(write_counting, settings):
    write_counting(second_time=[2], never=[])
    tests = settled(settings, retries.Retries())
    assert (tests["second_time"].outcome, tests["second_time"].flaky) == (results.PASSED, True)
    assert tests["second_time"].again == "run again it passes 1 of 1 times"
    assert (tests["never"].outcome, tests["never"].flaky) == (results.FAILED, False)


def test_what_failed_is_judged_by_how_often_stock_passes(write_counting, settings):
    # The first run, four more on the engine, four on stock.
    write_counting(
        as_often=[2, 3, 7, 8], less_often=[2, 3, 4, *range(6, 10)], neither=[], only_here=[2]
    )
    tests = settled(settings, retries.Retries(4, settings))
    assert {name: (test.outcome, test.stock_fails_too) for name, test in tests.items()} == {
        "as_often": (results.PASSED, False),
        "less_often": (results.FAILED, False),
        "neither": (results.FAILED, True),
        "only_here": (results.PASSED, True),
    }
    assert tests["less_often"].again == "run again it passes 3 of 4 times, on stock 4"


@pytest.mark.parametrize("most_settled", [retries.MOST_SETTLED, 0])
def test_what_fails_only_after_another_test_is_not_flaky(
    write_module, settings, monkeypatch, most_settled
):
    # What stands for the engine is debug mode.
    write_module(
        "test_clock",
        """
import asyncio.coroutines
left = []
class Tests(unittest.TestCase):
    def test_1_leaves(self):
        if asyncio.coroutines._is_debug_mode(): left.append(self)
    def test_2_stumbles(self): self.assertFalse(left)
""",
    )
    monkeypatch.setattr(retries, "MOST_SETTLED", most_settled)
    again = retries.Retries(4, settings, company=True)
    stumbles = settled(dataclasses.replace(settings, debug=True), again)["2_stumbles"]
    assert (stumbles.outcome, stumbles.stock_fails_too) == (results.FAILED, False)
    assert stumbles.again.endswith("and fails again after the tests before it")


def test_a_broken_module_is_not_run_again_and_again(write_counting, settings, tmp_path):
    names = [f"broken_{number}" for number in range(retries.MOST_SETTLED + 1)]
    write_counting(**dict.fromkeys(names, ()))
    tests = settled(settings, retries.Retries(4, settings))
    assert {test.outcome for test in tests.values()} == {results.FAILED}
    assert {(tmp_path / name).stat().st_size for name in names} == {2}


def test_the_policy_a_failing_test_leaves_behind_does_not_reach_the_next(write_module, settings):
    write_module(
        "test_policy",
        """
import asyncio
class Policy(asyncio.DefaultEventLoopPolicy): pass
def current(): return type(asyncio.get_event_loop_policy())
class Tests(unittest.TestCase):
    def test_1_leaves(self): asyncio.set_event_loop_policy(Policy())
    def test_2_finds(self): self.assertIs(current(), Policy)
    def test_3_fails(self): self.fail()
    def test_4_finds_nothing(self): self.assertIsNot(current(), Policy)
""",
    )
    found = list(outcomes(supervise.run_module(settings, "test_policy")).values())
    assert found == ["passed", "passed", "failed", "passed"]


def test_a_relative_path_is_good_for_workers_too(write_module, settings, tmp_path, monkeypatch):
    write_module("test_path", "class Tests(unittest.TestCase):\n    def test_it(self): pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "suites")
    assert list(outcomes(supervise.run_module(settings, "test_path")).values()) == ["passed"]


def test_the_stock_result_is_found_once(write_module, settings, tmp_path):
    write_module("test_stock", "class Tests(unittest.TestCase):\n    def test_it(self): pass\n")
    store = tmp_path / "store"
    first = baseline.Baseline(settings, store).module("test_stock")
    write_module("test_stock", "raise SystemExit\n")
    assert baseline.Baseline(settings, store).module("test_stock") == first
    assert outcomes(first) == {"test_stock.Tests.test_it": results.PASSED}


REPLACED = """
import asyncio, sys, unittest
sys.path.append(sys.argv[1])
from conformance import engines

class Loop(asyncio.SelectorEventLoop):
    pass

engines.use_loop_class(Loop)
seen = [asyncio.new_event_loop(), asyncio.SelectorEventLoop()]
seen.append(asyncio.unix_events.SelectorEventLoop())
seen.append(asyncio.DefaultEventLoopPolicy().new_event_loop())
asyncio.set_event_loop_policy(None)
seen.append(asyncio.get_event_loop_policy().new_event_loop())
if sys.version_info >= (3, 13):
    seen.append(asyncio.EventLoop())

async def main():
    seen.append(asyncio.get_running_loop())

asyncio.run(main())

class Tests(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        await main()

assert unittest.TextTestRunner(stream=open("/dev/null", "w")).run(Tests("test_it")).wasSuccessful()
for loop in seen:
    loop.close()
print(len(seen), {type(loop) is Loop for loop in seen})
"""


def test_a_loop_is_replaced_wherever_one_is_made():
    count = 8 if sys.version_info >= (3, 13) else 7
    assert output_of(run_python(["-c", REPLACED, str(ROOT)])) == f"{count} {{True}}\n"


JOINED = """
import asyncio, selectors, sys
sys.path.append(sys.argv[1])
from conformance import engines
place = engines.put_in_place("stook", sys.argv[2])
from asyncio.selector_events import BaseSelectorEventLoop

class Loop(asyncio.BaseEventLoop):
    pass

class SelectorLoop(BaseSelectorEventLoop):
    pass

loops = [Loop(), SelectorLoop(selectors.SelectSelector()), asyncio.new_event_loop()]
print([isinstance(loop, place) for loop in loops])
print([isinstance(loop, asyncio.base_events.BaseEventLoop) for loop in loops])
print([isinstance(loop, BaseSelectorEventLoop) for loop in loops])
for loop in loops[1:]:
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    print(loop.run_until_complete(asyncio.sleep(0, type(loop).__name__)))
for loop in loops:
    loop.close()
"""


@pytest.mark.needs_stook
@pytest.mark.parametrize("mode", ["loop", "both"])
def test_loops_that_a_test_derives_have_the_engine_s_scheduling(mode):
    assert output_of(run_python(["-c", JOINED, str(ROOT), mode])).splitlines() == [
        "[True, True, True]",
        "[True, True, True]",
        "[False, True, True]",
        "SelectorLoop",
        "EventLoop",
    ]


def test_modules_are_chosen_by_name(tmp_path):
    for name in ("test_tasks", "test_ssl", "test_windows_utils", "utils"):
        (tmp_path / f"{name}.py").touch()
    assert suite.choose_modules(None, tmp_path) == ["test_tasks"]
    assert suite.choose_modules("all", tmp_path) == ["test_ssl", "test_tasks"]
    assert suite.choose_modules("test_ssl", tmp_path) == ["test_ssl"]
    with pytest.raises(suite.UnknownModule, match="test_nothing"):
        suite.choose_modules("test_tasks,test_nothing", tmp_path)


def has_suite():
    with contextlib.suppress(suite.SuiteMissing):
        return bool(suite.find_package())
    return False


@pytest.mark.skipif(not has_suite(), reason="this interpreter has no asyncio tests")
def test_stock_is_like_stock(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(baseline, "STORE", tmp_path)
    out = tmp_path / "out.json"
    arguments = ["--engine", "asyncio", "--mode", "both", "--modules", "test_pep492"]
    status = command.main([*arguments, "--match", "*test_iscoroutine*", "--json", str(out)])
    assert status == command.GOOD, capsys.readouterr().out
    [run] = json.loads(out.read_text(encoding="utf-8"))
    module = run["modules"]["test_pep492"]
    assert module["passed"] == module["stock_passed"] >= 1


@pytest.mark.parametrize(("options", "status"), [(["--if-present"], 0), ([], 2)])
def test_an_interpreter_without_tests_is_told_in_one_line(tmp_path, options, status):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "__init__.py").touch()
    command_line = [str(ROOT / "conformance" / "run.py"), "--engine", "asyncio", *options]
    done = run_python(command_line, environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == status
    assert done.stderr.startswith("conformance: no test suite in this interpreter")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not has_suite(), reason="this interpreter has no asyncio tests")
def test_an_engine_that_is_not_there_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(baseline, "STORE", tmp_path)
    (tmp_path / "rloop.py").write_text("raise ImportError('not here')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    status = command.main(["--engine", "rloop", "--modules", "test_context"])
    assert status == command.UNUSABLE
    assert capsys.readouterr().err == "conformance: rloop cannot be imported: not here\n"


@pytest.mark.skipif(not has_suite(), reason="this interpreter has no asyncio tests")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--modules", ""], "no module ''"),
        (["--modules", "test_context,"], "no module ''"),
        (["--match", "*test_nothing*"], "no test matches '*test_nothing*'"),
        (["--mode", ""], "asyncio has no mode ''"),
        (["--poison"], "asyncio has no mode 'all' with --poison"),
        (["--engine", "stook", "--poison", "--mode", "types"], "stook has no mode 'types' with"),
    ],
)
def test_a_run_of_nothing_is_no_success(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.setattr(baseline, "STORE", tmp_path)
    status = command.main(["--engine", "asyncio", "--modules", "test_context", *options])
    assert status == command.UNUSABLE
    assert capsys.readouterr().err.startswith(f"conformance: {message}")


@pytest.mark.parametrize(
    "options",
    [["--jobs", "0"], ["--test-timeout", "0"], ["--test-timeout", "nan"], ["--jobs", "many"]],
)
def test_options_that_leave_no_room_to_run_are_refused(capsys, options):
    with pytest.raises(SystemExit, match="2"):
        command.main(options)
    assert f"argument {options[0]}" in capsys.readouterr().err


WHAT_IS_THERE = """
import asyncio, _asyncio
class Tests(unittest.TestCase):
    def test_types(self):
        for name in (asyncio.Task, asyncio.tasks._CTask, _asyncio.Task, asyncio.futures._CFuture):
            self.assertEqual(name.__module__.partition(".")[0], "_asyncio")
    def test_gather(self):
        self.assertIs(type(asyncio.gather), type(asyncio.run))
    def test_loop(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        self.assertNotIn("stook", str(type(loop).__mro__))
    def test_loop_name(self):
        self.assertEqual(asyncio.SelectorEventLoop.__module__, "asyncio.unix_events")
"""


@pytest.mark.needs_stook
@pytest.mark.parametrize(
    ("mode", "ours"),
    [
        ("types", {"test_types", "test_gather"}),
        ("loop", {"test_loop", "test_loop_name"}),
        ("both", {"test_types", "test_gather", "test_loop", "test_loop_name"}),
    ],
)
def test_stook_is_in_asyncios_place(write_module, settings, mode, ours, monkeypatch):
    write_module("test_there", WHAT_IS_THERE)
    import stook

    stock = supervise.run_module(settings, "test_there")
    assert set(outcomes(stock).values()) == {results.PASSED}
    paths = [os.environ["PYTHONPATH"], os.path.dirname(os.path.dirname(stook.__file__))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    settings = dataclasses.replace(settings, engine="stook", mode=mode)
    found = outcomes(supervise.run_module(settings, "test_there"))
    not_stock = {name.rpartition(".")[2] for name, is_ in found.items() if is_ != results.PASSED}
    assert not_stock == ours
