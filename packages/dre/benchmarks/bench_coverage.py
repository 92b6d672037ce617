"""Do the standard errors hold the truth as often as they say, at any signal-to-noise ratio and in correlated noise?

    python bench_coverage.py [PYTHON of an environment with GalSim 2.8.5]

Free Sersic index 0.5-6, r_e 1.6-12.6 px. White noise, and noise smoothed as drizzling to finer pixels does (correlation
0.67 with the next pixel, 0.17 with the one after), measured by dre itself on the stamps. A row is passed where 64-72 %
of the truths lie within one standard error and 93-97 % within 1.96. Seeds are fixed.
"""

from __future__ import annotations

import numpy as np
from truth import Verdict, cases, differences, drawn, fitter, noisy, stamp

from dre import SEARCH, fit_profiles
from dre.posterior import PARAMETERS

COUNT = 600
BINS = ((15, 40), (40, 150), (150, 1000))
KERNEL = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])


def main() -> None:
    verdict = Verdict()
    for name, kernel, seed in (("white noise", None, 11), ("correlated noise", KERNEL, 12)):
        diff, error, sn, q = sample(kernel, seed)
        print(f"\n{name}: S/N of the mask, and per cent within 1 and 1.96 standard errors")
        for low, high in (*BINS, (BINS[0][0], BINS[-1][1])):
            own = (sn >= low) & (sn < high)
            print(f"S/N {low}-{high}: {own.sum()} galaxies")
            for k, parameter in enumerate(PARAMETERS):
                used = own & (q < 0.8) if parameter == "ANGLE" else own
                pull = np.abs(diff[used, k]) / error[used, k]
                for inside, bounds in ((1.0, (64, 72)), (1.96, (93, 97))):
                    verdict.row(f"  {parameter}, {inside:g} sigma", 100 * float(np.mean(pull < inside)), *bounds, ".1f")
    verdict.end()


def sample(kernel: np.ndarray | None, seed: int) -> tuple[np.ndarray, ...]:
    """Differences, errors, S/N and true axis ratio of all galaxies."""
    rng = np.random.default_rng(seed)
    parts = []
    for low, high in ((2e3, 6e3), (6e3, 4e4), (4e4, 1.2e6)):
        truth = cases(COUNT, 1.0, rng)
        truth[:, 4] = 10 ** rng.uniform(np.log10(low), np.log10(high), COUNT) * (1.7 if kernel is not None else 1.0)
        pictures, psf = drawn(truth)
        stamps = [stamp(noisy(picture, rng, kernel), k + 1) for k, picture in enumerate(pictures)]
        fits = list(fit_profiles(stamps, fitter(psf, SEARCH, stamps[:64] if kernel is not None else None)))
        errors = np.array([one.estimate.errors if one.ok else np.full(8, np.nan) for one in fits])
        parts.append((differences(fits, truth), errors, np.array([one.sn for one in fits]), truth[:, 2]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


if __name__ == "__main__":
    main()
