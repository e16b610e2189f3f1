"""The workloads, one file an area."""

import importlib

from driver.row import registered

AREAS = (
    "task",
    "gather",
    "sleep",
    "wait",
    "group",
    "first",
    "cancel",
    "timeout",
    "synchronisation",
    "loop",
    "threads",
    "memory",
    "io_stream",
    "io_datagram",
    "io_subprocess",
)
"""The files, in the order of the table."""

for area in AREAS:
    importlib.import_module(f"rows.{area}")

ROWS = {row.name: row for row in registered()}
"""Every row by name."""
