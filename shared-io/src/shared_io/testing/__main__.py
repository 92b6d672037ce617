"""``python -m shared_io.testing``: run the fault laboratories."""

from __future__ import annotations

import sys

from shared_io.testing.cli import main

if __name__ == "__main__":
    sys.exit(main())
