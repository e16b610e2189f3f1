"""Runs every timed row for a moment: what the compiler is to know of how stook is used.

    python -m stook bench/train.py

A build with ``--pgo`` runs it on an instrumented build, and builds again for what was run most.
"""

import asyncio
import time

from rows import ROWS

SECONDS_A_ROW = 0.5


async def train() -> None:
    """Repeat each workload that is timed for a while."""
    for row in filter(lambda row: row.timed, ROWS.values()):
        end = time.monotonic() + SECONDS_A_ROW
        while True:
            await row.workload()
            if time.monotonic() > end:
                break


if __name__ == "__main__":
    asyncio.run(train())
