"""``TaskGroup``: of many tasks and of one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from driver.row import Lap, Stopwatch, expect, row
from rows.checks import runs_side_by_side
from rows.coroutines import one


async def _groups(children: int, times: int) -> Lap:
    total = 0
    with Stopwatch() as watch:
        for _ in range(times):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one()) for _ in range(children)]
            total += sum(task.result() for task in tasks)
    expect(total, children * times)
    await runs_side_by_side(_grouped)
    return watch.lap(children * times)


async def _grouped(*coroutines: Coroutine[Any, Any, object]) -> None:
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


@row("group/tasks_1k", "one of 1,000 tasks in a TaskGroup", goal=5)
async def tasks_1k() -> Lap:
    return await _groups(1_000, 10)


@row("group/tasks_1", "a TaskGroup with one task", goal=6)
async def tasks_1() -> Lap:
    return await _groups(1, 5_000)
