"""A small simulated survey for the tests of the whole road."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits as afits

from dre.simulate import Recipe

RECIPE = Recipe(size=480, galaxies=6, stars=24, flux=(2e4, 3e5), log_r=(0.4, 0.9))
MODELS = "models small.fits --log-r 0.2 0.2 5 --angle 0 30 6 --axis-ratio 0.2 0.2 5"
HEADER = afits.Header([("GAIN", 1.0), ("EXPTIME", 10.0)])


def write_tile(path: Path, *images: np.ndarray) -> None:
    """Write one image as a primary HDU, several as extensions."""
    path.parent.mkdir(exist_ok=True)
    hdus = [afits.PrimaryHDU(images[0], HEADER)]
    if len(images) > 1:
        hdus = [afits.PrimaryHDU(header=HEADER)] + [afits.ImageHDU(image) for image in images]
    afits.HDUList(hdus).writeto(path, overwrite=True)
