"""The command line: runs modules on an engine, compares with stock, and says what differs."""

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import os
import sys
from pathlib import Path

from . import baseline, engines, expected, judge, report, results, retries, suite, supervise

GOOD, DIFFERENT, UNUSABLE = 0, 1, 2
JUDGED = ("stook", "asyncio")
"""Engines whose differences fail the run; the others are only measured."""
ROUNDS = 4
"""How often a test of a judged engine that failed is run again, there and on stock."""


def main(arguments=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        modules = suite.choose_modules(options.modules)
        entries = expected.read() if options.engine == "stook" else []
        if options.check_arguments:
            _chosen_modes(options)
            return GOOD
        return _run_modes(options, modules, entries)
    except suite.SuiteMissing as error:
        print(f"conformance: {error}", file=sys.stderr)
        return GOOD if options.if_present else UNUSABLE
    except (suite.UnknownModule, expected.BadEntry, supervise.WorkerRefused, NothingToRun) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return UNUSABLE


def _parser():
    parser = argparse.ArgumentParser(
        prog="conformance/run.py",
        description="Run CPython's own asyncio tests on an engine and compare with stock.",
    )
    add = parser.add_argument
    add("--engine", choices=engines.ENGINES, default="stook")
    add("--mode", default="all", help="types, loop, both, several with commas, or all (default)")
    add("--modules", help="names with commas, or all; default: the modules about task control")
    add("--match", metavar="PATTERN", help="only tests whose id matches, such as '*.test_repr'")
    add("--debug", action="store_true", help="with PYTHONASYNCIODEBUG=1, for stock as well")
    add("--poison", action="store_true", help="asyncio's own engine made unusable; mode both only")
    add("--jobs", type=_jobs, default=min(2, os.cpu_count() or 1), help="modules at a time")
    add("--test-timeout", type=_seconds, default=120.0, metavar="SECONDS")
    add("--json", type=_file, metavar="OUT", help="write everything found, tracebacks included")
    add("--report", type=_file, metavar="OUT", help="write the table of all kept results")
    add("--tracebacks", action="store_true", help="show why each regression failed")
    add("--if-present", action="store_true", help="succeed if the interpreter has no tests")
    # What `cargo xtask` asks before it builds: whether the command would refuse its arguments.
    add("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    return parser


def _jobs(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} modules at a time are none")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} seconds are no time to wait")
    return seconds


def _file(text):
    path = Path(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error}") from error
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write {text}")
    return path


class NothingToRun(Exception):
    """The options leave no mode, or no test."""


def _chosen_modes(options):
    has = engines.ENGINES[options.engine]
    if options.poison:
        # Elsewhere asyncio's engine is half of what runs.
        has = (engines.BOTH,) if options.engine == "stook" else ()
    modes = has if options.mode == "all" else tuple(options.mode.split(","))
    for mode in modes or (options.mode,):
        if mode not in has:
            poison = " with --poison" if options.poison else ""
            raise NothingToRun(f"{options.engine} has no mode {mode!r}{poison}")
    return modes


def _run_modes(options, modules, entries):
    runs, good = [], True
    # Stock has the usual time for a test whatever the options say: its result is kept.
    stock_settings = supervise.Settings("asyncio", engines.TYPES, debug=options.debug)
    stock = baseline.Baseline(stock_settings)
    for mode in _chosen_modes(options):
        settings = dataclasses.replace(
            stock_settings,
            engine=options.engine,
            mode=mode,
            poison=options.poison,
            test_timeout=options.test_timeout,
        )
        version = ".".join(map(str, sys.version_info[:2]))
        applying = [entry for entry in entries if entry.applies_to(version, mode, options.debug)]
        print(f"{options.engine}, {mode}, CPython {baseline.version_name()}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = [
                pool.submit(_judge_module, settings, stock, name, applying, options.match)
                for name in modules
            ]
            verdicts = []
            for job in jobs:
                verdicts.append(job.result())
                _show(verdicts[-1], options.tracebacks)
        _show_sum(verdicts)
        if not any(verdict.total for verdict in verdicts):
            raise NothingToRun(f"no test matches {options.match!r}")
        good = good and all(verdict.is_good for verdict in verdicts)
        runs.append(report.describe(settings, verdicts))
        if options.match is None:
            report.keep(runs[-1])
    if options.json:
        baseline.write_json(options.json, runs)
    if options.report:
        report.write(options.report)
    return GOOD if good or options.engine not in JUDGED else DIFFERENT


def _judge_module(settings, stock, name, entries, match):
    before = stock.module(name)
    only = None
    if match is not None:
        only = [test for test in before.tests if fnmatch.fnmatchcase(test, match)]
        before.tests = {test: before.tests[test] for test in only}
        entries = [entry for entry in entries if any(map(entry.matches, only))]
        if not only:
            return judge.judge(before, results.ModuleResult(name), [])
    passed_before = {
        test for test, result in before.tests.items() if result.outcome == results.PASSED
    }
    again = retries.Retries()
    if settings.engine in JUDGED:
        stock_settings = dataclasses.replace(settings, engine="asyncio", poison=False)
        again = retries.Retries(ROUNDS, stock_settings, company=True)
    here = retries.run(settings, name, again, only=only, passed_before=passed_before)
    return judge.judge(before, here, entries)


def _show(verdict, tracebacks):
    line = (
        f"  {verdict.module:26} {verdict.total:5} tests {verdict.passed:5} passed"
        f" {verdict.stock_passed:5} on stock"
    )
    for word in ("listed", "regressions", "stale", "unsettled", "flaky"):
        if found := getattr(verdict, word):
            line += f"  {len(found)} {word}"
    print(line)
    for name, reason in verdict.listed.items():
        print(f"      listed      {name}: {reason}")
    for name in verdict.stale:
        print(f"      stale       {name}: it passes, or is no test; take it off the list")
    for word in ("flaky", "unsettled"):
        for name, again in getattr(verdict, word).items():
            print(f"      {word:11} {name}: {again}")
    for name, test in verdict.regressions.items():
        again = f"; {test.again}" if test.again else ""
        print(f"      REGRESSION  {name}: {test.outcome}{again}")
        if tracebacks:
            print("".join(f"          {line}\n" for line in test.detail.splitlines()), end="")
    sys.stdout.flush()


def _show_sum(verdicts):
    total, passed, stock_passed, regressions, listed, stale, flaky = (
        sum(verdict.total for verdict in verdicts),
        sum(verdict.passed for verdict in verdicts),
        sum(verdict.stock_passed for verdict in verdicts),
        sum(len(verdict.regressions) for verdict in verdicts),
        sum(len(verdict.listed) for verdict in verdicts),
        sum(len(verdict.stale) for verdict in verdicts),
        sum(len(verdict.flaky) for verdict in verdicts),
    )
    print(
        f"  {'all':26} {total:5} tests {passed:5} passed {stock_passed:5} on stock"
        f"  {regressions} regressions, {listed} listed, {stale} stale, {flaky} flaky",
        flush=True,
    )
