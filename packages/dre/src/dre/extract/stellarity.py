"""A star/galaxy measure from size against the stellar locus, in place of SExtractor's neural network.

Stars of any brightness share one half-light radius; galaxies are larger.  The *stellar locus* is the radius at which
the bright, round, clean sources pile up.  Each source is then compared with it, given the scatter that its
signal-to-noise ratio allows:

    z = (r50 - r_star) / sigma,     sigma^2 = sigma_star^2 + (r_star / SNR)^2
    CLASS_STAR = L_s / (L_s + L_g), L_s = exp(-max(z, 0)^2 / 2) / (sqrt(2 pi) sigma),  L_g = 1 / (3 r_star)

that is, the probability of a star when both kinds are equally frequent and galaxies are spread evenly over radii
r_star to 4 r_star.  Like CLASS_STAR it runs from 0 (galaxy) to 1 (star) and tends to be undecided for faint sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_STARS = 5
LOCUS_WIDTH = 0.08


@dataclass(frozen=True)
class StellarLocus:
    """Half-light radius of the stars of an image.

    Parameters
    ----------
    radius : float
        Half-light radius of a star [pixel].
    scatter : float
        Its intrinsic scatter over the image [pixel].
    stars : int
        Sources on the locus; 0 when the radius was assumed from the seeing.
    """

    radius: float
    scatter: float
    stars: int


def stellar_locus(
    radius: np.ndarray, snr: np.ndarray, elongation: np.ndarray, flags: np.ndarray, *, seeing: float
) -> StellarLocus:
    """Find the radius at which the bright, round and clean sources of an image pile up.

    Parameters
    ----------
    radius : ndarray
        Half-light radii, FLUX_RADIUS [pixel].
    snr : ndarray
        Signal-to-noise ratios.
    elongation : ndarray
        A/B.
    flags : ndarray of int
        Extraction flags; sources with flags of 2 and more are not used.
    seeing : float
        FWHM to assume when fewer than 5 sources pile up [pixel].

    Returns
    -------
    StellarLocus
    """
    use = (snr > 20) & (elongation < 1.3) & (flags < 2) & np.isfinite(radius) & (radius > 0.5)
    candidates = np.sort(radius[use])
    if candidates.size < MIN_STARS:
        return StellarLocus(_radius_of(seeing), LOCUS_WIDTH * _radius_of(seeing), 0)
    first = np.searchsorted(candidates, candidates * (1 - LOCUS_WIDTH))
    last = np.searchsorted(candidates, candidates * (1 + LOCUS_WIDTH), side="right")
    crowd = last - first
    # the smallest radius that gathers nearly the largest crowd: galaxies pile up less, and at larger radii
    best = int(np.argmax(crowd >= 0.7 * crowd.max()))
    if crowd[best] < MIN_STARS:
        return StellarLocus(_radius_of(seeing), LOCUS_WIDTH * _radius_of(seeing), 0)
    centre = float(candidates[best])
    for _ in range(10):
        members = candidates[np.abs(candidates / centre - 1) < LOCUS_WIDTH]
        centre = float(np.median(members))
    scatter = 1.4826 * float(np.median(np.abs(members - centre)))
    return StellarLocus(centre, max(scatter, 0.01 * centre), int(members.size))


def _radius_of(fwhm: float) -> float:
    """Half-light radius of a Moffat profile of beta 3 with this FWHM: r50 = FWHM/2 sqrt((2^(1/2)-1)/(2^(1/3)-1))."""
    return 0.5 * fwhm * np.sqrt((2**0.5 - 1) / (2 ** (1 / 3) - 1))


def class_star(radius: np.ndarray, snr: np.ndarray, locus: StellarLocus) -> np.ndarray:
    """Return the star/galaxy measure of the module's formula, float32, 0 (galaxy) to 1 (star)."""
    spread = np.hypot(locus.scatter, locus.radius / np.maximum(snr, 1e-3))
    z = np.maximum((radius - locus.radius) / spread, 0)
    star = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * spread)
    galaxy = 1 / (3 * locus.radius)
    return np.where(np.isfinite(radius), star / (star + galaxy), 0.5).astype(np.float32)
