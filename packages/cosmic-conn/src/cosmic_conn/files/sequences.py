"""Sequences: repeated exposures on one grid of pixels, and the masks of their cosmic rays, in one FITS file.

=============  ======  =========================================================================================
extension      number  what it holds
=============  ======  =========================================================================================
``SCI``        N       the frames, float32
``VALID_MASK`` 1       1 where every frame has a value
``CAT``        1       sources of the reference frame (empty where its file had none)
``CR``         N       1 where a pixel belongs to a cosmic ray
``IGNORE``     N       bits: 1 border, 2 not valid, 4 source, 8 single pixel, 0 usable
``MASK_HIGH``  N       with ``--debug``: pixels above the upper threshold
``CR_SNR``     N       with ``--debug``: signal-to-noise ratio against the other frames, float32
=============  ======  =========================================================================================

The first three make an aligned file, all of them a masked one. EXTVER counts from 1. Spectra are ``SPECTRUM`` x N,
``CR`` x N, ``IGNORE`` x N without the two in the middle. Files of Cosmic-CoNN (EXTVER from 0, or none, debug
extensions in front of IGNORE) are read too: extensions of one name count in the order of the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits
from shared_io.errors import SchemaMismatch
from shared_io.provenance import Provenance

from cosmic_conn.files.packing import packed

__all__ = [
    "IMAGE",
    "SPECTRUM",
    "Aligned",
    "Masked",
    "is_aligned",
    "read_aligned",
    "read_masked",
    "write_aligned",
    "write_masked",
]

IMAGE, SPECTRUM = "SCI", "SPECTRUM"
VALID, CATALOGUE, CR, IGNORE = "VALID_MASK", "CAT", "CR", "IGNORE"
HIGH, SNR = "MASK_HIGH", "CR_SNR"

_STRUCTURE = ("BSCALE", "BZERO", "BLANK", "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZQUANTIZ", "ZDITHER0", "ZBLANK", "ZSCALE")
_MIDDLE = 2  # VALID_MASK and CAT stand between the frames and their masks


@dataclass(frozen=True)
class Aligned:
    """Frames on one grid.

    Attributes
    ----------
    frames : ndarray of float32, shape (N, height, width)
        As they are in the file [ADU].
    valid : ndarray of bool, shape (height, width)
        Where every frame has a value.
    headers : tuple of Header
        Of each frame.
    primary : Header
        Of the file.
    catalogue
        HDU of the sources of the reference frame, or None.
    spectra
        Whether they are spectra.
    """

    frames: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    headers: tuple[Any, ...]
    primary: Any
    catalogue: Any = None
    spectra: bool = False


@dataclass(frozen=True)
class Masked:
    """Frames on one grid, with their cosmic rays.

    Attributes
    ----------
    frames : ndarray of float32, shape (N, height, width)
    cr : ndarray of bool, shape (N, height, width)
        Pixels of cosmic rays.
    ignore : ndarray of uint8, shape (N, height, width)
        Bits (see the module); what is not 0 says nothing about cosmic rays. Spectra: 1 saturated or single pixel.
    valid : ndarray of bool, shape (height, width)
    headers : tuple of Header
        Of each frame.
    """

    frames: npt.NDArray[np.float32]
    cr: npt.NDArray[np.bool_]
    ignore: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    headers: tuple[Any, ...]


def is_aligned(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file holds several frames and their mask of validity, or several spectra, and no masks yet.

    Raises
    ------
    SharedIOError
        When it is no sound FITS file.
    """
    infos = fits.inspect(path)
    named = [_base(info) for info in infos]
    frames = max(named.count(IMAGE), named.count(SPECTRUM))
    return frames > 1 and CR not in named and (VALID in named or SPECTRUM in named)


def read_aligned(path: str | os.PathLike[str]) -> Aligned:
    """Read an aligned file.

    Raises
    ------
    SharedIOError
        When it is missing or damaged.
    SchemaMismatch
        When it has no two frames of one shape.
    """
    infos = fits.inspect(path)
    places, spectra = _frame_places(infos, path)
    frames = _planes(path, infos, places, np.float32)
    valid = np.ones(frames.shape[1:], dtype=bool)
    for info in infos:
        if _base(info) == VALID:
            valid = _planes(path, infos, [info.index], np.uint8, frames.shape[1:])[0] > 0
    tables = [info.index for info in infos if _base(info) == CATALOGUE and info.kind == "table"]
    catalogue = fits.read_hdu(path, tables[0]) if tables else None
    headers = tuple(infos[place].header for place in places)
    return Aligned(frames, valid, headers, infos[0].header, catalogue, spectra)


def read_masked(path: str | os.PathLike[str]) -> Masked:
    """Read a masked file, ours or one of Cosmic-CoNN.

    Raises
    ------
    SharedIOError
        When it is missing or damaged.
    SchemaMismatch
        When frames and masks do not fit each other.
    """
    infos = fits.inspect(path)
    places, spectra = _frame_places(infos, path)
    masks = {name: [i.index for i in infos if _base(i) == name] for name in (CR, IGNORE)}
    if not masks[CR]:  # masks without names: they stand behind the frames
        start = places[-1] + 1 + (0 if spectra else _MIDDLE)
        behind = [info.index for info in infos[start:] if info.shape]
        masks = {CR: behind[: len(places)], IGNORE: behind[len(places) :][-len(places) :]}
    for name, found in masks.items():
        if len(found) != len(places):
            what = f"{len(found)} extensions {name} for {len(places)} frames"
            raise SchemaMismatch(what, path=path, hint="the masked files of 'cosmic-conn reduce' have one each")
    aligned = read_aligned(path)
    shape = aligned.frames.shape[1:]
    cr = _planes(path, infos, masks[CR], np.uint8, shape) > 0
    ignore = _planes(path, infos, masks[IGNORE], np.uint8, shape)
    return Masked(aligned.frames, cr, ignore, aligned.valid, aligned.headers)


