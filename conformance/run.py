"""Run CPython's asyncio tests on an engine: ``python conformance/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from conformance.command import main

    raise SystemExit(main())
