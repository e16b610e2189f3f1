"""What happens when a source of cancellation fires.

Whatever is registered at a source has a method ``_tell``, which is given the :class:`Firing`. What
has to happen on a loop is handed over to the firing and has a method ``act``, which is given the
record: it runs at once where that loop is running in this thread, else from that loop.
"""

from stook import _platform

_core = _platform.load_core()


class Firing:
    """One firing.

    Args:
        record: The record of the request.
    """

    __slots__ = ("_elsewhere", "_fatal", "_loop", "record")

    def __init__(self, record):
        self.record = record
        self._loop = _core._get_running_loop()
        self._elsewhere = {}
        self._fatal = None

    def hand(self, loop, entry):
        """Have ``entry`` act on ``loop``."""
        if loop is self._loop:
            self.run(entry.act, self.record)
        else:
            # What is of one loop goes there in one piece.
            self._elsewhere.setdefault(loop, []).append(entry)

    def run(self, function, argument):
        """Call somebody's function; what it raises stops nobody else."""
        try:
            function(argument)
        except (SystemExit, KeyboardInterrupt) as error:
            self._fatal = self._fatal or error
        except BaseException as error:
            report(error, function)

    def end(self):
        """Send what is for other loops there.

        Raises:
            KeyboardInterrupt: A function that was called raised it, or SystemExit.
        """
        for loop, entries in self._elsewhere.items():
            call_on(loop, _act_all, entries, self.record)
        if self._fatal is not None:
            raise self._fatal


def _act_all(entries, record):
    here = Firing(record)
    for entry in entries:
        here.run(entry.act, record)
    here.end()


def call_on(loop, function, *arguments):
    """Call a function from ``loop``: now, where that runs in this thread; never, if closed."""
    if _core._get_running_loop() is loop:
        function(*arguments)
        return
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def report(error, function):
    """Tell the running loop, or who asks for exceptions that nobody can catch, of an error."""
    loop = _core._get_running_loop()
    if loop is not None:
        message = "Exception in what a cancellation token called"
        loop.call_exception_handler({"message": message, "exception": error, "callback": function})
        return
    _core._unraisable(error, function)


def fire(state, reason, record):
    """Fire a source and what follows from it, and tell what is registered there.

    Args:
        state: The state of the source.
        reason: Any object.
        record: The record of the request.

    Returns:
        Whether it fires: False if it had fired before or is closed.
    """
    order = state.fire(reason, record)
    if order is None:
        return False
    firing = Firing(record)
    try:
        for fired in order:
            for key, entry in fired.registered():
                # Somebody who was told before may have taken it out.
                if fired.unregister(key):
                    entry._tell(firing)
    finally:
        firing.end()
    return True


class FutureEntry:
    """A future that gets its result when the source fires.

    Args:
        future: The future.
    """

    __slots__ = ("_future", "_loop")

    def __init__(self, future):
        self._future = future
        self._loop = future.get_loop()

    def _tell(self, firing):
        """Have the result set on the future's loop."""
        firing.hand(self._loop, self)

    def act(self, _record):
        """Set the result: None."""
        if not self._future.done():
            self._future.set_result(None)


class TaskEntry:
    """A task that is cancelled when the source fires; called when the task is done.

    Args:
        state: The state of the source.
        task: The task.
    """

    __slots__ = ("_loop", "_state", "_task", "key")

    def __init__(self, state, task):
        self._state = state
        self._task = task
        self._loop = task.get_loop()
        self.key = None

    def _tell(self, firing):
        """Have the task asked on its loop."""
        firing.hand(self._loop, self)

    def act(self, record):
        """Ask the task."""
        task, self._task = self._task, None
        if task is not None:
            _core._cancel_with(task, record)

    def __call__(self, _task):
        # As it is, it is one object less than a method of it.
        self._task = None
        self._state.unregister(self.key)


class TimerEntry:
    """A timer that fires the source; it is stopped when that fires before.

    Args:
        state: The state of the source.
        loop: The running loop.
        delay: Seconds.
        reason: Any object.
        record: The record of the request to set it.
    """

    __slots__ = ("_handle", "_key", "_loop", "_reason", "_record", "_state")

    def __init__(self, state, loop, delay, reason, record):
        self._state = state
        self._loop = loop
        self._reason = reason
        self._record = record
        self._handle = loop.call_later(delay, self._expire)
        self._key = state.register(self)
        if self._key is None:
            self._handle.cancel()

    def _expire(self):
        if self._state.unregister(self._key):
            fire(self._state, self._reason, _core._repeat(self._record))

    def _tell(self, _firing):
        """Stop: the source has fired."""
        call_on(self._loop, self._handle.cancel)

    def stop(self):
        """Stop, if it has not expired."""
        if self._key is not None and self._state.unregister(self._key):
            call_on(self._loop, self._handle.cancel)
