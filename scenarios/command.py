"""The recorder: what the scenarios give on this interpreter, written into them or compared."""

import argparse
import difflib
import json
import pathlib
import shutil
import sys

from . import ways
from .draw import draw
from .files import CORPUS, Scenario, corpus

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main(arguments=None):
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="scenarios/record.py", description=__doc__)
    writing = parser.add_mutually_exclusive_group()
    writing.add_argument(
        "--write", action="store_true", help="write what this interpreter gives, for all versions"
    )
    writing.add_argument(
        "--add", action="store_true", help="write, for this version, what it gives otherwise"
    )
    parser.add_argument("--only", default="", help="scenarios with this in their names")
    parser.add_argument(
        "--way", choices=ways.WAYS, default=ways.STOCK, help="run them in this way, and compare"
    )
    parser.add_argument(
        "--random",
        type=_number,
        metavar="N",
        help="draw so many scenarios, and observe them instead",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first of them")
    parser.add_argument(
        "--into", type=pathlib.Path, help="a folder for random ones, for the tokio face to observe"
    )
    parser.add_argument("--corpus", type=pathlib.Path, default=CORPUS, help="the folder of them")
    # What `cargo xtask` asks before it builds: whether the command would refuse its arguments.
    parser.add_argument("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.random is None and not any(
        options.only in one.name for one in corpus(options.corpus)
    ):
        parser.error(f"no scenario in {options.corpus} has {options.only!r} in its name")
    if options.check_arguments:
        return 0
    if options.random is not None:
        return _random(range(options.seed, options.seed + options.random), options)
    chosen = [one for one in corpus(options.corpus) if options.only in one.name]
    chosen = [one for one in chosen if one.runs_on()]
    different = 0
    for scenario in chosen:
        lines = ways.observe(scenario, options.way)
        if options.write or options.add:
            _write(scenario, lines, is_new=options.write)
        elif not scenario.same(lines, expected := scenario.expected()):
            different += 1
            print(f"{scenario.name} differs:")
            print("\n".join(difflib.unified_diff(expected or [], lines, "file", "here", n=99)))
    by_rust = sum("observed" in scenario.rust for scenario in chosen)
    print(
        f"{len(chosen)} scenarios on {VERSION}, {different} differ; "
        f"the tokio face has observations of its own of {by_rust}"
    )
    return 1 if different or not chosen else 0


def _number(text):
    """Return the number that the text is, at least one: of no scenario nothing differs."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _random(seeds, options):
    """Observe random scenarios in all ways, and write them for the other face."""
    others = [way for way in ways.WAYS if way not in (ways.STOCK, "installed")]
    folder = options.into and options.into / "random"
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    different = 0
    of_python = []
    for seed in seeds:
        content = {"about": f"Drawn from {seed}.", "at_one_time": True, "tasks": draw(seed)}
        path = pathlib.Path(folder or ".", f"{seed}.json")
        scenario = Scenario(path, json.dumps(content))
        stage = ways.stage(scenario)
        lines = stage.perform()
        for way in others:
            if not scenario.same(found := ways.observe(scenario, way), lines):
                different += 1
                print(f"seed {seed} differs with {way}:")
                print("\n".join(difflib.unified_diff(lines, found, ways.STOCK, way, n=99)))
        if stage.dropped:
            of_python.append(seed)
        elif folder:
            content["observed"] = {"by": ways.by(scenario), "cpython": "\n".join(lines)}
            path.write_text(json.dumps(content), encoding="utf-8")
    print(f"{len(seeds)} random scenarios on {VERSION}, {different} differ")
    if of_python:
        print(
            f"{len(of_python)} not for the tokio face, seeds {', '.join(map(str, of_python))}: "
            f"a wait_for of {VERSION} was cancelled and has dropped what its child gave"
        )
    return 1 if different else 0


def _write(scenario, lines, *, is_new):
    observed = scenario.observed
    cpython = observed.get("cpython", "").splitlines()
    versions = {
        key: text.splitlines() for key, text in observed.items() if key not in ("by", "cpython")
    }
    versions.pop(VERSION, None)
    is_same = scenario.same(lines, cpython)
    if is_new and not is_same:
        cpython, versions = lines, {}
    elif not is_same:
        versions[VERSION] = lines
    text = scenario.with_observed(ways.by(scenario), cpython, versions)
    scenario.path.write_text(text, encoding="utf-8")
