"""Tasks that a token cancels."""

from stook import _platform
from stook._firing import TaskEntry
from stook._tokens import require_token as check

_core = _platform.load_core()

__all__ = ["cancel_by", "check", "create_task"]

create_task = _core._create_task_of_token


def cancel_by(task, token):
    """Have a task cancelled when a token is; at once, if it is.

    The source keeps the task alive until one of them has ended.
    """
    if task.done():
        # It was eager.
        return
    state = token._state
    entry = TaskEntry(state, task)
    entry.key = state.register(entry)
    if entry.key is not None:
        task.add_done_callback(entry)
    elif state.is_fired:
        _core._cancel_with(task, state.record)
