"""What ``python -m stook`` and the command ``stook`` start."""

import sys

from stook._launcher import main

if __name__ == "__main__":
    # Without a status the interpreter goes on by itself, as it does after a script: `python -i`
    # then gives its prompt.
    if _status := main():
        sys.exit(_status)
