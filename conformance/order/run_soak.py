"""Run random programs and watch the memory: ``python conformance/order/run_soak.py --help``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from conformance.order.soak import main

    raise SystemExit(main())
