"""Options and their values that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from shared_io import cli


class Compression(StrEnum):
    """Compression presets of the HDF5 files; lower is faster."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Centroid(StrEnum):
    """Ways to find a centroid."""

    COM = "com"
    ONE = "1dg"
    TWO = "2dg"


class CatalogueEngine(StrEnum):
    """Who extracts sources."""

    AUTO = "auto"
    SEXTRACTOR = "sextractor"
    SEP = "sep"


class PsfEngine(StrEnum):
    """Who models the PSF."""

    AUTO = "auto"
    PSFEX = "psfex"
    STARS = "stars"


class Statistic(StrEnum):
    """Goodness of fit."""

    CHI2 = "chi2"
    DRE = "dre"


class Device(StrEnum):
    """Where all models are compared with an object."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


OnDevice = Annotated[Device, cli.option("--device", help="auto: a GPU where CuPy finds one")]
Filters = Annotated[
    list[tuple[str, float, float]] | None,
    cli.option("-f", "--filter", help="Keep sources with MIN < COLUMN < MAX: COLUMN MIN MAX"),
]
Warn = Annotated[bool, cli.option("--warn", help="Name each source that was left out or not fitted")]
Workers = Annotated[int, cli.option("--workers", "--cpu", help="Images at a time, each in a process of its own", min=1)]
