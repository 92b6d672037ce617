"""Sources spoilt by the light of a bright star nearby."""

from __future__ import annotations

import numpy as np

FAINTEST = 13.0
"""Stars fainter than this, in Gaia's G and Tycho's BT [mag], spoil nothing."""

_BT = (-0.004288, -0.8547, 0.1244, -0.9085, 0.4843, -0.06814)
_VT = (-0.01077, -0.0682, -0.2387, 0.02342)


def exclusion_radius(g: np.ndarray, bp_rp: np.ndarray) -> np.ndarray:
    """Return how far a star spoils its surroundings.

    Gaia's photometry is turned into Tycho's BT and VT by the EDR3 relations (Riello et al. 2021, A&A 649, A3,
    appendix C); the radius is the fit of A. Drake to ZTF images.

    Parameters
    ----------
    g, bp_rp : ndarray of float64, (n,)
        Gaia G and BP - RP [mag].

    Returns
    -------
    ndarray of float64, (n,)
        Radius [arcsec]; 0 for a star without colour or fainter than BT = 13.
    """
    g, colour = np.asarray(g, np.float64), np.asarray(bp_rp, np.float64)
    bt = g - np.polynomial.polynomial.polyval(colour, _BT)
    difference = bt - (g - np.polynomial.polynomial.polyval(colour, _VT))
    radius = 354.817 - 53.27823 * bt + 66.01137 * difference + 2.1031286 * bt**2
    radius += 7.6737066 * difference**2 - 6.164676 * bt * difference
    return np.where((g < FAINTEST) & (bt < FAINTEST), radius, 0.0)


def spoilt(
    ra: np.ndarray, dec: np.ndarray, star_ra: np.ndarray, star_dec: np.ndarray, g: np.ndarray, bp_rp: np.ndarray,
    *, radius: float = 300.0, itself: float = 2.0,
) -> np.ndarray:  # fmt: skip
    """Tell which sources lie inside the exclusion radius of a bright star.

    Parameters
    ----------
    ra, dec : ndarray of float64, (n,)
        Sources [deg].
    star_ra, star_dec, g, bp_rp : ndarray of float64, (m,)
        Stars: position [deg], G and BP - RP [mag]; fainter than G = 13 ones are left out.
    radius : float
        Stars farther than this are not looked at [arcsec].
    itself : float
        The nearest star within this is the source itself, its position is taken and it spoils nothing [arcsec].

    Returns
    -------
    ndarray of bool, (n,)
    """
    bright = np.asarray(g, np.float64) < FAINTEST
    out = np.zeros(len(ra), bool)
    if not bright.any() or not len(ra):
        return out
    sources, stars = unit_vectors(ra, dec), unit_vectors(np.asarray(star_ra)[bright], np.asarray(star_dec)[bright])
    reach = exclusion_radius(np.asarray(g)[bright], np.asarray(bp_rp)[bright])
    from scipy.spatial import cKDTree

    tree = cKDTree(stars)
    for k, near in enumerate(tree.query_ball_point(sources, chord(radius))):
        if not near:
            continue
        found = np.array(near)
        distance = np.linalg.norm(stars[found] - sources[k], axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] < chord(itself):
            here = stars[found[nearest]]
            found = np.delete(found, nearest)
            distance = np.linalg.norm(stars[found] - here, axis=1)
        out[k] = bool((chord(reach[found]) > distance).any())
    return out


def unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return positions [deg] as unit vectors, (n, 3)."""
    a, d = np.radians(np.asarray(ra, np.float64)), np.radians(np.asarray(dec, np.float64))
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def chord(arcsec: float | np.ndarray) -> np.ndarray:
    """Return the straight distance between unit vectors this angle [arcsec] apart."""
    return np.asarray(2 * np.sin(np.radians(np.maximum(arcsec, 0.0) / 3600) / 2))
