"""Mosaic files: Mosaics/NAME/NAME_EE_NNNN_mosaic.fits, one float64 image extension of 4 panels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import fits

if TYPE_CHECKING:
    import numpy as np
    from shared_io.provenance import Provenance


def mosaic_path(folder: Path, image: str, source: str) -> Path:
    """Return the path of the mosaic of source EE_NNNN of an image."""
    return folder / image / f"{image}_{source}_mosaic.fits"


def write_mosaic(path: Path, panels: np.ndarray, *, provenance: Provenance | None = None) -> None:
    """Write a mosaic [ADU] as the first extension of a FITS file, replacing an older one."""
    from astropy.io import fits as afits

    extension = afits.ImageHDU(panels, name="MOSAIC")
    extension.header["BUNIT"] = "adu"
    extension.header["PANELS"] = ("object mask model residual", "left to right")
    fits.write(path, [afits.PrimaryHDU(), extension], overwrite=True, provenance=provenance)
