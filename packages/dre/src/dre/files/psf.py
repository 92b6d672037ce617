"""PSF files: PSFEx's ``.psf`` and a picture in a FITS file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_io import fits
from shared_io.errors import CorruptInput, SchemaMismatch, SharedIOError

from ..psf import PSFModel

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Header
    from shared_io.provenance import Provenance

SAMPLING_CARD = "PSF_SAMP"  # step of the table, image pixels
OVERSAMPLING_CARD = "OVERSAMP"  # its inverse
EXTENSION, COLUMN = "PSF_DATA", "PSF_MASK"


def read_psf(path: str | os.PathLike[str], extension: int | None = None) -> PSFModel:
    """Read the PSF of an image.

    Parameters
    ----------
    path : path
        A PSFEx file (``.psf``), or a FITS file with a picture in its first image: image pixels, unless a card
        PSF_SAMP (step, image pixels) or OVERSAMP (steps per image pixel) says otherwise.
    extension : int, optional
        Extension of a multi-extension ``.psf``, from 1; default the first that accepted a star.

    Returns
    -------
    PSFModel

    Raises
    ------
    InputNotFound, CorruptInput
        A file that is missing or damaged.
    SchemaMismatch
        A file that holds no such PSF.
    """
    read = _read_psfex if Path(path).suffix.lower() == ".psf" else _read_picture
    model = read(path, extension)
    with _explained(path, extension):
        model.pixels()
    return model


def read_psfs(path: str | os.PathLike[str]) -> list[PSFModel | None]:
    """Read the PSF of every extension of a PSFEx file; None of one that no star made a PSF for."""
    tables = [info for info in fits.inspect(path) if info.name == EXTENSION]
    return [None if _empty(info.header) else _model(path, info.index, info.header) for info in tables]


def blind_extensions(path: str | os.PathLike[str]) -> set[int]:
    """Return the extensions, from 1, of a PSFEx file of several that no star made a PSF for."""
    tables = [info for info in fits.inspect(path) if info.name == EXTENSION]
    return {k for k, info in enumerate(tables, 1) if _empty(info.header)} if len(tables) > 1 else set()


def _empty(header: Header) -> bool:
    """Whether PSFEx wrote this table for an extension without a star it could use."""
    return header.get("ACCEPTED") == 0 and header.get(SAMPLING_CARD) == 0


def write_psf(
    path: str | os.PathLike[str],
    models: Sequence[PSFModel | None],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write PSFs as PSFEx does: a table PSF_DATA of one row for each extension of the image.

    Parameters
    ----------
    path : path
        Output.
    models : sequence of PSFModel or None
        One for each extension; None: no star made one.
    overwrite : bool
        Replace an existing file.
    provenance : Provenance, optional
        What made the PSFs.
    """
    from astropy.io.fits import PrimaryHDU

    hdus = [PrimaryHDU(), *(_table(model) for model in models)]
    fits.write(path, hdus, overwrite=overwrite, provenance=provenance)


def _read_psfex(path: str | os.PathLike[str], extension: int | None) -> PSFModel:
    infos = fits.inspect(path)
    tables = [info.index for info in infos if info.name == EXTENSION]
    if not tables:
        raise SchemaMismatch(f"there is no {EXTENSION} table", path=path, hint="make it with PSFEx")
    if extension is not None:
        if not 1 <= extension <= len(tables):
            raise SchemaMismatch(f"there is no extension {extension}", path=path, hint=f"it has {len(tables)}")
        index = tables[extension - 1]
    else:
        usable = [k for k in tables if _number(infos[k].header, "ACCEPTED", 0, path, k) != 0]
        if not usable:
            raise SchemaMismatch("no extension accepted a star", path=path, hint="relax PSFEx's selection")
        index = usable[0]
    return _model(path, index, infos[index].header)


