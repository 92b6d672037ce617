"""Keywords of FITS cut-outs -> columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from otrain.cutouts import COLUMNS

__all__ = ["ALL", "KEYS", "columns", "is_edge"]

Array = npt.NDArray[Any]

KEYS: dict[str, tuple[str, ...]] = {
    "candid": ("CANDID", "NAME"), "mag": ("mag_calib", "MAG"), "magerr": ("MAGERR",), "filter": ("FILTER",),
    "fwhm": ("FWHM",), "ra": ("RA",), "dec": ("DEC",), "original": ("FILE",), "x": ("XPOS",), "y": ("YPOS",),
    "fwhm_psf": ("FWHMPSF",), "object": ("OBJECTID", "OBJECT"), "night": ("NIGHT", "DATE-OBS", "MJD-OBS", "JD"),
    "field": ("FIELD",),
}  # fmt: skip
"""The keywords of each column, the first that is there counts."""

ALL = (*(key for keys in KEYS.values() for key in keys), "EDGE")
"""All keywords that are looked for."""

_TRUE = {"t", "true", "1", "yes", "y"}


def is_edge(value: object) -> bool:
    """Tell whether EDGE says so: T, 'True', 1 and the like; 'False', F, 0 and nothing at all do not."""
    if isinstance(value, float):
        return value == value and value != 0
    return value is not None and str(value).strip().lower() in _TRUE


def columns(table: Any, names: Sequence[str]) -> tuple[dict[str, Array], Array]:
    """Return the columns and the edge flags of the rows of a table of keywords.

    Parameters
    ----------
    table : astropy.table.Table
        A column for each keyword that was asked for, masked where a file has none.
    names : sequence of str
        What a cut-out without CANDID and NAME is called.
    """
    found = {name: _column(table, name) for name in COLUMNS}
    unnamed = found["candid"] == ""
    if unnamed.any():
        found["candid"] = np.where(unnamed, np.array(names, dtype=str), found["candid"])
    found["night"] = _nights(found["night"])
    edge = [is_edge(value) for value in _values(table, "EDGE")] if "EDGE" in table.colnames else [False] * len(table)
    return found, np.array(edge, bool)


def _values(table: Any, key: str) -> list[Any]:
    """The values of a keyword; None where it is missing."""
    column = table[key]
    listed = np.asarray(column).tolist()
    mask = getattr(column, "mask", None)
    return listed if mask is None else [None if hidden else v for v, hidden in zip(listed, mask.tolist(), strict=True)]


def _column(table: Any, name: str) -> Array:
    keys = [key for key in KEYS[name] if key in table.colnames]
    text = COLUMNS[name] is str
    keys = [key for key in keys if not np.ma.getmaskarray(np.ma.asarray(table[key])).all()]
    if not keys:
        return np.full(len(table), "", "U1") if text else np.full(len(table), np.nan)
    if len(keys) == 1 and not text and table[keys[0]].dtype.kind == "f":
        return np.ma.filled(np.ma.asarray(table[keys[0]]), np.nan).astype(np.float64)
    out: list[Any] = [None] * len(table)
    for key in reversed(keys):
        out = [old if new is None else new for old, new in zip(out, _values(table, key), strict=True)]
    if text:
        made = np.array(["" if value is None else str(value).strip() for value in out], dtype=str)
        return made if made.dtype.itemsize else made.astype("U1")
    return np.array([_number(value) for value in out], np.float64)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def _nights(text: Array) -> Array:
    """The whole days of dates (2024-03-01T22:10:00) and Julian dates."""
    whole = [value.partition("T")[0].partition(".")[0] for value in text.tolist()]
    return np.array(whole, dtype=str) if whole else text
