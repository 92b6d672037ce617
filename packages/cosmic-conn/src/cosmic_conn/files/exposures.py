"""Single exposures: what their headers say, and their pixels."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.files.keywords import Keywords, number, text
from cosmic_conn.files.sequences import CATALOGUE, IMAGE, SPECTRUM
from cosmic_conn.labelling.grouping import Exposure

__all__ = ["Frame", "read_exposure", "read_frame", "with_system_of"]

_SYSTEM = re.compile(
    r"(CRVAL|CRPIX|CDELT|CUNIT|CTYPE|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+|[AB]P?_(ORDER|DMAX|\d_\d)"
    r"|LONPOLE|LATPOLE|WCSAXES|RADESYS|EQUINOX"
)
_BAD, _FULL = 1, 2  # bits of LCO's masks of bad pixels


@dataclass(frozen=True)
class Frame:
    """An exposure in full.

    Attributes
    ----------
    pixels : ndarray of float32, shape (height, width)
        [ADU].
    bad : ndarray of uint8 or None
        Bits: 1 bad, 2 saturated.
    header : Header
        Of its HDU, with what only the primary header has.
    catalogue
        HDU of its sources, or None.
    """

    pixels: npt.NDArray[np.float32]
    bad: npt.NDArray[np.uint8] | None
    header: Any
    catalogue: Any


def read_exposure(path: str | os.PathLike[str], keywords: Keywords, *, spectrum: bool = False) -> Exposure:
    """Read what the headers of an exposure say.

    Raises
    ------
    SharedIOError
        When the file is damaged, or has no image.
    """
    infos = fits.inspect(path)
    info = infos[_place(infos, path, spectrum=spectrum)]
    header = _full_header(info, infos)
    centre, width = (None, 0.0) if spectrum else _pointing(header, info.shape)
    return Exposure(
        path=Path(path),
        time=number(header, keywords.exposure) if keywords.exposure else 0.0,
        request=text(header, keywords.request),
        block=text(header, keywords.block),
        filter=text(header, keywords.filter),
        date=text(header, keywords.date),
        total=number(header, keywords.total),
        wcs_error=number(header, keywords.wcs_error),
        sky=number(header, keywords.sky),
        shape=info.shape,
        centre=centre,
        width=width,
    )


def read_frame(path: str | os.PathLike[str], *, spectrum: bool = False) -> Frame:
    """Read an exposure in full.

    Raises
    ------
    SharedIOError
        When the file is damaged, or has no image.
    """
    infos = fits.inspect(path)
    place = _place(infos, path, spectrum=spectrum)
    image = fits.read_image(path, place)
    masks = [info.index for info in infos if info.name == "BPM" and info.shape == image.data.shape]
    bad = fits.read_image(path, masks[0]).data if masks else None
    tables = [info.index for info in infos if info.name == CATALOGUE and info.kind == "table"]
    return Frame(
        pixels=np.ascontiguousarray(image.data, dtype=np.float32),
        bad=None if bad is None else (bad.astype(np.int64) & (_BAD | _FULL)).astype(np.uint8),
        header=_full_header(infos[place], infos),
        catalogue=fits.read_hdu(path, tables[0]) if tables else None,
    )


def with_system_of(header: Any, reference: Any, name: str) -> Any:
    """Return a header with the world coordinates of another one, and the name of its file without suffix."""
    found = header.copy(strip=True)
    for card in [c for c in found if _SYSTEM.fullmatch(c)]:
        found.remove(card, ignore_missing=True, remove_all=True)
    for card in reference.cards:
        if _SYSTEM.fullmatch(card.keyword):
            found[card.keyword] = (card.value, card.comment)
    found["FILENAME"] = (name, "of this frame")
    return found


def _place(infos: tuple[fits.HDUInfo, ...], path: str | os.PathLike[str], *, spectrum: bool) -> int:
    """Return where the image is: in SCI, or for a spectrum SPECTRUM, else the first that is two-dimensional."""
    wanted = SPECTRUM if spectrum else IMAGE
    flat = [info for info in infos if len(info.shape) == 2 and info.kind in ("image", "compressed")]
    named = [info.index for info in flat if info.name == wanted]
    if len(named) > 1:
        raise SchemaMismatch(f"{len(named)} extensions {wanted}: no single exposure", path=path)
    if not named and (spectrum or not flat):
        raise SchemaMismatch(f"no image {wanted} in it", path=path)
    return named[0] if named else flat[0].index


def _full_header(info: fits.HDUInfo, infos: tuple[fits.HDUInfo, ...]) -> Any:
    header = info.header.copy()
    if info.index:
        header.extend(infos[0].header, unique=True, bottom=True, strip=True)
    return header


def _pointing(header: Any, shape: tuple[int, ...]) -> tuple[tuple[float, float] | None, float]:
    """Return where the middle of a frame is on the sky, and the width of the frame [deg]."""
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    try:
        with fits.quiet():
            system = WCS(header)
            if not system.has_celestial:
                return None, 0.0
            middle = system.celestial.wcs_pix2world([[(shape[1] - 1) / 2, (shape[0] - 1) / 2]], 0)[0]
            scale = float(proj_plane_pixel_scales(system.celestial).mean())
    except (ValueError, KeyError, MemoryError, RuntimeError):
        return None, 0.0
    if not np.isfinite(middle).all() or not np.isfinite(scale):
        return None, 0.0
    return (float(middle[0]), float(middle[1])), scale * shape[1]
