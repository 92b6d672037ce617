"""What three bands together know more than one: GalSim galaxies with one shape and three fluxes.

    python bench_bands.py [PYTHON of an environment with GalSim 2.8.5 [SEED]]

Free Sersic index 0.5-6, r_e 1.6-12.6 px, background noise 7; 1e4 counts in the first band, 0.6 and 0.35 of it in the
others. All stamps carry the mask of the first band, as those of one detection image do. The limits of coverage are
those of bench_coverage.py; a colour is -2.5 log10 of a ratio of fluxes, its error that of the joint covariance.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from truth import Verdict, cases, drawn, fitter, mad, noisy, stamp

from dre import SEARCH, BandsFitter, fit_bands, fit_profiles

COUNT, SHARES = 300, (1.0, 0.6, 0.35)
INF = np.inf


def main(seed: int) -> None:
    rng, verdict = np.random.default_rng(seed), Verdict()
    truth = cases(COUNT, 1e4, rng)
    pictures, psf = drawn(truth)
    objects = []
    for k, picture in enumerate(pictures):
        first, *others = (stamp(noisy(share * picture, rng), k + 1) for share in SHARES)
        objects.append((first, *(replace(first, obj=other.obj) for other in others)))
    one = fitter(psf, SEARCH)
    together = list(fit_bands(objects, BandsFitter((one,) * 3)))
    alone = list(fit_profiles([stamps[0] for stamps in objects], one))
    print(f"{COUNT} galaxies, fluxes {', '.join(f'{1e4 * share:g}' for share in SHARES)}: scatter (MAD)")
    true = np.column_stack([np.log10(truth[:, 1]), truth[:, 2], truth[:, 3], np.log10(truth[:, 0])])
    for k, name in enumerate(("log10 r_e [dex]", "axis ratio", "angle [deg]", "log10 n")):
        first, joint = (values(fits)[:, k] - true[:, k] for fits in (alone, together))
        if k == 2:
            first, joint = ((v + 90) % 180 - 90 for v in (first, joint))
        verdict.row(f"  {name}, one band {mad(first):.4f}, three bands", mad(joint), -INF, mad(first))
    colours(together, verdict)
    coverage(together, true, verdict)
    verdict.end()


def values(fits: list) -> np.ndarray:
    return np.array([one.estimate.values[:4] if one.ok else np.full(4, np.nan) for one in fits])


def colours(together: list, verdict: Verdict) -> None:
    """The colour of the first two bands: fluxes of one shape differ less than fluxes of two fits."""
    pulls, off = [], []
    for one in together:
        if one.ok:
            flux, error = one.estimate.values[[4, 6]], one.estimate.errors[[4, 6]] / one.estimate.values[[4, 6]]
            shared = one.estimate.correlations[4, 6] * error[0] * error[1]
            colour = -2.5 * np.log10(flux[1] / flux[0] / SHARES[1])
            off.append(colour)
            pulls.append(colour / (2.5 / np.log(10) * np.sqrt(error @ error - 2 * shared)))
    print(f"  colour: scatter {mad(np.array(off)):.4f} mag")
    inside = 100 * float(np.mean(np.abs(pulls) < 1)), 100 * float(np.mean(np.abs(pulls) < 1.96))
    verdict.row("  colours within 1 standard error [%]", inside[0], 62, 74)
    verdict.row("  colours within 1.96 standard errors [%]", inside[1], 92, 98)


def coverage(together: list, true: np.ndarray, verdict: Verdict) -> None:
    good = np.array([one.ok for one in together])
    errors = np.array([one.estimate.errors[:4] for one in together if one.ok])
    off = values(together)[good] - true[good]
    off[:, 2] = (off[:, 2] + 90) % 180 - 90
    pulls = np.abs(off / errors)
    pulls[true[good, 1] >= 0.8, 2] = np.nan
    for inside, low, high in ((1.0, 64, 72), (1.96, 93, 97)):
        share = float(np.mean([100 * np.mean(column[~np.isnan(column)] < inside) for column in pulls.T]))
        verdict.row(f"  shape within {inside:g} standard errors [%], mean of four", share, low, high)


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 11)
