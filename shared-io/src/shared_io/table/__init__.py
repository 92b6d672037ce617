"""One function to read a table and one to write it, whatever the format, with units and metadata.

>>> from shared_io import table
>>> stars = table.read("tile_cat.fits", key="LDAC_OBJECTS")  # doctest: +SKIP
>>> table.write(stars, "stars.parquet")  # doctest: +SKIP
>>> for part in table.batches("stars.parquet", rows=10_000):  # doctest: +SKIP
...     print(len(part))
"""

from __future__ import annotations

from shared_io.table.files import arrow_schema, batches, read, row_groups, write, writer

__all__ = ["arrow_schema", "batches", "read", "row_groups", "write", "writer"]
