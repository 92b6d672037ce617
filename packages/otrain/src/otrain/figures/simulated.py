"""Plots of what a model says about simulated sources."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from otrain.crossmatch import Recovered, fractions
from otrain.figures.canvas import BOGUS, REAL, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NAMES", "plots"]

NAMES = ("distrib_CNN_prob_sim.png", "distrib_CNN_prob_all.png", "distrib_CNNprob_all_and_sim.png",
         "fraction_per_bin.png", "distrib_FWHM_simulation.png", "distrib_FWHM_real_vs_sim.png")  # fmt: skip

_P = np.linspace(0, 1, 41)


def plots(found: Recovered, limits: Sequence[float], thresholds: Sequence[float], lower: float, upper: float
          ) -> dict[str, Figure]:  # fmt: skip
    """Return the plots of `NAMES`.

    Parameters
    ----------
    found : Recovered
    limits : sequence of float
        Magnitudes that divide the range.
    thresholds : sequence of float
        On the probability.
    lower, upper : float
        Limits of FWHM / FWHM_PSF.
    """
    edges = [-np.inf, *sorted(limits), np.inf]
    bins = [
        (row["magnitude"], (found.mag >= low) & (found.mag < high))
        for row, low, high in zip(fractions(found, limits, ()), edges, edges[1:], strict=False)
    ]
    simulated = [(name, found.probability[mask]) for name, mask in bins]
    everything = [("all candidates but simulated ones", found.all_probability)]
    steps = [0.0, *sorted(thresholds), 1.0]
    by_p = [
        (f"p {a:g} to {b:g}", found.ratio[(found.probability >= a) & (found.probability <= b)])
        for a, b in pairwise(steps)
    ]
    both = [("simulated", found.ratio), ("other candidates", found.all_ratio)]
    return dict(zip(NAMES, (
        _histogram(simulated, _P, "probability of being real", "Simulated sources by magnitude"),
        _histogram(everything, _P, "probability of being real", "All candidates"),
        _histogram([("simulated", found.probability), *everything], _P, "probability of being real",
                   "Simulated sources and all candidates"),
        _fraction(found, limits, thresholds),
        _ratios(by_p, lower, upper, "Simulated sources by probability"),
        _ratios(both, lower, upper, "Simulated sources and other candidates"),
    ), strict=True))  # fmt: skip


def _histogram(parts: Sequence[tuple[str, Any]], bins: Any, label: str, title: str) -> Figure:
    made = figure(6.4, 4.4)
    axis = made.subplots()
    for name, values in parts:
        good = values[np.isfinite(values)]
        axis.hist(good, bins, histtype="step", lw=1.6, label=f"{name} ({len(good)})")
    axis.set(xlabel=label, ylabel="number", title=title, yscale="log")
    axis.set_ylim(bottom=0.7)
    axis.legend(fontsize=8)
    return made


def _fraction(found: Recovered, limits: Sequence[float], thresholds: Sequence[float]) -> Figure:
    made = figure(6.4, 4.4)
    axis = made.subplots()
    rows = fractions(found, limits, thresholds)
    at = np.arange(len(rows))
    for threshold in thresholds:
        axis.plot(at, [row[f"p>{threshold:g}"] for row in rows], "o-", label=f"p > {threshold:g}")
    labels = [f"{row['magnitude']}\n({row['candidates']} of {row['simulated']})" for row in rows]
    axis.set_xticks(at, labels, fontsize=8)
    axis.set(ylabel="fraction of simulated candidates", title="Simulated sources that stay, by magnitude",
             ylim=(-0.03, 1.03))  # fmt: skip
    axis.legend(fontsize=8)
    return made


def _ratios(parts: Sequence[tuple[str, Any]], lower: float, upper: float, title: str) -> Figure:
    made = _histogram(parts, np.linspace(0, max(2 * upper, 1), 61), "FWHM / FWHM of the PSF", title)
    axis = made.axes[0]
    axis.axvline(lower, color=BOGUS, ls="--", lw=1)
    axis.axvline(upper, color=REAL, ls="--", lw=1)
    return made
