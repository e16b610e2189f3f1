"""Operations that other threads do, which end before the loop goes on, and signals."""

from .operations import anywhere, in_loop
from .tree import Node, attempt


@anywhere(1.2)
def run_threadsafe(draw):
    """Start a coroutine as another thread does, from this one or from another."""
    name, call = draw.call_name(), f"{draw.coroutine()}, loop"
    text = f"asyncio.run_coroutine_threadsafe({call})"
    if draw.chance(0.4):
        function = '"run_coroutine_threadsafe", asyncio.run_coroutine_threadsafe'
        text = f"stage.in_thread({function}, {call})"
    lines = [f'calls["{name}"] = {text}']
    if draw.chance(0.5):
        lines.append(f'calls["{name}"].add_done_callback({_told(name)})')
    return Node("\n".join(lines))


@anywhere(1)
def use_threads_future(draw):
    """Do something with the future that another thread has."""
    name = draw.call_name()
    choice = draw.rng.random()
    if choice < 0.35:
        return attempt(f"{name}.cancel", f'lambda: calls["{name}"].cancel()')
    if choice < 0.6:
        return attempt(f"{name}.result", f'lambda: calls["{name}"].result(0)')
    if choice < 0.8:
        add = f'lambda: calls["{name}"].add_done_callback({_told(name)})'
        return attempt(f"{name}.add_done_callback", add)
    return attempt(f"{name}.done", f'lambda: calls["{name}"].done()')


def _told(name):
    return f'lambda done: say("{name} is", done.done(), done.cancelled())'


@in_loop(0.6)
def wrap_threads_future(draw):
    """Make a future of the loop from the future that another thread has."""
    wrapped = f'asyncio.wrap_future(calls["{draw.call_name()}"], loop=loop)'
    name = draw.other_name()
    return attempt(f"{name}.wrap_future", f'lambda: box.__setitem__("{name}", {wrapped})')


@anywhere(1)
def call_from_thread(draw):
    """Schedule a callback from another thread."""
    callback, number = draw.callback(), draw.number()
    return Node(f'stage.in_thread("call", loop.call_soon_threadsafe, {callback}, {number})')


@in_loop(0.08)
def interrupt(draw):
    """Let the signal of the keyboard's interrupt arrive."""
    return Node("stage.interrupt()")
