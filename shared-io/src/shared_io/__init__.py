"""Files in and out, whole or not at all.

The modules are loaded when first used, so ``import shared_io`` costs next to nothing:

>>> from shared_io import fits, table
>>> image = fits.read_image("NGC1097.fits")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["atomic", "errors", "fits", "hdf5", "limits", "locate", "provenance", "stamps", "table"]

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
