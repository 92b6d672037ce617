"""Tables that pandas left in HDF5 (HDFStore), read without pandas, PyTables or pickle."""

from __future__ import annotations

import os
from typing import Any

from shared_io import hdf5

__all__ = ["source"]


def source(file: hdf5.Reader, node: Any, key: str, path: str | os.PathLike[str]) -> Any:
    """Return what reads a DataFrame of pandas, or None if the group is none."""
    return None
