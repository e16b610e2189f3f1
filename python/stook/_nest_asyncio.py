"""The package ``nest_asyncio``, and its successor ``nest_asyncio2``, on an event loop of stook.

Its ``apply`` makes a loop of the standard library re-entrant by replacing the loop's methods, and
``asyncio.Task`` by the pure Python one. Ours nests by itself, so for ours ``apply`` turns that on
and replaces nothing; for a loop of another kind it does what it always did. That decision is made
by wrapping the package's functions after its import, not by answering the marks it looks for:
others look for them too.

Source:
    ``nest_asyncio.apply``, nest_asyncio 1.6; ``nest_asyncio2.apply``, nest_asyncio2 1.7.
"""

import functools
import sys

from stook import _nesting

PACKAGES = ("nest_asyncio", "nest_asyncio2")


def watch_imports():
    """Adapt the packages now if they are imported already, and else as soon as they are."""
    for name in PACKAGES:
        if name in sys.modules:
            adapt(sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def adapt(module):
    """Wrap the package's functions that take a loop."""
    own_apply, own_patch_loop = module.apply, module._patch_loop
    if hasattr(own_apply, "__wrapped__"):
        return

    @functools.wraps(own_apply)
    def apply(loop=None, **options):
        loop = loop or _present_loop()
        if not (_nesting.is_ours(loop) or (loop is None and _makes_ours())):
            own_apply(loop, **options)
            return
        _nesting.allow_nesting()
        if loop is not None:
            _nesting.allow_nesting(loop)
        if not options.get("run_close_loop"):
            import asyncio

            _nesting.stay_on_loop(asyncio.get_event_loop_policy())

    @functools.wraps(own_patch_loop)
    def patch_loop(loop):
        if _nesting.is_ours(loop):
            _nesting.allow_nesting(loop)
        else:
            own_patch_loop(loop)

    module.apply, module._patch_loop = apply, patch_loop


def _present_loop():
    """Return the loop that runs in this thread or is set for it; ``None`` when there is neither."""
    import asyncio

    running = asyncio._get_running_loop()
    if running is not None:
        return running
    return getattr(getattr(asyncio.get_event_loop_policy(), "_local", None), "_loop", None)


def _makes_ours():
    """Whether the next event loop of this process will be one of stook's.

    Only asking for one tells what a policy of somebody else makes; a loop made for the answer
    becomes the thread's present one, as the package would have made it.
    """
    import asyncio

    policy = asyncio.get_event_loop_policy()
    events = sys.modules.get("stook.events")
    if events is not None and isinstance(policy, events.EventLoopPolicy):
        return True
    if type(policy) is asyncio.DefaultEventLoopPolicy:
        return False
    loop = policy.new_event_loop()
    if not _nesting.is_ours(loop):
        loop.close()
        return False
    _nesting.allow_nesting(loop)
    policy.set_event_loop(loop)
    return True


class _Finder:
    """A finder that lets the others find the packages and adapts what they load."""

    def find_spec(self, name, path=None, target=None):
        if name not in PACKAGES:
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if find_spec and finder is not self else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """A loader that adapts the package once its own loader has run it."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        adapt(module)
