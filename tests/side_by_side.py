"""One program run twice: under the interpreter alone, and under the command ``stook``.

What the two print must be the same text, so nothing is expected that was not seen on the stock
interpreter a moment before.
"""

import os
import pathlib
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass

TIME_LIMIT_SECONDS = 50.0

# How a program is handed over, and the commands of stook that it is tried with.
FORMS = ("script", "module", "code", "input", "directory", "zip")
FRONTS = {"module": ["-m", "stook"], "command": ["bin/stook"]}

INSTALLED = pathlib.Path(sys.executable).with_name("stook")

# As pip writes it; the installed one itself is taken where there is one.
COMMAND = """\
# -*- coding: utf-8 -*-
import re
import sys
from stook.__main__ import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""


@dataclass(frozen=True)
class Outcome:
    """What a process printed and how it ended; negative statuses are signals."""

    status: int
    output: str
    errors: str


class Workplace:
    """A directory in which programs are written and run.

    Args:
        path: An empty directory.
    """

    def __init__(self, path):
        self.path = path
        (path / "bin").mkdir()
        command = INSTALLED.read_text() if INSTALLED.exists() else COMMAND
        (path / "bin" / "stook").write_text(command)

    def write(self, source, form="script"):
        """Write a program and return the interpreter's arguments that run it, and its input."""
        source = source.encode() if isinstance(source, str) else source
        if form == "code":
            return ["-c", source.decode()], b""
        if form == "input":
            return ["-"], source
        if form == "directory":
            (self.path / "place").mkdir(exist_ok=True)
            (self.path / "place" / "__main__.py").write_bytes(source)
            return ["place"], b""
        if form == "zip":
            with zipfile.ZipFile(self.path / "place.zip", "w") as archive:
                archive.writestr("__main__.py", source)
            return ["place.zip"], b""
        (self.path / "program.py").write_bytes(source)
        return (["-m", "program"] if form == "module" else ["program.py"]), b""

    def run(self, arguments, *, stdin=b"", options=(), merged=False, environment=None):
        """Run the interpreter here; ``merged`` puts both outputs into one, in their order."""
        process = subprocess.run(
            [sys.executable, *options, *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            cwd=self.path,
            env=environment_of(environment),
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
        return Outcome(process.returncode, text_of(process.stdout), text_of(process.stderr or b""))

    def both(self, source, *, form="script", front="module", arguments=(), **how):
        """Run a program under the interpreter and under stook, and return both outcomes."""
        run, stdin = self.write(source, form)
        run = [*run, *arguments]
        how.setdefault("stdin", stdin)
        return self.run(run, **how), self.run([*FRONTS[front], *run], **how)

    def same(self, source, **how):
        """Check that both outcomes are the same, and return it."""
        stock, ours = self.both(source, **how)
        assert ours == stock
        return ours


def same_trials(name, place):
    """Check that a program of ``tests/natives`` prints the same on both.

    Args:
        name: The program's name.
        place: A directory to run it in.
    """
    program = pathlib.Path(__file__).with_name("natives") / f"{name}.py"
    workplace = Workplace(place)
    stock, ours = (workplace.run([*front, str(program)]) for front in ([], FRONTS["module"]))
    assert ours.output == stock.output
    assert ours == stock
    assert stock.output.count("--- ") > 3


def environment_of(changes=None):
    """Return this process's environment with what would change a program's output taken out.

    Memory is checked: what is used after it was freed looks right too often.
    """
    without = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONUNBUFFERED", "PYTHONSAFEPATH")
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, "PYTHONMALLOC": "debug", **(changes or {})}


def text_of(output):
    """Return output as text, without what differs from one run to the next."""
    return re.sub("0x[0-9a-f]+", "0x…", output.decode(errors="backslashreplace"))
