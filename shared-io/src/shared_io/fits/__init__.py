"""FITS files, verified before they are believed and written whole or not at all.

>>> from shared_io import fits
>>> image = fits.read_image("NGC1097.fits")  # doctest: +SKIP
>>> image.data.shape, image.wcs  # doctest: +SKIP
>>> fits.write_image("result.fits", image.data, image.header)  # doctest: +SKIP
"""

from __future__ import annotations

from shared_io.fits.read import HDUInfo, Image, inspect, quiet, read_hdu, read_image, read_images, verify
from shared_io.fits.rows import Rows, open_image
from shared_io.fits.write import append, write, write_image

__all__ = [
    "HDUInfo",
    "Image",
    "Rows",
    "append",
    "inspect",
    "open_image",
    "quiet",
    "read_hdu",
    "read_image",
    "read_images",
    "verify",
    "write",
    "write_image",
]
