"""Simulated sources, cross-matched with candidates, and what a model said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Recovered", "fractions", "match"]

Array = npt.NDArray[Any]

_NONE = {"", "none", "nan", "--", "-99", "masked"}


@dataclass(frozen=True)
class Recovered:
    """Simulated sources, and all candidates.

    Attributes
    ----------
    mag : ndarray of float, shape (n,)
        Of each simulated source.
    probability : ndarray of float, shape (n,)
        Of being real; NaN where no single candidate belongs to the source.
    ratio : ndarray of float, shape (n,)
        FWHM of the candidate over that of the PSF; NaN where not known.
    all_probability, all_ratio : ndarray of float
        The same of all candidates that are no simulated source.
    """

    mag: Array
    probability: Array
    ratio: Array
    all_probability: Array
    all_ratio: Array


def match(simulated: Table, scored: Table) -> Recovered:
    """Join simulated sources with the candidates that they were matched to.

    Parameters
    ----------
    simulated : Table
        ``closest_candID`` (None where nothing was found) and ``mag``, a row a simulated source.
    scored : Table
        ``cand_ID``, ``label1``, and where known ``FWHM`` and ``FWHMPSF``.

    Raises
    ------
    SchemaMismatch
        If a column is missing.
    """
    for table, needed, name in (
        (simulated, ("closest_candID", "mag"), "crossmatch"), (scored, ("cand_ID", "label1"), "infer"),
    ):  # fmt: skip
        missing = [column for column in needed if column not in table.colnames]
        if missing:
            raise SchemaMismatch(f"the {name} table has no column {' and no '.join(missing)}")
    places: dict[str, list[int]] = {}
    for row, name in enumerate(_names(scored["cand_ID"])):
        places.setdefault(name, []).append(row)
    rows = np.full(len(simulated), -1)
    for k, name in enumerate(_names(simulated["closest_candID"])):
        found = places.get(name, []) if name.lower() not in _NONE else []
        rows[k] = found[0] if len(found) == 1 else -1
    probability, ratio = _numbers(scored, "label1"), _ratio(scored)
    hit = rows >= 0
    others = np.ones(len(scored), bool)
    others[rows[hit]] = False
    return Recovered(
        _numbers(simulated, "mag"), np.where(hit, probability[rows], np.nan), np.where(hit, ratio[rows], np.nan),
        probability[others], ratio[others],
    )  # fmt: skip


def _names(column: Any) -> list[str]:
    mask = getattr(column, "mask", None)
    hidden = [False] * len(column) if mask is None else np.broadcast_to(mask, len(column)).tolist()
    return ["" if h else str(v).strip() for v, h in zip(np.asarray(column).tolist(), hidden, strict=True)]


def _numbers(table: Table, name: str) -> Array:
    out = []
    for text in _names(table[name]):
        try:
            out.append(float(text))
        except ValueError:
            out.append(np.nan)
    return np.array(out, float)


def _ratio(scored: Table) -> Array:
    if not {"FWHM", "FWHMPSF"} <= set(scored.colnames):
        return np.full(len(scored), np.nan)
    psf = _numbers(scored, "FWHMPSF")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(psf > 0, _numbers(scored, "FWHM") / psf, np.nan)


def fractions(recovered: Recovered, limits: Sequence[float], thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """Return how many simulated sources are found, and stay above thresholds, between limits of magnitude.

    Parameters
    ----------
    recovered : Recovered
    limits : sequence of float
        Magnitudes that divide the range; sources beyond the first and last one are counted too.
    thresholds : sequence of float
        On the probability.

    Returns
    -------
    list of dict
        A row for each bin: ``magnitude``, ``simulated``, ``candidates``, and ``p>T`` for each threshold.
    """
    edges = [-np.inf, *sorted(limits), np.inf]
    rows = []
    for low, high in pairwise(edges):
        mask = (recovered.mag >= low) & (recovered.mag < high)
        p = recovered.probability[mask]
        p = p[np.isfinite(p)]
        name = f"below {high:g}" if low == -np.inf else f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"
        row: dict[str, Any] = {"magnitude": name, "simulated": int(mask.sum()), "candidates": len(p)}
        for threshold in thresholds:
            row[f"p>{threshold:g}"] = float((p > threshold).mean()) if len(p) else float("nan")
        rows.append(row)
    return rows
