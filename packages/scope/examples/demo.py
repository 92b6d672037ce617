"""The main job on real light curves: a ZTF quadrant to its feature table, and two LINEAR stars drawn.

Run with ``make demo PKG=scope``, or ``python demo.py OUTPUT``. Every step is a command that is printed as it is run.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from shared_io import table

DATA = Path(__file__).parent / "data"
BIN = Path(sys.executable).parent
STARS = {"11375941": 2.58014 / 24, "14752041": 17.5 / 24}
"""Published periods of the LINEAR stars [d]: a delta Scuti star, an eclipsing binary."""


def run(folder: Path, command: str) -> None:
    """Print a command and run it in a folder."""
    print(f"  $ {command}", flush=True)
    program, *arguments = shlex.split(command)
    subprocess.run([BIN / program, *arguments, "--overwrite"], cwd=folder, check=True)


def main(output: Path) -> None:
    """Run both parts and print what came out."""
    started = time.perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    quadrant(output)
    print("\n2. Two LINEAR stars: a delta Scuti star of 2.58014 h, an eclipsing binary of 17.5 h")
    for name in STARS:
        run(output, f"scope plot-lightcurve -i {DATA / f'LINEAR_{name}.csv'} -o LINEAR_{name}.png")
    print(f"\nscope: the table and the pictures are under {output} ({time.perf_counter() - started:.0f} s)")


def quadrant(output: Path) -> None:
    print("1. A quadrant of ZTF data release 5 (59 of its 5,449 sources), features and periods")
    run(output, f"generate_features --field 250 --ccd 1 --quad 1 -i {DATA} --doCPU --skipCloseSources")
    path = output / "generated_features" / "field_250" / "gen_features_field_250_ccd_1_quad_1.parquet"
    names = ["_id", "median", "n", "chi2red", "period_ELS_ECE_EAOV", "fap", "period_merit", "periodic"]
    found = table.read(path, columns=names)
    print(f"\n  {len(found)} sources with 50 good points or more, {int(np.sum(found['periodic']))} of them periodic")
    found.sort(["fap", "period_merit"])
    print("\n".join("  " + line for line in found[:8].pformat(max_width=-1)))
    best = int(found["_id"][0])
    run(output, f"scope plot-lightcurve -i {DATA} --id {best} -o ztf_{best}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