def _model(path: str | os.PathLike[str], index: int, header: Header) -> PSFModel:
    """Read the table of one extension."""
    if _empty(header):
        raise SchemaMismatch("no star of this extension made a PSF", path=path, hdu=index, hint="name one with --psf")
    table = fits.read_hdu(path, index)
    if COLUMN not in table.columns.names or len(table.data) != 1:
        raise SchemaMismatch(f"not one row with a column {COLUMN}", path=path, hdu=index)
    basis = np.array(table.data[COLUMN][0], np.float64)

    def number(card: str, default: float | None = None) -> float:
        return _number(header, card, default, path, index)

    axes = int(number("POLNAXIS", 0))
    groups = int(number("POLNGRP", 0))
    if not 0 <= axes <= 32 or not 0 <= groups <= 32:
        raise CorruptInput(f"POLNAXIS = {axes}, POLNGRP = {groups}: not a polynomial", path=path, hdu=index)
    counted = range(1, axes + 1)
    with _explained(path, index):
        return PSFModel(
            basis,
            sampling=number(SAMPLING_CARD, 1.0),
            names=tuple(str(header.get(f"POLNAME{k}", "")) for k in counted),
            zero=tuple(number(f"POLZERO{k}") for k in counted),
            scale=tuple(number(f"POLSCAL{k}") for k in counted),
            groups=tuple(int(number(f"POLGRP{k}", 1)) for k in counted),
            degrees=tuple(int(number(f"POLDEG{k}")) for k in range(1, groups + 1)),
            fwhm=number("PSF_FWHM", float("nan")),
            chi2=number("CHI2", float("nan")),
            loaded=int(number("LOADED", 0)),
            accepted=int(number("ACCEPTED", 0)),
        )


def _read_picture(path: str | os.PathLike[str], extension: int | None) -> PSFModel:
    """Read a picture as it is: nothing is clipped."""
    image = fits.read_image(path, extension)
    header, where = image.header, image.index
    if OVERSAMPLING_CARD in header and SAMPLING_CARD not in header:
        sampling = 1.0 / (_number(header, OVERSAMPLING_CARD, None, path, where) or np.nan)
    else:
        sampling = _number(header, SAMPLING_CARD, 1.0, path, where)
    with _explained(path, where):
        return PSFModel(np.array(image.data, np.float64)[None], sampling=sampling, clip=False)


def _number(header: Header, card: str, default: float | None, path: Any, hdu: int) -> float:
    value = header.get(card, default)
    if value is None:
        raise SchemaMismatch(f"the card {card} is missing", path=path, hdu=hdu)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CorruptInput(f"{card} = {value!r} is not a number", path=path, hdu=hdu)
    return value


@contextmanager
def _explained(path: str | os.PathLike[str], hdu: int | None) -> Iterator[None]:
    """Say in which file a PSF is not one."""
    try:
        yield
    except SharedIOError:
        raise
    except ValueError as error:
        raise SchemaMismatch(str(error), path=path, hdu=hdu) from error


def _table(model: PSFModel | None) -> BinTableHDU:
    """Lay out one extension as PSFEx does."""
    from astropy.io.fits import BinTableHDU, Column

    if model is None:
        hdu = _table(PSFModel(np.zeros((1, 1, 1)), loaded=0, accepted=0))
        hdu.header[SAMPLING_CARD] = 0.0
        return hdu
    basis = model.basis.astype(np.float32)
    terms, side, _ = basis.shape
    column = Column(COLUMN, f"{basis.size}E", dim=f"({side}, {side}, {terms})", array=basis[None])
    hdu = BinTableHDU.from_columns([column], name=EXTENSION)
    header = hdu.header
    header["LOADED"] = (model.loaded, "number of loaded stars")
    header["ACCEPTED"] = (model.accepted, "number of accepted stars")
    if np.isfinite(model.chi2):
        header["CHI2"] = (model.chi2, "final reduced chi2")
    header["POLNAXIS"] = (len(model.names), "number of context parameters")
    for k, name in enumerate(model.names):
        header[f"POLGRP{k + 1}"] = (model.groups[k], "group of this context parameter")
        header[f"POLNAME{k + 1}"] = (name, "name of this context parameter")
        header[f"POLZERO{k + 1}"] = (model.zero[k], "offset of this context parameter")
        header[f"POLSCAL{k + 1}"] = (model.scale[k], "scale of this context parameter")
    header["POLNGRP"] = (len(model.degrees), "number of context groups")
    for k, degree in enumerate(model.degrees):
        header[f"POLDEG{k + 1}"] = (degree, "polynomial degree of this group")
    if np.isfinite(model.fwhm):
        header["PSF_FWHM"] = (model.fwhm, "PSF FWHM in image pixels")
    header[SAMPLING_CARD] = (model.sampling, "sampling step of the PSF in image pixels")
    header["PSFNAXIS"] = (3, "dimensions of the PSF data")
    for k, length in enumerate((side, side, terms)):
        header[f"PSFAXIS{k + 1}"] = (length, "number of elements along this axis")
    return hdu
