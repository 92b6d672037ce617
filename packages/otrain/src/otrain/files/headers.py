"""Keywords of FITS cut-outs -> columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from otrain.cutouts import COLUMNS

if TYPE_CHECKING:
    from shared_io.stamps import Values

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


def columns(table: Mapping[str, Values], names: Sequence[str]) -> tuple[dict[str, Array], Array]:
    """Return the columns and the edge flags of cut-outs.

    Parameters
    ----------
    table : mapping of shared_io.stamps.Values
        For each keyword its values.
    names : sequence of str
        What a cut-out without CANDID and NAME is called.
    """
    found = {name: _column(table, name, len(names)) for name in COLUMNS}
    unnamed = found["candid"] == ""
    if unnamed.any():
        found["candid"] = np.where(unnamed, np.array(names, dtype=str), found["candid"])
    found["night"] = _nights(found["night"])
    edge = _values(table["EDGE"]) if _there(table["EDGE"]) else [None] * len(names)
    known = {value: is_edge(value) for value in set(edge)}
    return found, np.array([known[value] for value in edge], bool)


def _there(values: Values) -> bool:
    """Tell whether a file gives one."""
    return values.missing is None or not values.missing.all()


def _values(values: Values) -> list[Any]:
    """The values of a keyword; None where it is missing."""
    listed = values.data.tolist()
    if values.missing is None:
        return listed
    return [None if hidden else value for value, hidden in zip(listed, values.missing.tolist(), strict=True)]


def _column(table: Mapping[str, Values], name: str, count: int) -> Array:
    keys = [key for key in KEYS[name] if _there(table[key])]
    text = COLUMNS[name] is str
    if not keys or not count:
        return np.full(count, "", "U1") if text else np.full(count, np.nan)
    only = table[keys[0]]
    if len(keys) == 1 and not text and only.data.dtype.kind == "f":
        return only.data if only.missing is None else np.where(only.missing, np.nan, only.data)
    out: list[Any] = [None] * count
    for key in reversed(keys):
        out = [old if new is None else new for old, new in zip(out, _values(table[key]), strict=True)]
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
    if not text.any():
        return text
    whole = [value.partition("T")[0].partition(".")[0] for value in text.tolist()]
    return np.array(whole, dtype=str) if whole else text
