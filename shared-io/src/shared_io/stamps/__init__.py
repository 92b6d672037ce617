"""Thousands of small FITS cut-outs -> one array and one table, at the speed of the disk; and back.

>>> from shared_io import stamps
>>> cut = stamps.read("cutouts/", keys=["CANDID", "MAG"])  # doctest: +SKIP
>>> cut.data.shape, cut.table["MAG"], cut.failed  # doctest: +SKIP
>>> for part in stamps.chunks("cutouts/", size=4096):  # doctest: +SKIP
...     print(part.data.mean())
"""

from __future__ import annotations

from shared_io.stamps.columns import Values
from shared_io.stamps.read import Stamps, chunks, read
from shared_io.stamps.write import write

__all__ = ["Stamps", "Values", "chunks", "read", "write"]
