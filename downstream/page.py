"""Keeps what was found, as JSON, and writes the page for users from it."""

import dataclasses
import datetime
import json
import platform
import sys
from pathlib import Path

from bench.driver import machine
from conformance import report

from . import place, ways

PAGE = Path(__file__).resolve().parent.parent / "docs" / "downstream.md"
KEPT = place.STORE / "results"


def circumstances():
    """Return what is the same for all suites of a run: when, of which stook, on what machine."""
    shape = machine.shape()
    return {
        "date": datetime.date.today().isoformat(),
        "stook": report.commit(),
        "machine": f"{shape['processor']}, {shape['cores']} cores, {shape['system']}",
    }


def keep(project, way, comparison, origin, directory=KEPT):
    """Keep the result of one suite on one way; ``origin`` is what ``circumstances`` returned."""
    version = "{}.{}".format(*sys.version_info)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{project.name}-{version}-{way}.json"
    found = {
        "project": project.name,
        "version": project.version,
        "python": platform.python_version(),
        "way": way,
        **origin,
        "left_out": list(project.left_out),
        "reasons": {entry["id"]: entry["reason"] for entry in project.expected},
        **dataclasses.asdict(comparison),
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def write(projects, path=PAGE, directory=KEPT):
    """Write the page from the kept results of these projects' present versions."""
    runs = [json.loads(each.read_text(encoding="utf-8")) for each in directory.glob("*.json")]
    runs = [
        run
        for run in runs
        if run["project"] in projects and run["version"] == projects[run["project"]].version
    ]
    path.write_text(render(sorted(runs, key=_place)), encoding="utf-8")


def _place(run):
    python = tuple(int(part) for part in run["python"].split("."))
    return run["project"], python, list(ways.WAYS).index(run["way"])


def render(runs):
    """Return the page that tells of these runs."""
    lines = [_INTRODUCTION]
    lines += [f"- `{way}`: {what}" for way, what in ways.WAYS.items()]
    lines += ["", *_table(runs)]
    machines = dict.fromkeys(run["machine"] for run in runs)
    lines += ["", f"Run on: {'; '.join(machines)}."]
    if left_out := _left_out(runs):
        lines += ["", "Not run where these were made:", "", *left_out]
    if differing := _differing(runs):
        lines += ["", "## What differs", "", *differing]
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
# Suites of other packages

The own tests of packages that build on asyncio, from their source distributions, run on the
standard library and on stook side by side. Made by `cargo xtask downstream --page` from the runs of
`cargo xtask downstream`; see [its README](../downstream/README.md).

A difference is a test that passes on the standard library and on stook fails, crashes, hangs, is
skipped or is not found, or one that merely fails there and crashes or hangs on stook. Other tests
that pass on neither say nothing about stook and are counted apart: some cannot pass for root, some
have to end within seconds, which a busy machine may not grant. Most
of anyio's that are skipped are those on trio, which is not installed.

In the way `watched` the suites run as in `loop`, with all that tells of hangs on, and what is
reported fails the test: they are looked through for false alarms. Of runs that are not in the
table: on CPython 3.11.7 aiohttp, anyio and uvicorn show none; on 3.12.1 and 3.13.0 uvicorn 0.54.0
(1316 tests pass, on stock and on stook), on 3.13.0 anyio 4.16.0 (3240 on stock, 3241 on stook) show
none. aiohttp was not run so on 3.12.1 and 3.13.0, nor anyio on 3.12.1.
"""


def _table(runs):
    columns = "suite | CPython | way | pass, stock | pass, stook | skipped | on neither | differ"
    yield f"| {columns} | stook of | run on |"
    yield "|---|---|---|---:|---:|---:|---:|---:|---|---|"
    for run in runs:
        stock, ours = run["counts"]["stock"], run["counts"]["stook"]
        cells = [
            f"{run['project']} {run['version']}",
            run["python"],
            f"`{run['way']}`",
            stock.get("passed", 0),
            ours.get("passed", 0),
            ours.get("skipped", 0),
            len(run["failing_on_both"]),
            len(run["differences"]) + len(run["expected"]),
            run["stook"],
            run["date"],
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def _left_out(runs):
    told = {}
    for run in runs:
        for entry in run["left_out"]:
            names = " ".join(f"`{name}`" for name in entry["ids"])
            why = f"{entry['when']}; {entry['reason']}" if "when" in entry else entry["reason"]
            told[f"- {run['project']}: {names} ({why})"] = None
    return list(told)


def _differing(runs):
    for run in runs:
        where = f"{run['project']}, CPython {run['python']}, `{run['way']}`"
        for name, kind in (run["differences"] | run["expected"]).items():
            why = f"; {run['reasons'][name]}" if name in run["expected"] else ""
            yield f"- {where}: {kind}: `{name}`{why}"
        for name in run["flaky"]:
            yield f"- {where}: differed once, and not when its file was run again: `{name}`"