def write_aligned(path: str | os.PathLike[str], aligned: Aligned, provenance: Provenance) -> None:
    """Write an aligned file, replacing an earlier one.

    Raises
    ------
    WriteFailed
        When it cannot be put there.
    """
    fits.write(path, _aligned_hdus(aligned), overwrite=True, provenance=provenance)


def write_masked(
    path: str | os.PathLike[str],
    aligned: Aligned,
    cr: npt.NDArray[np.bool_],
    ignore: npt.NDArray[np.uint8],
    provenance: Provenance,
    debug: tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]] | None = None,
) -> None:
    """Write a masked file, replacing an earlier one.

    Parameters
    ----------
    path
        The file.
    aligned
        The frames.
    cr, ignore : ndarray, shape (N, height, width)
        Masks of the same frames.
    provenance
        Goes into the primary header.
    debug
        Pixels above the upper threshold and signal-to-noise ratios, written behind the rest.

    Raises
    ------
    WriteFailed
        When it cannot be put there.
    """
    from astropy.io.fits import ImageHDU

    hdus = _aligned_hdus(aligned)
    hdus += [packed(plane, CR, index) for index, plane in enumerate(cr, 1)]
    hdus += [packed(plane, IGNORE, index) for index, plane in enumerate(ignore, 1)]
    if debug is not None:
        hdus += [packed(plane, HIGH, index) for index, plane in enumerate(debug[0], 1)]
        hdus += [ImageHDU(plane, name=SNR, ver=index) for index, plane in enumerate(debug[1], 1)]
    fits.write(path, hdus, overwrite=True, provenance=provenance)


def _aligned_hdus(aligned: Aligned) -> list[Any]:
    from astropy.io.fits import BinTableHDU, ImageHDU, PrimaryHDU

    name = SPECTRUM if aligned.spectra else IMAGE
    primary = PrimaryHDU(header=_without_structure(aligned.primary))
    primary.header["ALIGNED"] = (not aligned.spectra, "the frames are on one grid of pixels")
    primary.header["FRMTOTAL"] = (len(aligned.frames), "frames in this file")
    hdus: list[Any] = [primary]
    for index, (frame, header) in enumerate(zip(aligned.frames, aligned.headers, strict=True), 1):
        hdu = ImageHDU(np.asarray(frame, dtype=np.float32), _without_structure(header), name=name)
        hdu.header["EXTVER"] = (index, "of the frame")
        hdus.append(hdu)
    if aligned.spectra:
        return hdus
    catalogue = BinTableHDU(name=CATALOGUE) if aligned.catalogue is None else aligned.catalogue
    catalogue.header["EXTNAME"] = CATALOGUE
    catalogue.header["EXTVER"] = 1
    return [*hdus, packed(aligned.valid, VALID, 1), catalogue]


def _without_structure(header: Any) -> Any:
    """Return a copy of a header without the cards that describe how pixels are stored."""
    from astropy.io.fits import Header

    found = header.copy(strip=True)
    for card in (*_STRUCTURE, "EXTNAME", "EXTVER", "CHECKSUM", "DATASUM"):
        found.remove(card, ignore_missing=True, remove_all=True)
    for card in [c for c in found if c.startswith(("ZNAXIS", "ZTILE", "ZNAME", "ZVAL"))]:
        found.remove(card, ignore_missing=True, remove_all=True)
    return Header(found, copy=True)


def _base(info: fits.HDUInfo) -> str:
    """Return the name of an HDU without a number behind it."""
    return str(info.name).upper().rstrip("0123456789 ")


def _frame_places(infos: Sequence[fits.HDUInfo], path: str | os.PathLike[str]) -> tuple[list[int], bool]:
    """Return where the frames are, and whether they are spectra."""
    for name in (IMAGE, SPECTRUM):
        places = [info.index for info in infos if _base(info) == name and len(info.shape) == 2]
        if len(places) > 1:
            return places, name == SPECTRUM
    raise SchemaMismatch("no two frames (extensions SCI or SPECTRUM) in it", path=path)


def _planes(
    path: str | os.PathLike[str],
    infos: Sequence[fits.HDUInfo],
    places: Sequence[int],
    dtype: type[np.generic],
    shape: tuple[int, ...] | None = None,
) -> npt.NDArray[Any]:
    """Read images of one shape into one array."""
    shape = shape or infos[places[0]].shape
    found = np.empty((len(places), *shape), dtype=dtype)
    for plane, place in zip(found, places, strict=True):
        pixels = fits.read_image(path, place).data
        if pixels.shape != shape:
            what = f"{' x '.join(map(str, pixels.shape))} pixels beside {' x '.join(map(str, shape))}"
            raise SchemaMismatch(what, path=path, hdu=infos[place].name)
        plane[...] = pixels
    return found
