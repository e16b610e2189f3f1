"""Run the suites of other packages: ``python downstream/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from downstream.command import main

    raise SystemExit(main())
