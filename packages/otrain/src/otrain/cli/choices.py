"""Options and their values that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from shared_io import cli


class NetworkName(StrEnum):
    """Networks that can be trained."""

    SMALL = "small"
    OTRAIN = "otrain"


class Normalisation(StrEnum):
    """What is done to the pixels of each cut-out."""

    ROBUST = "robust"
    NONE = "none"
    L2_ROWS = "l2_rows"
    L2_STAMPS = "l2_stamps"


class Device(StrEnum):
    """Where a network is trained."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class TableFormat(StrEnum):
    """Formats of the table of results."""

    DAT = "dat"
    CSV = "csv"
    ECSV = "ecsv"
    FITS = "fits"
    HDF5 = "hdf5"
    PARQUET = "parquet"


Planes = Annotated[
    list[str] | None,
    cli.option(
        "--planes",
        help="Planes of a cut-out, e.g. science template difference, extension names or numbers; 'all': all that are "
        "known. Default: the one image, DIFF of several extensions, all planes of alert packets",
        metavar="NAME...",
    ),
]
Threshold = Annotated[
    float | None,
    cli.option("--threshold", help="Probability above which a candidate is called real", min=0, max=1,
               show_default="that of the model"),
]  # fmt: skip
TargetFPR = Annotated[
    float | None,
    cli.option("--target-fpr", help="Put the threshold where this part of the bogus ones is called real", min=0, max=1),
]
TargetFNR = Annotated[
    float | None,
    cli.option("--target-fnr", help="Put the threshold where this part of the real ones is called bogus", min=0, max=1),
]
CubePath = "Data cube, .npz"


def planes_of(values: list[str] | None) -> tuple[str, ...]:
    """Return the names of planes, which may also be divided by commas."""
    return tuple(name for value in values or () for name in value.split(",") if name)
