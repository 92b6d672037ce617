"""Do the standard errors hold the truth as often as they say, at any signal-to-noise ratio and in correlated noise?

    python bench_coverage.py [PYTHON of an environment with GalSim 2.8.5 [SEED [GALAXIES]]]

Free Sersic index 0.5-6, r_e 1.6-12.6 px. White noise, and noise smoothed as drizzling to finer pixels does (correlation
0.67 with the next pixel, 0.17 with the one after), measured by dre itself on the stamps. Sources are detected at 1.5
times the noise of a pixel in both: many of the neighbours in correlated noise are its peaks. GALAXIES (600) are drawn,
the same for each range of flux, with other fluxes and noise. 64-72 % of the truths are to lie within one standard error
and 93-97 % within 1.96: each parameter over all S/N, the mean of all parameters in each range of S/N, and from 3,000
GALAXIES on each parameter in each range. The method was developed on SEED 11, the default; any other is a fresh sample.
"""

from __future__ import annotations

import sys

import numpy as np
from truth import Verdict, cases, differences, drawn, fitter, noisy, stamp

from dre import SEARCH, PSFModel, fit_profiles
from dre.posterior import PARAMETERS

PART, MANY = 600, 3000
BINS = ((15, 40), (40, 150), (150, 1000))
FLUXES = ((2e3, 6e3), (6e3, 4e4), (4e4, 1.2e6))
KERNEL = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
NOISES: dict[str, np.ndarray | None] = {"white noise": None, "correlated noise": KERNEL}


def main() -> None:
    verdict, seed = Verdict(), int(sys.argv[2]) if len(sys.argv) > 2 else 11
    count = int(sys.argv[3]) if len(sys.argv) > 3 else PART
    rng = np.random.default_rng(seed)
    parts: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in NOISES}
    for first in range(0, count, PART):
        truth = cases(min(PART, count - first), 1.0, rng)
        pictures, psf = drawn(truth)
        for name, kernel in NOISES.items():
            parts[name] += [sample(truth, pictures, psf, kernel, fluxes, rng) for fluxes in FLUXES]
    for name, found in parts.items():
        print(f"\n{name}: S/N of the mask, and per cent within 1 and 1.96 standard errors")
        table(*(np.concatenate(column) for column in zip(*found, strict=True)), verdict, each=count >= MANY)
    verdict.end()


def table(
    diff: np.ndarray, error: np.ndarray, sn: np.ndarray, q: np.ndarray, verdict: Verdict, *, each: bool
) -> None:  # fmt: skip
    """Print the coverage of each parameter in each range of S/N; judge the sums, and each where there are many."""
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
            cells = [within(pull[own, k], inside) for k in range(8)]
            verdict.row(f"  all parameters, {inside:g} sigma, S/N {low}-{high}", float(np.mean(cells)), *bounds, ".1f")
            for what, value in (("least", min(cells)), ("most", max(cells))) if each else ():
                verdict.row(f"    {what} of any parameter", value, *bounds, ".1f")


def within(pull: np.ndarray, inside: float) -> float:
    return 100 * float(np.mean(pull[~np.isnan(pull)] < inside))


def sample(
    shapes: np.ndarray, pictures: np.ndarray, psf: PSFModel, kernel: np.ndarray | None, fluxes: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Differences, errors, S/N and true axis ratio of galaxies of unit flux at other fluxes."""
    truth = shapes.copy()
    truth[:, 4] = 10 ** rng.uniform(*np.log10(fluxes), len(truth)) * (2.7 if kernel is not None else 1.0)
    stamps = [
        stamp(noisy(flux * picture, rng, kernel), k + 1)
        for k, (flux, picture) in enumerate(zip(truth[:, 4], pictures, strict=True))
    ]
    fits = list(fit_profiles(stamps, fitter(psf, SEARCH, stamps[:64] if kernel is not None else None)))
    errors = np.array([one.estimate.errors if one.ok else np.full(8, np.nan) for one in fits])
    return differences(fits, truth), errors, np.array([one.sn for one in fits]), truth[:, 2]


if __name__ == "__main__":
    main()
