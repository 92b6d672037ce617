"""Flares: stretches of a light curve that rise well above its median.

The definition is that of peak-driven region segmentation as scope-ml has it (its ``pdrs`` of 2026): fluxes in bins of
3 d; peaks 2 standard deviations above the median; each grows to both sides while the flux falls, or the smoothed
slope still points to the peak, and stays above the median; stretches with a shallow saddle between them are one; and
the median of a stretch must be half a standard deviation above that of the curve.
"""

from __future__ import annotations

import numpy as np

NAMES = ("n_flares", "flare_significance", "flare_duty_cycle")
"""Their number, the highest peak [standard deviations above the median], the share of the baseline inside of them."""

BIN = 3.0
"""Width of the bins [d]."""

GAP = 60.0
"""No flare goes across a longer gap [d]."""

_PEAK, _REGION, _SADDLE, _WINDOW, _FEWEST = 2.0, 0.5, 0.2, 7, 3


def flare_features(t: np.ndarray, mag: np.ndarray, magerr: np.ndarray) -> dict[str, float]:
    """Return the features of `NAMES`.

    Parameters
    ----------
    t, mag, magerr : ndarray of float64, (n,)
        A light curve in order of time [d, mag, mag].

    Returns
    -------
    dict of str to float
        NaN with fewer than four bins.
    """
    flux = 10 ** (-0.4 * (mag - np.median(mag)))
    times, fluxes = binned(t, flux, 1 / (0.4 * np.log(10) * flux * magerr) ** 2)
    if len(times) < _FEWEST + 1:
        return dict.fromkeys(NAMES, np.nan)
    found = flares(times, fluxes)
    median, scatter = np.median(fluxes), fluxes.std()
    height = max((float((fluxes[a : b + 1].max() - median) / scatter) for a, b in found), default=0.0)
    inside = sum(float(times[b] - times[a]) for a, b in found)
    return dict(zip(NAMES, (float(len(found)), height, min(inside / float(t[-1] - t[0]), 1.0)), strict=True))


def binned(t: np.ndarray, flux: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean time and the weighted mean flux of each bin of `BIN` days that has points."""
    where = ((t - t[0]) / BIN).astype(np.int64)
    _, where = np.unique(where, return_inverse=True)
    return np.bincount(where, t) / np.bincount(where), np.bincount(where, weight * flux) / np.bincount(where, weight)


def flares(t: np.ndarray, flux: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last point of each flare, in order of time.

    Parameters
    ----------
    t, flux : ndarray of float64, (n,)
        Ascending times [d] and fluxes.
    """
    median, scatter = float(np.median(flux)), float(flux.std())
    above = np.concatenate([[-np.inf], flux, [-np.inf]])
    tops = (flux > above[:-2]) & (flux > above[2:]) & (flux > median + _PEAK * scatter)
    regions = _merged(_grown(t, flux, np.flatnonzero(tops), median), t, flux, median)
    return [(a, b) for a, b in regions if np.median(flux[a : b + 1]) >= median + _REGION * scatter]


def _slopes(t: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Return the slope of a straight line through the points around each."""
    out = np.zeros(len(t))
    for k in range(len(t)):
        part = slice(max(0, k - _WINDOW // 2), k + _WINDOW // 2 + 1)
        x = t[part] - t[part].mean()
        square = (x * x).sum()
        out[k] = (x * flux[part]).sum() / square if square > 0 else 0.0
    return out


def _grown(t: np.ndarray, flux: np.ndarray, peaks: np.ndarray, median: float) -> list[tuple[int, int]]:
    """Grow all peaks, one point to either side in turn, until none can take another point."""
    slopes, taken = _slopes(t, flux), np.zeros(len(t), bool)
    taken[peaks] = True
    ends = {int(p): [int(p), int(p)] for p in peaks}
    growing = set(ends)
    while growing:
        for peak in sorted(growing):
            steps = [_step(t, flux, slopes, taken, ends[peak], side, median) for side in (0, 1)]
            if not any(steps):
                growing.discard(peak)
    return [(a, b) for a, b in ends.values() if b - a + 1 >= _FEWEST]


def _step(
    t: np.ndarray, flux: np.ndarray, slopes: np.ndarray, taken: np.ndarray, ends: list[int], side: int, median: float
) -> bool:
    """Take the next point on a side (0 before, 1 after) into a region, if it belongs there."""
    here, sign = ends[side], 2 * side - 1
    there = here + sign
    if not 0 <= there < len(t) or taken[there] or flux[there] < median or abs(t[there] - t[here]) > GAP:
        return False
    if flux[there] >= flux[here] and sign * slopes[here] > 0:
        return False
    taken[there], ends[side] = True, there
    return True


def _merged(regions: list[tuple[int, int]], t: np.ndarray, flux: np.ndarray, median: float) -> list[tuple[int, int]]:
    """Join neighbours between which the flux hardly sinks."""
    out: list[tuple[int, int]] = []
    top = 0.0
    for a, b in regions:
        height = float(flux[a : b + 1].max())
        if out and _belong(out[-1][1], a, t, flux, median, min(top, height)):
            out[-1], top = (out[-1][0], b), max(top, height)
        else:
            out.append((a, b))
            top = height
    return out


def _belong(end: int, start: int, t: np.ndarray, flux: np.ndarray, median: float, lower: float) -> bool:
    if t[start] - t[end] > GAP:
        return False
    if start <= end + 2:
        return True
    return bool(flux[end + 1 : start].min() - median > _SADDLE * (lower - median))
