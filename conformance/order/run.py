"""Compare the order of random programs: ``python conformance/order/run.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from conformance.order.command import main

    raise SystemExit(main())
