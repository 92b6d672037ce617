"""Labels of simulated stacks: calibration, completeness and purity, and speed beside the predecessor's algorithm.

    python bench_reduce.py [STAMPS] [--only calibration|accuracy|speed]

STAMPS is the JSON of real cosmic rays (see the README), of which numbers 100 to 149 are scored on: rules were chosen
with the others. Without it the tracks are simulated. The predecessor's algorithm is the plain reference that the tests
compare with (`tests/plain.py`). One thread; seconds of the process itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np  # noqa: E402
from scipy.ndimage import label  # noqa: E402

from cosmic_conn.files.stamps import read_stamps  # noqa: E402
from cosmic_conn.kernels.masks import EIGHT  # noqa: E402
from cosmic_conn.kernels.sources import source_masks  # noqa: E402
from cosmic_conn.kernels.stacks import median_frame  # noqa: E402
from cosmic_conn.labelling.label import label_stack  # noqa: E402
from cosmic_conn.labelling.sources import find_shapes  # noqa: E402
from cosmic_conn.labelling.stack import Rules  # noqa: E402
from cosmic_conn.simulate.tracks import Particles  # noqa: E402

# Of the tests: the plain reference, and stacks with known cosmic rays.
plain, stacks = import_module("plain"), import_module("stacks")

SEEDS = (101, 102, 103, 104)
SHAPE = (1024, 1024)
_SCORED = 100  # number of the first of the real tracks that nothing was chosen with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", nargs="?")
    parser.add_argument("--only", choices=("calibration", "accuracy", "speed"))
    asked = parser.parse_args()
    if asked.only in (None, "calibration"):
        calibration()
    if asked.only in (None, "accuracy"):
        accuracy(asked.stamps)
    if asked.only in (None, "speed"):
        speed()


def calibration() -> None:
    print("standard deviation of the signal-to-noise ratio of empty sky (sky 200 e-, read noise 8 e-)")
    print("frames   " + "".join(f"{count:>7}" for count in range(2, 13)))
    found = []
    for count in range(2, 13):
        labels = label_stack(
            stacks.stacked(stacks.exposures(np.zeros(SHAPE), count, seed=count)), Rules(min_cr_fraction=0.0)
        )
        found.append(float(labels.snr.std()))
    print("ours     " + "".join(f"{value:7.3f}" for value in found))
    theirs = plain.snr(stacks.exposures(np.zeros(SHAPE), 3, seed=3), np.full(3, stacks.READ_NOISE), subtract=True).std()
    print(f"the predecessor's, 3 frames: {theirs:.3f}\n")


def accuracy(stamps: str | None) -> None:
    events = read_stamps(stamps)[_SCORED:] if stamps else []
    kind = "real tracks" if events else "simulated tracks"
    particles = Particles(0, 0, 0, 0, stamps=250) if events else stacks.TRACKS
    print(f"{kind}: share of the pixels of 8 and of 5 sigma or more, in tracks of 2 pixels or more and outside of")
    print("sources and borders, that are labelled; share of labelled pixels with any charge, and with 1 sigma or more")
    print(f"{'labels':42}{'frames':>7}{'of 8 sigma':>12}{'of 5':>8}{'purity':>9}{'of 1 sigma':>12}{'pixels':>8}")
    ours = {
        "ours, default": Rules(),
        "ours, as documented (dilation 5, size 2)": Rules(dilation=5, min_cr_size=2),
    }
    for count in (2, 3, 5):
        for name, rules in ours.items():
            row(name, count, particles, events, lambda f, r=rules: _ours(f, r))  # type: ignore[misc]
    theirs = plain.Settings(dilation=5, smallest=2, border=5)
    row("predecessor's algorithm, as documented", 3, particles, events, lambda f: _theirs(f, theirs))
    print()


def row(name: str, count: int, particles: Particles, events: list[Any], find: Callable[[Any], tuple[Any, Any]]) -> None:
    sums = np.zeros(7)
    for seed in SEEDS:
        charge = stacks.showers(SHAPE, count, seed, particles, events)
        cr, ignore = find(stacks.exposures(stacks.field(SHAPE, 300, seed), count, seed) + charge)
        track = (ignore & 7) == 0
        for plane, bright in zip(track, charge >= stacks.SIGMA, strict=True):
            objects, _ = label(bright, EIGHT)
            plane &= bright & (np.bincount(objects.ravel())[objects] >= 2)
        eight, five = track & (charge >= 8 * stacks.SIGMA), track & (charge >= 5 * stacks.SIGMA)
        counted = eight, eight & cr, five, five & cr, cr, cr & (charge > 0), cr & (charge >= stacks.SIGMA)
        sums += [mask.sum() for mask in counted]
    rates = sums[1] / sums[0], sums[3] / sums[2], sums[5] / sums[4], sums[6] / sums[4]
    print(f"{name:42}{count:7}{rates[0]:12.4f}{rates[1]:8.4f}{rates[2]:9.4f}{rates[3]:12.4f}{int(sums[4]):8}")


def _ours(frames: Any, rules: Rules) -> tuple[Any, Any]:
    found = label_stack(stacks.stacked(frames), rules)
    return found.cr, found.ignore


def _theirs(frames: Any, settings: Any) -> tuple[Any, Any]:
    found = plain.labels(frames, np.ones(frames.shape[1:], dtype=bool), stacks.READ_NOISE, settings)
    assert found is not None
    return found[0], found[1]


def speed() -> None:
    print(f"{'three frames':38}{'sources':>8}{'predecessor [s]':>17}{'ours [s]':>10}{'ratio':>8}   masks")
    sources, theirs, ours, same = _source_masks()
    _line("source mask, 1024 x 1024", sources, theirs, ours, "identical" if same else "DIFFERENT")
    side = (2048, 2048)
    frames = stacks.exposures(stacks.field(side, 1200, 8), 3, 8) + stacks.showers(side, 3, 8)
    theirs, plain_masks = timed(lambda: _theirs(frames, plain.Settings()), 1)
    compat = Rules(compat=True, border=100, min_frames=3)
    for name, rules in (("phase two, 2048 x 2048", Rules()), ("phase two, 2048 x 2048, --compat", compat)):
        ours, labels = timed(lambda r=rules: label_stack(stacks.stacked(frames), r), 3)  # type: ignore[misc]
        same = "identical" if np.array_equal(labels.cr, plain_masks[0]) else "calibrated"
        _line(name, int(labels.notes["sources"]), theirs, ours, same)


def _line(name: str, sources: int, theirs: float, ours: float, masks: str) -> None:
    print(f"{name:38}{sources:8}{theirs:17.2f}{ours:10.3f}{theirs / ours:8.1f}   {masks}")


def _source_masks() -> tuple[int, float, float, bool]:
    """Return the sources of a field, the seconds of the plain reference and of ours, and whether they agree."""
    frames = stacks.exposures(stacks.field(SHAPE, 2000, 7), 3, 7)
    frames -= np.median(frames, axis=(1, 2), keepdims=True)
    shapes = find_shapes(median_frame(frames), frugal=True)
    theirs, plain_masks = timed(lambda: plain.source_masks(frames), 1)
    ours, masks = timed(lambda: source_masks(frames, find_shapes(median_frame(frames), frugal=True)), 5)
    return len(shapes), theirs, ours, bool(np.array_equal(masks, plain_masks))


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the best time of the process itself, and the result."""
    best, found = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        found = work()
        best = min(best, time.process_time() - start)
    return best, found


if __name__ == "__main__":
    main()
