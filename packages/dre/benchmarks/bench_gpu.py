"""Objects a second on a GPU, masks of 400 px, end to end, beside one core of the processor.

    python bench_gpu.py [--objects N] [--numpy]

From stamps in memory to fits in memory, pixels picked and chi cubes brought back included, the best of three turns
after one that warms up; the models are moved to the card before (told apart). Below each row what the card does alone.
Then how far the answers are those of the CPU: the promise is 1e-4. Without a card this says so and ends; --numpy runs
the same in a stand-in for CuPy, with the kernel through the system's C++ compiler, to see that it runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from bench_profiles import moffat, objects
from shared_io.errors import ExternalFailed
from shared_io.testing import strict_cupy

from dre import CLASSIC, ConvolvedGrid, Fitter, ModelGrid, SearchGrid, Stamp, fit_profiles
from dre.compare import fit_stamps
from dre.device import Accelerator, open_device
from dre.kernels.batched import chi_batch, pack_objects
from dre.pixels import Pixels

TURNS, DIFFERENT, PROFILES = 3, 64, 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000, help="a card's; a core's share is at most 512")
    parser.add_argument("--numpy", action="store_true")
    asked = parser.parse_args()
    try:
        card = Accelerator(strict_cupy.module()) if asked.numpy else open_device("cuda")
    except ExternalFailed as error:
        print(f"bench_gpu: nothing measured: {error}")
        return
    assert card is not None
    different = objects(DIFFERENT)
    print(f"{asked.objects} objects, masks of {int(different[0].mask.sum())} px{'':34}objects a second")
    compatible(card, different, asked.objects)
    profiles(card, different, asked.objects)


def many(different: list[Stamp], count: int) -> Iterator[Stamp]:
    """Repeat some stamps, so that a hundred thousand need no memory."""
    return (different[k % len(different)] for k in range(count))


def compatible(card: Accelerator, different: list[Stamp], count: int) -> None:
    """The predecessor's statistic on the classic grid."""
    grid = ModelGrid.generate(CLASSIC).convolve(moffat().pixels())
    moved(f"{CLASSIC.count} models to the card", lambda: list(card.compared(different[:1], grid)))
    few = min(count, 512)
    row(
        "statistic dre, stamps to fits",
        count,
        lambda: drain(fit_stamps(many(different, count), grid, accelerator=card)),
    )
    row("  the card alone", few, alone(card, list(many(different, few)), grid))
    row("  one core alone", few, lambda: drain(fit_stamps(many(different, few), grid)))
    pairs = list(zip(fit_stamps(different, grid, accelerator=card), fit_stamps(different, grid), strict=True))
    apart = max(float(np.abs(mine.chi / theirs.chi - 1).max()) for mine, theirs in pairs)
    same = sum(mine.best.model_idx == theirs.best.model_idx for mine, theirs in pairs)
    print(f"  same best model {same} of {len(pairs)}, chi within {apart:.1e}\n", flush=True)


def alone(card: Accelerator, stamps: list[Stamp], grid: ConvolvedGrid) -> Callable[[], object]:
    """Return what compares a batch that is picked already, and waits for the end of it."""
    packed = pack_objects([(one.obj, one.mask, one.rms) for one in stamps])
    blocks = card.library.asarray(grid.blocks)
    return lambda: chi_batch(card.library, blocks, grid.axes.count, packed)[1][-1, -1:].get()


def profiles(card: Accelerator, different: list[Stamp], count: int) -> None:
    """The default statistic: starts are the card's, steps and errors are the processor's."""
    few, psf = min(count, PROFILES), moffat()
    fitter = Fitter(SearchGrid.build(CLASSIC, psf), psf, 1.0)
    grid, stamps = fitter.grid, list(many(different, few))
    moved(f"{CLASSIC.count} models to the card", lambda: list(card.begun(different[:1], grid, 1.0)))
    row("default statistic, starts of stamps", few, lambda: drain(card.begun(stamps, grid, 1.0)))
    cells = [grid.reached(Pixels.of(one, 1.0)) for one in stamps]
    row("  the card alone", few, lambda: card.best(cells, grid))
    row("  whole fits, steps on one core", few, lambda: drain(fit_profiles(stamps, fitter, accelerator=card)))
    row("  one core alone", few, lambda: drain(fit_profiles(stamps, fitter)))
    pairs = list(zip(fit_profiles(different, fitter, accelerator=card), fit_profiles(different, fitter), strict=True))
    values = np.array([[one.estimate.values for one in pair] for pair in pairs])
    apart = np.abs(values[:, 0] / values[:, 1] - 1)[:, [0, 1, 2, 4]].max(1)
    print(f"  r_e, axis ratio, angle and flux within {np.median(apart):.1e} (median), {apart.max():.1e} (all)")


def drain(results: Iterator[object]) -> None:
    for _ in results:
        pass


def moved(title: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    print(f"{title:50}{time.perf_counter() - started:14.2f} s", flush=True)


def row(title: str, count: int, work: Callable[[], object]) -> None:
    taken = []
    for _ in range(TURNS + 1):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    print(f"{title:50}{count / min(taken[1:]):16.0f}", flush=True)


if __name__ == "__main__":
    main()
