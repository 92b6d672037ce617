"""What other catalogues know of a source: the closest entry within a radius."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scope.features.bright_stars import chord, unit_vectors

CATALOGUES: dict[str, tuple[str, ...]] = {
    "AllWISE": (
        "_id", "w1mpro", "w1sigmpro", "w2mpro", "w2sigmpro", "w3mpro", "w3sigmpro", "w4mpro", "w4sigmpro", "ph_qual",
    ),
    "Gaia_EDR3": (
        "_id", "phot_g_mean_mag", "phot_bp_mean_mag", "phot_rp_mean_mag", "parallax", "parallax_error", "pmra",
        "pmra_error", "pmdec", "pmdec_error", "astrometric_excess_noise", "phot_bp_rp_excess_factor",
    ),
    "PS1_DR1": (
        "_id", "gMeanPSFMag", "gMeanPSFMagErr", "rMeanPSFMag", "rMeanPSFMagErr", "iMeanPSFMag", "iMeanPSFMagErr",
        "zMeanPSFMag", "zMeanPSFMagErr", "yMeanPSFMag", "yMeanPSFMagErr", "qualityFlag",
    ),
}  # fmt: skip
"""Columns taken from each catalogue; in the feature table they are called CATALOGUE__column."""

TEXTS = frozenset({"ph_qual"})
IDENTIFIERS = frozenset({"_id", "qualityFlag"})


@dataclass(frozen=True)
class Catalogue:
    """A catalogue of the sky near the sources.

    Parameters
    ----------
    ra, dec : ndarray of float64, (m,)
        Positions (ICRS) [deg].
    columns : mapping of str to ndarray, (m,)
        Its columns by name.
    """

    ra: np.ndarray
    dec: np.ndarray
    columns: Mapping[str, np.ndarray]


def closest(ra: np.ndarray, dec: np.ndarray, catalogue: Catalogue, radius: float) -> np.ndarray:
    """Return the row of the closest entry of each source.

    Parameters
    ----------
    ra, dec : ndarray of float64, (n,)
        Sources [deg].
    catalogue : Catalogue
        Entries.
    radius : float
        Farthest match [arcsec].

    Returns
    -------
    ndarray of int64, (n,)
        -1 without a match.
    """
    out = np.full(len(ra), -1, np.int64)
    known = np.isfinite(ra) & np.isfinite(dec)
    if not known.any() or not len(catalogue.ra):
        return out
    from scipy.spatial import cKDTree

    tree = cKDTree(unit_vectors(catalogue.ra, catalogue.dec))
    distance, row = tree.query(unit_vectors(ra[known], dec[known]), distance_upper_bound=chord(radius))
    out[known] = np.where(np.isfinite(distance), row, -1)
    return out


def match_columns(
    ra: np.ndarray, dec: np.ndarray, catalogues: Mapping[str, Catalogue], radius: float,
    wanted: Mapping[str, Sequence[str]] = CATALOGUES,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return the columns of all catalogues for each source; without a match or a catalogue they are missing.

    Parameters
    ----------
    ra, dec : ndarray of float64, (n,)
        Sources [deg].
    catalogues : mapping of str to Catalogue
        Catalogues by name.
    radius : float
        Farthest match [arcsec].
    wanted : mapping of str to sequence of str
        Names of columns by that of their catalogue.

    Returns
    -------
    dict of str to ndarray, (n,)
        By CATALOGUE__column: float64 with NaN, or objects with None for identifiers and texts.
    """
    out: dict[str, np.ndarray] = {}
    for name, columns in wanted.items():
        catalogue = catalogues.get(name)
        rows = closest(ra, dec, catalogue, radius) if catalogue is not None else np.full(len(ra), -1, np.int64)
        for column in columns:
            values = catalogue.columns.get(column) if catalogue is not None else None
            out[f"{name}__{column}"] = _taken(values, rows, column)
    return out


def _taken(values: np.ndarray | None, rows: np.ndarray, column: str) -> np.ndarray:
    matched = (rows >= 0) & (values is not None)
    if column in TEXTS | IDENTIFIERS:
        out = np.full(len(rows), None, object)
        if values is not None:
            kind = str if column in TEXTS else int
            out[matched] = [None if _unknown(v) else kind(v) for v in np.asarray(values)[rows[matched]]]
        return out
    numbers = np.full(len(rows), np.nan)
    if values is not None:
        numbers[matched] = np.asarray(values, np.float64)[rows[matched]]
    return numbers


def _unknown(value: object) -> bool:
    return value is None or value is np.ma.masked or value != value
