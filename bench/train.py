"""Runs every timed row of task control for a moment: what the compiler is to know of stook's use.

    python -m stook bench/train.py

A build with ``--pgo`` runs it on an instrumented build, and builds again for what was run most.
"""

import asyncio
import time

from rows import ROWS

SECONDS_A_ROW = 0.5


async def train() -> None:
    """Repeat each workload for a while; the rows on input and output wait for other processes."""
    for row in filter(lambda row: row.timed and row.counts, ROWS.values()):
        end = time.monotonic() + SECONDS_A_ROW
        while True:
            await row.workload()
            if time.monotonic() > end:
                break


if __name__ == "__main__":
    asyncio.run(train())
