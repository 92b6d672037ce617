"""Files in and out, whole or not at all.

The modules are loaded when first used, so ``import shared_io`` costs next to nothing:

>>> from shared_io import fits, table
>>> image = fits.read_image("NGC1097.fits")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "accelerator",
    "atomic",
    "batch",
    "cli",
    "errors",
    "fits",
    "hdf5",
    "ledger",
    "limits",
    "locate",
    "provenance",
    "stamps",
    "table",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("shared-io")
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
