"""Do the standard errors hold the truth as often as they say, at any signal-to-noise ratio and in correlated noise?

    python bench_coverage.py [PYTHON of an environment with GalSim 2.8.5 [SEED]]

Free Sersic index 0.5-6, r_e 1.6-12.6 px. White noise, and noise smoothed as drizzling to finer pixels does (correlation
0.67 with the next pixel, 0.17 with the one after), measured by dre itself on the stamps. Sources are detected at 1.5
and at 4 times the noise of a pixel, which is the same on the scale of a source: a lower threshold would take peaks of
the correlated noise for neighbours. 64-72 % of the truths are to lie within one standard error and 93-97 % within 1.96:
each parameter over all S/N, and the mean of all parameters in each range of S/N. The method was
developed on SEED 11, the default; any other is a fresh sample.
"""

from __future__ import annotations

import sys

import numpy as np
from truth import Verdict, cases, differences, drawn, fitter, noisy, stamp

from dre import SEARCH, fit_profiles
from dre.posterior import PARAMETERS

COUNT = 600
BINS = ((15, 40), (40, 150), (150, 1000))
KERNEL = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])


def main() -> None:
    verdict, first = Verdict(), int(sys.argv[2]) if len(sys.argv) > 2 else 11
    for name, kernel, seed in (("white noise", None, first), ("correlated noise", KERNEL, first + 1)):
        diff, error, sn, q = sample(kernel, seed)
        print(f"\n{name}: S/N of the mask, and per cent within 1 and 1.96 standard errors")
        table(diff, error, sn, q, verdict)
    verdict.end()


def table(diff: np.ndarray, error: np.ndarray, sn: np.ndarray, q: np.ndarray, verdict: Verdict) -> None:
    """Print the coverage of each parameter in each range of S/N, and judge the sums."""
    pull = np.abs(diff) / error
    pull[q >= 0.8, 2] = np.nan  # the angle of a round galaxy says little
    print(f"{'S/N':>12}{'objects':>9}  " + "".join(f"{name:>12}" for name in PARAMETERS))
    ranges = [(sn >= low) & (sn < high) for low, high in BINS]
    for (low, high), own in zip(BINS, ranges, strict=True):
        cells = [f"{within(pull[own, k], 1):5.1f} {within(pull[own, k], 1.96):5.1f}" for k in range(8)]
        print(f"{f'{low}-{high}':>12}{own.sum():>9}  " + "".join(f"{cell:>12}" for cell in cells))
    for inside, bounds in ((1.0, (64, 72)), (1.96, (93, 97))):
        for k, name in enumerate(PARAMETERS):
            verdict.row(
                f"  {name}, {inside:g} sigma, all S/N", within(pull[np.any(ranges, 0), k], inside), *bounds, ".1f"
            )
        for (low, high), own in zip(BINS, ranges, strict=True):
            mean = float(np.mean([within(pull[own, k], inside) for k in range(8)]))
            verdict.row(f"  all parameters, {inside:g} sigma, S/N {low}-{high}", mean, *bounds, ".1f")


def within(pull: np.ndarray, inside: float) -> float:
    return 100 * float(np.mean(pull[~np.isnan(pull)] < inside))


def sample(kernel: np.ndarray | None, seed: int) -> tuple[np.ndarray, ...]:
    """Differences, errors, S/N and true axis ratio of all galaxies."""
    rng = np.random.default_rng(seed)
    parts = []
    for low, high in ((2e3, 6e3), (6e3, 4e4), (4e4, 1.2e6)):
        truth = cases(COUNT, 1.0, rng)
        truth[:, 4] = 10 ** rng.uniform(np.log10(low), np.log10(high), COUNT) * (2.7 if kernel is not None else 1.0)
        pictures, psf = drawn(truth)
        stamps = [
            stamp(noisy(picture, rng, kernel), k + 1, 1.5 if kernel is None else 4.0)
            for k, picture in enumerate(pictures)
        ]
        fits = list(fit_profiles(stamps, fitter(psf, SEARCH, stamps[:64] if kernel is not None else None)))
        errors = np.array([one.estimate.errors if one.ok else np.full(8, np.nan) for one in fits])
        parts.append((differences(fits, truth), errors, np.array([one.sn for one in fits]), truth[:, 2]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


if __name__ == "__main__":
    main()
