"""The probability that chance alone makes a star look as periodic: the false-alarm probability of a decision.

What chance does is what happens to light curves whose magnitudes are shuffled in time.  The evidence of the decided
period on such curves depends on how their magnitudes are distributed: a few outliers meet in one phase sooner or later.
Two tests are made of it.  The first replaces magnitudes by their normal scores (the quantiles of their ranks; Blom
1958), whose distribution is the same for all stars, so that one law holds for all.  It sees little of short eclipses,
for which the second takes the magnitudes as they are, by a law that grows with their kurtosis; and since a single
outlier is at one phase at any period, it must hold without the farthest point, too.  The first gets nine tenths of the
probability, the second one tenth.  Where many magnitudes are equal, their order is drawn by lot: normal scores with
large ties have another distribution.

Both laws are Gumbel's, of largest values, for the curve's points, bands and baseline.
``benchmarks/fit_false_alarms.py`` fits them to half of the stars, ``benchmarks/bench_periods.py`` counts false alarms
on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scope.periods.decide import ECLIPSING, SMOOTH, merit
from scope.periods.series import Band, Series

_TIED = 0.95  # of the variance that the scores of distinct magnitudes have

RANKS_SHARE = 0.9
"""Of the probability that the test on normal scores may spend."""


@dataclass(frozen=True)
class Law:
    """The distribution of the largest merit that chance makes.

    Parameters
    ----------
    constant, points, baseline, bands : float
        Location: constant + points x (sum over bands of ln n) + baseline x ln(T / d) + bands x number of bands.
    scale, scale_points, scale_tails : float
        Logarithm of the scale: scale + scale_points x (mean over bands of ln n) + scale_tails x ln(kurtosis).
    """

    constant: float
    points: float
    baseline: float
    bands: float
    scale: float
    scale_points: float = 0.0
    scale_tails: float = 0.0

    def probability(self, series: Series, value: float) -> float:
        """Return the probability of a merit as large as `value`."""
        sizes = np.array([np.log(len(band.t)) for band in series.bands])
        tails = np.log(kurtosis(series.merged.mag))
        location = self.constant + self.points * sizes.sum() + self.baseline * np.log(series.baseline)
        location += self.bands * len(sizes)
        scale = np.exp(self.scale + self.scale_points * sizes.mean() + self.scale_tails * tails)
        return float(-np.expm1(-np.exp(np.clip(-(value - location) / scale, -700, 700))))


RANKS = Law(17.223, -1.246, 0.135, -0.187, 1.545, scale_points=-0.124)
MAGNITUDES = Law(19.547, -4.528, 0.685, 11.811, 0.810, scale_tails=0.510)


def false_alarm(series: Series, frequency: float, value: float) -> float:
    """Return the probability that shuffled magnitudes look as periodic.

    Parameters
    ----------
    series : Series
        The star.
    frequency : float
        The decided frequency [1/d].
    value : float
        Its merit.

    Returns
    -------
    float
        In [0, 1].
    """
    ranks = RANKS.probability(series, rank_merit(series, frequency)) / RANKS_SHARE
    magnitudes = MAGNITUDES.probability(series, value) / (1 - RANKS_SHARE)
    if magnitudes < min(ranks, 1.0):
        rest = without_farthest(series)
        magnitudes = max(magnitudes, MAGNITUDES.probability(rest, _best(rest, frequency)) / (1 - RANKS_SHARE))
    return min(ranks, magnitudes, 1.0)


def rank_merit(series: Series, frequency: float) -> float:
    """Return the merit of a frequency [1/d] for the normal scores of the magnitudes, without weights."""
    return _best(Series(tuple(_scored(band) for band in series.bands), series.merged, series.baseline), frequency)


def without_farthest(series: Series) -> Series:
    """Return a star without the point of each band that is farthest from the mean, in units of its error."""
    bands = tuple(_shorter(band) for band in series.bands)
    return Series(bands, _shorter(series.merged), series.baseline)


def kurtosis(mag: np.ndarray) -> float:
    """Return the fourth moment of magnitudes over the square of their variance; 3 for a normal law."""
    y = mag - mag.mean()
    square = float((y**2).mean())
    return float((y**4).mean()) / square**2 if square > 0 else 3.0


def _best(series: Series, frequency: float) -> float:
    """Return the best merit close to a frequency [1/d]."""
    near = frequency + np.linspace(-0.12, 0.12, 5) / series.baseline
    return float((merit(series, near, SMOOTH, ECLIPSING) - 2 * np.log(near)).max())


def _shorter(band: Band) -> Band:
    far = int(np.argmax(band.weight * (band.mag - np.average(band.mag, weights=band.weight)) ** 2))
    return Band(*(np.delete(values, far) for values in (band.t, band.mag, band.weight)))


def _scored(band: Band) -> Band:
    from scipy.special import ndtri

    n = len(band.mag)
    _, where, counts = np.unique(band.mag, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]  # equal magnitudes share the mean of their ranks
    scores, distinct = (ndtri((r - 0.375) / (n + 0.25)) for r in (ranks, np.arange(1.0, n + 1)))
    if scores.var() < _TIED * distinct.var():
        lots = np.random.default_rng(0).permutation(n)
        scores[np.lexsort((lots, band.mag))] = distinct
    return Band(band.t, scores, np.ones(n))
