"""Groups of arrays in HDF5, one group for each object, checked when written and when read.

>>> from shared_io import hdf5
>>> with hdf5.writer("tile_cuts.h5") as out:  # doctest: +SKIP
...     out.add("EE_0001", {"obj": image, "seg": segmentation, "rms": noise}, attrs={"row": 7})
>>> with hdf5.reader("tile_cuts.h5") as file:  # doctest: +SKIP
...     cut = file.arrays(file.names[0])
"""

from __future__ import annotations

from shared_io.hdf5.read import Reader, reader, translated
from shared_io.hdf5.write import PRESETS, Writer, writer

__all__ = ["PRESETS", "Reader", "Writer", "reader", "translated", "writer"]
