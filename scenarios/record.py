"""Records or compares the observations of the corpus; see ``--help``."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from scenarios.command import main

if __name__ == "__main__":
    sys.exit(main())
