"""How long a command takes to say something: ``--help``, ``--version``, a mistyped option, a small run.

    python bench_cli.py [ROUNDS]

The application is that of the tests; a bare ``python -c pass`` is measured beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

APPLICATION = Path(__file__).resolve().parents[1] / "tests" / "cli_app.py"
LINES = {
    "python alone": ["-c", "pass"],
    "stars --help": [APPLICATION, "--help"],
    "stars fit --help": [APPLICATION, "fit", "--help"],
    "stars --version": [APPLICATION, "--version"],
    "stars fit --nonsense": [APPLICATION, "fit", "--nonsense"],
    "stars fit m.fits --cpu 4": [APPLICATION, "fit", "m.fits", "--cpu", "4"],
}


def main(rounds: int) -> None:
    """Print the median and the fastest of some rounds for each line."""
    print(f"{'command':26}{'median [ms]':>12}{'fastest [ms]':>14}")
    for name, words in LINES.items():
        times = [once(words) for _ in range(rounds)]
        print(f"{name:26}{1e3 * statistics.median(times):12.0f}{1e3 * min(times):14.0f}")


def once(words: list[object]) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *map(str, words)], capture_output=True, check=False)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
