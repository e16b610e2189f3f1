"""What natives were written for, and what an interpreter has: ``python -m conformance.reviewed``.

A native takes the place of a function of asyncio's only where the fingerprint of that function is
in the table (``crates/stook-py/src/reviewed/table.rs``). This prints what is not in it, of the
running interpreter or of a directory with the sources of ``asyncio`` that the running interpreter
compiles, and adds it to the table when asked to: after somebody has read what changed.
"""

import argparse
import importlib
import pathlib
import platform
import re
import sys

TABLE = pathlib.Path(__file__).parents[1] / "crates/stook-py/src/reviewed/table.rs"
LEVELS = {0: "", 1: " -O", 2: " -OO"}
_ROW = re.compile(r'    \(\n?\s*\("([\w.]+)", "(\w+)"\),\s*&\[([^]]*)\],?\s*\),\n')
_ENTRY = re.compile(r"(0x[0-9a-f_]+), // ([^\n]*)")


def read(text):
    """Return ``{(module, name): {fingerprint: versions}}`` of a table."""
    _, _, rows = text.partition("pub(super) const REVIEWED")
    return {
        (module, name): {
            entry.replace("_", ""): versions.split(", ")
            for entry, versions in _ENTRY.findall(entries)
        }
        for module, name, entries in _ROW.findall(rows)
    }


def write(text, table):
    """Return ``text`` with ``table`` in the place of its own."""
    head, start, _ = text.partition("pub(super) const REVIEWED: &[(Unit, &[u64])] = &[\n")
    rows = []
    for (module, name), found in sorted(table.items()):
        rows.append(f'    (\n        ("{module}", "{name}"),\n        &[\n')
        for fingerprint, versions in sorted(found.items(), key=lambda entry: entry[1]):
            rows.append(f"            {_grouped(fingerprint)}, // {', '.join(versions)}\n")
        rows.append("        ],\n    ),\n")
    return f"{head}{start}{''.join(rows)}];\n"


def _grouped(fingerprint):
    digits = fingerprint[2:]
    return "0x" + "_".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def of_sources(directory, units):
    """Yield ``(unit, fingerprint, level)`` of the sources of asyncio in ``directory``."""
    from stook import _core

    for module in sorted({module for module, _ in units}):
        path = pathlib.Path(directory, module.partition(".")[2] + ".py")
        for level in LEVELS:
            code = compile(path.read_bytes(), str(path), "exec", optimize=level, dont_inherit=True)
            for unit in units:
                # The last one of a name is the one that stays.
                found = [
                    constant
                    for constant in code.co_consts
                    if unit == (module, getattr(constant, "co_name", None))
                ]
                if found:
                    yield unit, "0x" + _core._fingerprint(found[-1]), level


def of_interpreter(units):
    """Yield ``(unit, fingerprint, level)`` of the interpreter that runs this."""
    from stook import _core

    for module, name in units:
        found = getattr(importlib.import_module(module), name, None)
        if found is not None:
            yield (module, name), "0x" + _core._fingerprint(found), sys.flags.optimize


def main(arguments=None):
    """Print what is not in the table; return 1 when there is something."""
    parser = argparse.ArgumentParser(prog="python -m conformance.reviewed", description=__doc__)
    parser.add_argument("--sources", metavar="DIR", help="the asyncio to look at")
    parser.add_argument("--version", help="what to call it", default=platform.python_version())
    parser.add_argument("--all", action="store_true", help="print what is in the table too")
    parser.add_argument("--write", action="store_true", help="add what is new to the table")
    options = parser.parse_args(arguments)
    text = TABLE.read_text()
    table = read(text)
    found = of_sources(options.sources, table) if options.sources else of_interpreter(table)
    news = 0
    for unit, fingerprint, level in found:
        known = table[unit].setdefault(fingerprint, [])
        news += not known
        if options.all or not known:
            state = f"known from {', '.join(known)}" if known else "new"
            print(f"{'.'.join(unit)} {fingerprint}{LEVELS[level]}: {state}")
        version = options.version + LEVELS[level]
        if version not in known:
            known.append(version)
    if options.write:
        TABLE.write_text(write(text, table))
    return int(news > 0 and not options.write)


if __name__ == "__main__":
    sys.exit(main())
