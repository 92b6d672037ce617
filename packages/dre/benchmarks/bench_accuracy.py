"""Fits of GalSim galaxies beside their truth: scatter, outliers, steps of the grid, units, sky.

    python bench_accuracy.py [PYTHON of an environment with GalSim 2.8.5 [SEED [GALAXIES]]]

Galaxies of rms 7, gain 1, Moffat PSF of FWHM 3 px, through the real detection. The limits are the promises of the
README. The method was developed on SEED 1, the default; any other is a fresh sample. GALAXIES (500) have a free index,
and a quarter as many a held one.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from truth import RMS, Verdict, cases, differences, drawn, fitter, mad, noisy, stamp

from dre import CLASSIC, SEARCH, Fitter, fit_profiles

INF = np.inf


def main() -> None:
    verdict, seed = Verdict(), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    fixed_index(verdict, count * 6 // 25, seed)
    free_index(verdict, count, seed + 1)
    verdict.end()


def sample(count: int, flux: float, seed: int, index: float | None = None):
    rng = np.random.default_rng(seed)
    truth = cases(count, flux, rng, index)
    pictures, psf = drawn(truth)
    return truth, psf, [stamp(noisy(picture, rng), k + 1) for k, picture in enumerate(pictures)]


def fixed_index(verdict: Verdict, count: int, seed: int) -> None:
    truth, psf, stamps = sample(count, 2e5, seed, 4.0)
    diff = differences(list(fit_profiles(stamps, fitter(psf, CLASSIC))), truth)
    print(f"{count} galaxies of n = 4 (held), 2e5 counts, free centre: scatter (MAD)")
    verdict.row("  log10 r_e [dex]", mad(diff[:, 0]), -INF, 0.0035)
    verdict.row("  axis ratio", mad(diff[:, 1]), -INF, 0.004)
    verdict.row("  angle, q < 0.8 [deg]", mad(diff[truth[:, 2] < 0.8, 2]), -INF, 0.5)
    verdict.row("  flux [fraction]", mad(diff[:, 4]) / 2e5, -INF, 0.004)
    verdict.row("  |median| of log10 r_e [dex]", abs(float(np.nanmedian(diff[:, 0]))), -INF, 0.002)


def free_index(verdict: Verdict, count: int, seed: int) -> None:
    truth, psf, stamps = sample(count, 1e4, seed)
    tool = fitter(psf, SEARCH)
    fits = list(fit_profiles(stamps, tool))
    diff = differences(fits, truth)
    print(f"\n{count} galaxies of n 0.5-6 (free), 1e4 counts")
    verdict.row("  more than 0.15 dex off in r_e [fraction]", float(np.mean(~(np.abs(diff[:, 0]) <= 0.15))), -INF, 0.02)
    print(f"  scatter: {mad(diff[:, 0]):.4f} dex, q {mad(diff[:, 1]):.4f}, log10 n {mad(diff[:, 3]):.4f}")
    steps(verdict, fits, truth)
    units(verdict, stamps[:100], tool, fits[:100])
    sky(verdict, stamps[:200], tool, diff[:200])


def steps(verdict: Verdict, fits: list, truth: np.ndarray) -> None:
    """Fitted values do not gather at the steps of the search grid: their phases are distributed as the truth's."""
    from scipy.stats import ks_2samp

    values = np.array([one.estimate.values for one in fits if one.ok])
    print("\nphase of the value between steps of the grid, fits against truth: p of the Kolmogorov-Smirnov test")
    for name, mine, true, step in (
        ("log10 r_e", values[:, 0], np.log10(truth[:, 1]), 0.15), ("angle", values[:, 2], truth[:, 3], 15.0),
    ):  # fmt: skip
        verdict.row(f"  {name}, step {step:g}", ks_2samp((mine / step) % 1, (true / step) % 1).pvalue, 0.01, INF)
    for name, mine, true in (
        ("axis ratio", values[:, 1], truth[:, 2]),
        ("log10 n", values[:, 3], np.log10(truth[:, 0])),
    ):
        nodes = np.array(SEARCH.q) if name == "axis ratio" else np.log10(SEARCH.n)
        verdict.row(f"  {name}", ks_2samp(phase(mine, nodes), phase(true, nodes)).pvalue, 0.01, INF)


def phase(values: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Position between the two nearest nodes, 0 to 1; values outside the nodes are left out."""
    inside = values[(values > nodes[0]) & (values < nodes[-1])]
    k = np.searchsorted(nodes, inside) - 1
    return (inside - nodes[k]) / (nodes[k + 1] - nodes[k])


def units(verdict: Verdict, stamps: list, tool: Fitter, fits: list) -> None:
    """Image and noise times 1e-3, gain times 1e3."""
    scaled = [replace(one, obj=one.obj.astype(float) * 1e-3, rms=one.rms.astype(float) * 1e-3) for one in stamps]
    others = list(fit_profiles(scaled, replace(tool, gain=tool.gain * 1e3)))
    shift = 0.0
    for a, b in zip(fits, others, strict=True):
        mine, theirs = a.estimate.values.copy(), b.estimate.values.copy()
        theirs[4:6] *= 1e3
        relative = np.abs(theirs - mine) / np.maximum(np.abs(mine), a.estimate.errors)
        shift = max(shift, float(relative.max()), float(np.abs(b.chi2 / a.chi2 - 1)))
    print("\n100 of them with image and rms x 1e-3, gain x 1e3")
    verdict.row("  largest relative change of any parameter", shift, -INF, 1e-6)


def sky(verdict: Verdict, stamps: list, tool: Fitter, diff: np.ndarray) -> None:
    """A sky that is 0.1 rms too high."""
    raised = [replace(one, obj=one.obj + np.float32(0.1 * RMS)) for one in stamps]
    values = np.array([one.estimate.values for one in fit_profiles(raised, tool)])
    before = np.array([one.estimate.values for one in fit_profiles(stamps, tool)])
    print("\n200 of them with a sky offset of 0.1 rms")
    verdict.row(
        "  median change of log10 r_e [dex]", float(np.median(np.abs(values[:, 0] - before[:, 0]))), -INF, 0.006
    )
    verdict.row("  largest change of log10 r_e [dex]", float(np.abs(values[:, 0] - before[:, 0]).max()), -INF, 0.006)


if __name__ == "__main__":
    main()
