"""Files of model cubes, in the layout of the predecessor's ``modelbulge.fits``.

One float32 image of ``[n][q] x [angle][y] x [log r][x]``: NAXIS3 = [NINDEX *] NAXRAT, NAXIS2 = NPOSANG *
BOXSIZE, NAXIS1 = NLOGH * BOXSIZE. An axis is a start, a step and a number of values; without NINDEX there is
one Sersic index, 4. The classic grid makes exactly 178,917,120 bytes.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from shared_io import fits
from shared_io.errors import CorruptInput, SchemaMismatch

from ..grid import GridAxes, ModelGrid, axis

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from shared_io.provenance import Provenance

CLASSIC_BYTES = 178_917_120

#: Axis of the grid -> cards of start, step and number of values.
AXIS_CARDS = {
    "n": ("INDEX0", "DINDEX", "NINDEX"),
    "q": ("AXRAT0", "DAXRAT", "NAXRAT"),
    "angle": ("POSANG0", "DPOSANG", "NPOSANG"),
    "log_r": ("LOGH0", "DLOGH", "NLOGH"),
}
BOX_CARD, FLUX_CARD = "BOXSIZE", "FLUX"
LISTED_CARD = "INDEX_"  # INDEX_1, INDEX_2, ...: Sersic indices that are not evenly spaced
_MEANING = {
    "n": "Sersic index",
    "q": "axis ratio",
    "angle": "position angle (deg)",
    "log_r": "log10 of radius (px)",
}


def write_cube(
    grid: ModelGrid,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write models.

    Parameters
    ----------
    grid : ModelGrid
        Models; q, angle and log r evenly spaced.
    path : path
        Output.
    overwrite : bool
        Replace an existing file.
    provenance : Provenance, optional
        What made the models.

    Raises
    ------
    SchemaMismatch
        An axis that the layout cannot hold.
    OutputExists, WriteFailed
        A file in the way, or a disk that does not take it.
    """
    from astropy.io.fits import PrimaryHDU

    n, q, angle, r = grid.axes.shape
    box = grid.axes.box
    planes = np.ascontiguousarray(grid.models.swapaxes(3, 4), np.float32).reshape(n * q, angle * box, r * box)
    hdu = PrimaryHDU(planes)
    hdu.header.extend(_cards(grid.axes, path))
    fits.write(path, [hdu], overwrite=overwrite, provenance=provenance)


def read_cube(path: str | os.PathLike[str]) -> ModelGrid:
    """Read models.

    Parameters
    ----------
    path : path
        A cube of this program or of its predecessor. The pixels are rearranged in place: reading needs little
        more memory than the models.

    Returns
    -------
    ModelGrid

    Raises
    ------
    InputNotFound, CorruptInput
        A file that is missing or damaged, or whose size is not that of its axes.
    SchemaMismatch
        A file that is sound but not a cube of models.
    """
    image = fits.read_image(path, 0)
    axes = _axes(image.header, path)
    n, q, angle, r = axes.shape
    expected = (n * q, angle * axes.box, r * axes.box)
    if image.data.shape != expected and (n * q > 1 or image.data.shape != expected[1:]):
        what = f"NAXIS3, NAXIS2, NAXIS1 = {image.data.shape}, the axes need {expected}"
        raise CorruptInput(what, path=path, hdu=0, hint="check BOXSIZE, NLOGH, NPOSANG, NAXRAT and NINDEX")
    if image.data.dtype.kind != "f":
        raise SchemaMismatch("BITPIX must be -32", path=path, hdu=0)
    if image.mask is not None or not np.isfinite(image.data.sum(dtype=np.float64)):
        raise CorruptInput("the models have pixels that are not finite", path=path, hdu=0)
    data = np.require(image.data, np.float32, ["C", "W"])
    return ModelGrid(axes, _rearranged(data, axes))


def read_axes(path: str | os.PathLike[str]) -> GridAxes:
    """Read the axes of a cube of models, without the models; raises as `read_cube` does."""
    info = fits.inspect(path)[0]
    return _axes(info.header, path)


def _rearranged(data: NDArray[np.float32], axes: GridAxes) -> NDArray[np.float32]:
    """Turn [y][log r][x] into [log r][y][x], slab by slab in the same memory."""
    n, q, angle, r = axes.shape
    stored = data.reshape(n * q * angle, axes.box, r, axes.box)
    wanted = data.reshape(n * q * angle, r, axes.box, axes.box)
    for k in range(len(stored)):
        wanted[k] = stored[k].swapaxes(0, 1).copy()
    return data.reshape(*axes.shape, axes.box, axes.box)


def _cards(axes: GridAxes, path: str | os.PathLike[str]) -> Header:
    from astropy.io.fits import Header

    header = Header()
    header[BOX_CARD] = (axes.box, "side of each model (px)")
    for name in ("log_r", "angle", "q", "n"):
        values = getattr(axes, name)
        step = round((values[-1] - values[0]) / (len(values) - 1), 10) if len(values) > 1 else 0.0
        listed = not np.allclose(values, axis(values[0], step, len(values)), rtol=0, atol=1e-9)
        if listed and name != "n":
            raise SchemaMismatch(f"the axis {name} is not evenly spaced: this layout cannot hold it", path=path)
        for card, value in zip(AXIS_CARDS[name], (values[0], step, len(values)), strict=True):
            header[card] = (value, _MEANING[name])
        if listed:
            for k, value in enumerate(values):
                header[f"{LISTED_CARD}{k + 1}"] = value
    header[FLUX_CARD] = (axes.flux, "flux of each model, to infinity")
    return header


def _axes(header: Header, path: str | os.PathLike[str]) -> GridAxes:
    """Read the axes from the cards."""

    def number(card: str, default: float | None = None) -> float:
        value = header.get(card, default)
        if value is None:
            raise SchemaMismatch(f"the card {card} is missing", path=path, hdu=0, hint="not a cube of models?")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise CorruptInput(f"{card} = {value!r} is not a number", path=path, hdu=0)
        return value

    def count(card: str, default: int | None = None) -> int:
        value = number(card, default)
        if value != int(value) or not 1 <= value <= 100_000:
            raise CorruptInput(f"{card} = {value!r} is not a possible number of values", path=path, hdu=0)
        return int(value)

    found: dict[str, Any] = {}
    for name, (start, step, length) in AXIS_CARDS.items():
        if name == "n" and length not in header:
            found[name] = (number(start, 4.0),)
            continue
        size = count(length)
        if size > 1 and number(step) <= 0:
            raise CorruptInput(f"{step} = {number(step)!r}: must be positive", path=path, hdu=0)
        found[name] = axis(number(start), number(step, 0.0) if size == 1 else number(step), size)
        if name == "n" and f"{LISTED_CARD}1" in header:
            found[name] = tuple(number(f"{LISTED_CARD}{k + 1}") for k in range(size))
    try:
        return GridAxes(**found, box=count(BOX_CARD), flux=number(FLUX_CARD, 1e5))
    except ValueError as error:
        if isinstance(error, CorruptInput | SchemaMismatch):
            raise
        raise CorruptInput(str(error), path=path, hdu=0) from error
