"""Run the fault laboratories and print what they counted; the exit code is 1 when anything went wrong."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Sequence

from shared_io.testing import strace
from shared_io.testing.plan import LABORATORIES, Plan, together

_SHOWN = 40  # lines about what went wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for and return the exit code."""
    options = _parser().parse_args(argv)
    print(f"seed {options.seed}; again with: python -m shared_io.testing --seed {options.seed}")
    plan = Plan(options.seed, options.kills, options.damaged, options.share, options.jobs)
    wanted = options.laboratory or LABORATORIES
    if "failures" in wanted and not strace.available():
        print("strace is not there: what libraries write in C is failed by file size and full disk only")
    wrong = 0
    for name in wanted:
        begun = time.monotonic()
        tally = together(name, plan)
        print(f"\n{tally}\n{name}: {tally.tried} trials in {time.monotonic() - begun:.0f} s", flush=True)
        for line in tally.wrongs[:_SHOWN]:
            print(f"wrong: {line}")
        wrong += tally.wrong
    print(f"\nwrong: {wrong}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared_io.testing", description=__doc__)
    parser.add_argument("laboratory", nargs="*", choices=[[], *LABORATORIES], help="which (default: all)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="of all that is random")
    parser.add_argument("--kills", type=int, default=1000, help="writers to kill (default: %(default)s)")
    parser.add_argument("--damaged", type=int, default=2500, help="inputs to damage (default: %(default)s)")
    parser.add_argument("--share", type=float, default=1.0, help="of all failures of disks (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    return parser
