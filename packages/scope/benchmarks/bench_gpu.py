"""Light curves a second on a GPU: each algorithm at all frequencies, and the default search.

    [ASTRO_TEST_DATA=FOLDER] python bench_gpu.py [--stars N] [--points N] [--numpy] [--agreement]

Simulated stars of a quadrant, 300 exposures over five years, up to 48 / d. Each row is the best of three turns after
one that warms up, the moves to the card and back included. Of the default search first what the card does, then all of
it with one core of the processor, which decides among the peaks: further processes (--Ncore) decide at the same time.
How far the answers are those of the CPU is printed below, or with --agreement alone, of real stars where those are
(the half for choices of real_stars.py, 40 of each set). Without a card this says so and ends; --numpy runs the same on
the processor, to see that it runs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from real_stars import pools
from shared_io.errors import ExternalFailed

from scope.periods.accelerator import Accelerator
from scope.periods.device import open_device
from scope.periods.grid import MAX_FREQ, FrequencyGrid
from scope.periods.screens import SCREENS
from scope.periods.search import NESTED, find_many
from scope.periods.series import Series

TURNS, PEAKS = 3, 40
REAL = ("Stripe 82, g", "Stripe 82, ugriz", "ASAS", "ZTF DR5 quadrant")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stars", type=int, default=1024, help="stars of the default search; a tenth for the others")
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--numpy", action="store_true")
    parser.add_argument("--agreement", action="store_true")
    asked = parser.parse_args()
    try:
        card = Accelerator(np) if asked.numpy else open_device("cuda")
    except ExternalFailed as error:
        print(f"bench_gpu: nothing measured: {error}")
        return
    assert card is not None
    if asked.agreement:
        for kind, some in real().items():
            agreement(card, some, kind)
        return
    stars = simulated(asked.stars, asked.points)
    grids = [FrequencyGrid.of(star.baseline) for star in stars]
    print(f"{asked.points} exposures, {grids[0].size} frequencies{'':20} curves a second")
    few = max(asked.stars // 10, 1)
    for name in SCREENS:
        row(f"{name} at all frequencies", few, partial(whole, card, stars[:few], grids[:few], name))
    row("default search, on the card", len(stars), lambda: list(card.staged(stars, grids, MAX_FREQ)))
    row("default search with the decision, one core", len(stars), lambda: list(find_many(stars, accelerator=card)))
    row("default search on one core alone", min(few, 64), lambda: list(find_many(stars[: min(few, 64)])))
    agreement(card, stars[: min(few, 64)], "simulated")


def whole(card: Accelerator, stars: list[Series], grids: list[FrequencyGrid], name: str) -> object:
    return list(card.whole(stars, grids, [name], PEAKS))


def simulated(count: int, exposures: int) -> list[Series]:
    """Stars in the same exposures, each without some of them; every other one varies."""
    rng = np.random.default_rng(exposures)
    t = 2459000.5 + np.sort(rng.choice(1826, exposures, replace=False)) + rng.uniform(0.2, 0.4, exposures)
    out = []
    for k in range(count):
        seen = t[rng.random(exposures) < 0.85] + rng.uniform(-2.5, 2.5) / 86400
        err = rng.uniform(0.02, 0.05, len(seen))
        signal = 0.2 * np.sin(2 * np.pi * seen / rng.uniform(0.1, 3)) if k % 2 else 0.0
        out.append(Series.of([(seen, 16 + signal + rng.normal(0, err), err)]))
    return out


def row(title: str, stars: int, work: Callable[[], object]) -> None:
    taken = []
    for _ in range(TURNS + 1):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    print(f"{title:50} {stars / min(taken[1:]):16.1f}", flush=True)


def real() -> dict[str, list[Series]]:
    root = os.environ.get("ASTRO_TEST_DATA")
    if not root:
        return {"simulated": simulated(40, 300)}
    found = pools(Path(root) / "scope" / "lightcurves", 0)
    return {kind: [Series.of(bands) for bands in found[kind][:40]] for kind in REAL}


def agreement(card: Accelerator, stars: list[Series], kind: str) -> None:
    """Print how many stars have the CPU's period and verdict, and how far significances are apart."""
    found, expected = dict(find_many(stars, accelerator=card)), dict(find_many(stars))
    print(f"\n{f'{kind}: the same as on the CPU, of {len(stars)}':50} {'period':>8}  significance within")
    for name in expected[0].answers:
        pairs = [(found[k].answers[name], expected[k].answers[name]) for k in range(len(stars))]
        same = [one.period == other.period for one, other in pairs]
        apart = [abs(one.significance[0] / other.significance[0] - 1) for one, other in pairs]
        print(f"{name:50} {sum(same):8}  {max(apart):.1e}")
    verdicts = sum(found[k].periodic == expected[k].periodic for k in range(len(stars)))
    print(f"{f'periodic or not ({NESTED})':50} {verdicts:8}", flush=True)


if __name__ == "__main__":
    main()
