"""What the wait graph says of queues: which of their methods waits."""

import asyncio

import pytest

pytestmark = pytest.mark.needs_stook


@pytest.fixture
def stook():
    import stook

    return stook


@pytest.mark.parametrize(
    "items, method, arguments, words",
    [
        (0, "get", (), "an item of a queue"),
        (1, "put", (None,), "a place in a queue"),
        (1, "join", (), "the items of a queue to be done"),
    ],
)
async def test_a_queue_says_what_is_waited_for(
    engine, loop, stook, items, method, arguments, words
):
    queue = asyncio.Queue(1)
    for _ in range(items):
        queue.put_nowait(None)

    async def waits():
        await getattr(queue, method)(*arguments)

    task = engine.create_task(waits(), name="one")
    for _ in range(3):
        await engine.sleep(0)
    graph = stook.wait_graph()
    wait = graph.info(task).wait
    assert (wait.kind, wait.what, wait.method) == ("queue", queue, method)
    assert f"one waits for {words}\n" in str(graph)
    task.cancel()
    await engine.wait([task])
