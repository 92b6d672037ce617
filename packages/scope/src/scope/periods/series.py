"""What a period search works on: the bands of one star, weighted so that none of them can mislead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

JITTER = 0.5
"""Share of the robust scatter that is added to the errors in quadrature.

Quoted errors understate the scatter of real photometry around any simple model; without this, weighted fits
follow the few points with the smallest errors and lose to unweighted ones.
"""

MIN_POINTS = 5
"""A band with fewer points than this carries no information on a period and is left out."""


@dataclass(frozen=True)
class Band:
    """One band of one star.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the star's first point, ascending [d].
    mag : ndarray of float64, (n,)
        Magnitudes.
    weight : ndarray of float64, (n,)
        ``1 / (magerr**2 + jitter**2)`` [1/mag**2].
    """

    t: np.ndarray
    mag: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Series:
    """The bands of one star, and all of them merged into one curve.

    Parameters
    ----------
    bands : tuple of Band
        At least one.
    merged : Band
        All points in order of time, each band centred on its weighted mean and scaled to the scatter of the
        band with most points.
    baseline : float
        Time between the first and the last point [d].
    origin : float
        Time of the first point [d], in the system of the times given.
    """

    bands: tuple[Band, ...]
    merged: Band
    baseline: float
    origin: float = 0.0

    @classmethod
    def of(cls, curves: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], *, jitter: float = JITTER) -> Series:
        """Prepare the bands of one star.

        Parameters
        ----------
        curves : sequence of (times, mag, magerr)
            One triple a band: times [d] in any common system, magnitudes and errors [mag].
        jitter : float
            Share of the robust scatter added to the errors in quadrature.

        Returns
        -------
        Series

        Raises
        ------
        ValueError
            When no band has `MIN_POINTS` points, a value is not finite or an error not positive.
        """
        kept = [tuple(np.asarray(x, np.float64) for x in curve) for curve in curves if len(curve[0]) >= MIN_POINTS]
        if not kept:
            raise ValueError(f"a period search needs a band with at least {MIN_POINTS} points")
        for t, mag, err in kept:
            if not (np.isfinite(t).all() and np.isfinite(mag).all() and (err > 0).all() and np.isfinite(err).all()):
                raise ValueError("times, magnitudes and errors must be finite, and errors positive")
        origin = min(float(t.min()) for t, _, _ in kept)
        bands = tuple(_band(t - origin, mag, err, jitter) for t, mag, err in kept)
        merged = _merge(bands)
        return cls(bands, merged, float(merged.t[-1] - merged.t[0]), origin)


def _band(t: np.ndarray, mag: np.ndarray, err: np.ndarray, jitter: float) -> Band:
    order = np.argsort(t, kind="stable")
    t, mag, err = t[order], mag[order], err[order]
    scatter = 1.4826 * np.median(np.abs(mag - np.median(mag)))
    return Band(t, mag, 1.0 / (err**2 + (jitter * scatter) ** 2))


def _merge(bands: tuple[Band, ...]) -> Band:
    if len(bands) == 1:
        return bands[0]
    spread = []
    for band in bands:
        mean = np.average(band.mag, weights=band.weight)
        spread.append((mean, np.sqrt(np.average((band.mag - mean) ** 2, weights=band.weight))))
    reference = spread[int(np.argmax([len(band.t) for band in bands]))][1]
    factors = [reference / s if s > 0 else 1.0 for _, s in spread]
    t = np.concatenate([band.t for band in bands])
    mag = np.concatenate([(b.mag - s[0]) * f for b, s, f in zip(bands, spread, factors, strict=True)])
    weight = np.concatenate([b.weight / f**2 if f > 0 else b.weight for b, f in zip(bands, factors, strict=True)])
    order = np.argsort(t, kind="stable")
    return Band(t[order], mag[order], weight[order])
