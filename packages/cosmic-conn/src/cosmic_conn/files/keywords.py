"""Which cards of a header mean what: those of LCO unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

__all__ = ["LCO", "NRES", "Keywords", "number", "text"]


@dataclass(frozen=True)
class Keywords:
    """Names of cards, each one ``""`` where there is none.

    Attributes
    ----------
    exposure, read_noise, gain, saturation
        Exposure time [s], read noise [e-], gain [e-/ADU], saturation level [ADU].
    request, block, filter
        What consecutive exposures have in common.
    total
        Frames of the block, with 1 for an exposure that is not repeated.
    wcs_error
        0 where the astrometry succeeded.
    sky
        Level of the sky [ADU].
    date
        That the exposures are put in order by.
    """

    exposure: str = "EXPTIME"
    read_noise: str = "RDNOISE"
    gain: str = "GAIN"
    saturation: str = "SATURATE"
    request: str = "REQNUM"
    block: str = "MOLNUM"
    filter: str = "FILTER"
    total: str = "FRMTOTAL"
    wcs_error: str = "WCSERR"
    sky: str = "L1MEDIAN"
    date: str = "DATE-OBS"

    def changed(self, pairs: Iterable[str]) -> Keywords:
        """Return the keywords with some of them replaced.

        Parameters
        ----------
        pairs
            ``MEANING=CARD``, several of them with commas between.

        Raises
        ------
        ValueError
            When there is no such meaning.
        """
        known = [field.name for field in fields(self)]
        found: dict[str, str] = {}
        for pair in (p for text in pairs for p in text.split(",") if p.strip()):
            meaning, equals, card = (part.strip() for part in pair.partition("="))
            meaning = meaning.lower().replace("-", "_")
            if not equals or meaning not in known:
                raise ValueError(f"'{pair}' is no keyword; give MEANING=CARD, MEANING one of {', '.join(known)}")
            found[meaning] = card.upper()
        return replace(self, **found)


LCO = Keywords()
"""Of LCO's imagers, after their pipeline BANZAI."""

NRES = Keywords(block="PROPID", wcs_error="", sky="", total="", filter="")
"""Of LCO's spectrographs NRES."""


def number(header: Any, card: str, default: float | None = None) -> float | None:
    """Return the finite number on a card, also where it is written as text, else the default."""
    value = header.get(card) if card else None
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return default
    return float(value)


def text(header: Any, card: str) -> str:
    """Return what a card says as text, ``""`` where it is not there."""
    return str(header.get(card, "")).strip() if card else ""
