"""Two workers, one on each engine, that run the same programs."""

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time

from . import compare, engines

PROGRAM_LIMIT = 20.0
"""Seconds after which a program is taken to hang."""


class WorkerMissing(Exception):
    """A worker does not start: its engine cannot be imported."""


class Worker:
    """A process that runs programs on one engine; it is started again when one kills it.

    Args:
        engine: The engine.
        limit: Seconds a program may take.
    """

    def __init__(self, engine, limit=PROGRAM_LIMIT):
        self.engine = engine
        self._limit = limit
        self._process = None
        self._said = None

    def check(self):
        """Run an empty program, which may take as long as an interpreter takes to start.

        Raises:
            WorkerMissing: That does not work.
        """
        self.send('stage = Stage(clock="real")\ndef program(): pass\n')
        lines = self.receive(max(self._limit, PROGRAM_LIMIT))
        if lines:
            self.close()
            raise WorkerMissing("\n".join([f"{self.engine.name}: {lines[0]}", *lines[1:]]))

    def send(self, text):
        """Begin a program."""
        if self._process is None:
            self._start()
        try:
            self._process.stdin.write(json.dumps(text).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # ``receive`` finds out why.

    def receive(self, limit=None):
        """Return the trace of the program, which ends early if it killed the worker or hung.

        Args:
            limit: Seconds it may take, if not the worker's.
        """
        limit = self._limit if limit is None else limit
        deadline = time.monotonic() + limit
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if not selector.select(max(0, deadline - time.monotonic())):
                    return self._died(f"the program hung for {limit} seconds")
                piece = os.read(self._process.stdout.fileno(), 1 << 20)
                if not piece:
                    return self._died(_ending(self._process.wait()))
                answer += piece
        return json.loads(answer)

    def close(self):
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._said.close()
            self._process = None

    def _start(self):
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self._process = subprocess.Popen(
            self.engine.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=engines.environment(),
            bufsize=0,
        )

    def _died(self, why):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGABRT)  # faulthandler then tells where it hung.
            self._process.wait(self._limit)
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").splitlines()
        self.close()
        return [f"{compare.KILLED}: {why}", *said[-40:]]


class Pair:
    """A stock worker and one of the engine under test."""

    def __init__(self, engine, limit=PROGRAM_LIMIT):
        self.engine = engine
        self._workers = Worker(engines.stock(engine), limit), Worker(engine, limit)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def check(self):
        """Raise ``WorkerMissing`` unless both engines can be used."""
        for worker in self._workers:
            worker.check()

    def begin(self, text):
        """Begin a program on both engines."""
        for worker in self._workers:
            worker.send(text)

    def traces(self):
        """Return stock's trace of the program and the engine's.

        After one worker died the other is started anew as well, lest they have other histories.
        """
        traces = tuple(worker.receive() for worker in self._workers)
        if any(map(compare.was_killed, traces)):
            self.close()
        return traces

    def run(self, text):
        """Run a program and return both traces."""
        self.begin(text)
        return self.traces()

    def close(self):
        """End both workers."""
        for worker in self._workers:
            worker.close()


def _ending(status):
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
