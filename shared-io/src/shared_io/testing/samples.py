"""Small images, tables and headers, the same for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shared_io.provenance import Provenance

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["arrays", "hdus", "image", "made", "table"]


def made(seed: int = 0) -> Provenance:
    """Return a provenance."""
    return Provenance("laboratory", "1.0", "try", {"seed": seed, "names": ["a", "b"]}, {"in.fits": "ab" * 32})


def image(seed: int = 0, shape: tuple[int, int] = (64, 48)) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return an image with a NaN in it; float32, shape (y, x)."""
    data = np.random.default_rng(seed).normal(100, 5, shape).astype("f4")
    data[shape[0] // 2, shape[1] // 2] = np.nan
    return data


def table(seed: int = 0, rows: int = 400) -> Table:
    """Return a table with units, text, missing values, an array column and metadata."""
    from astropy.table import MaskedColumn, Table

    rng = np.random.default_rng(seed)
    found = Table(
        {
            "id": np.arange(rows) + 1000 * seed,
            "flux": rng.normal(size=rows).astype("f4"),
            "name": [f"star {i} é" for i in rng.integers(0, 999, rows)],
            "stamp": rng.normal(size=(rows, 2, 3)),
            "good": rng.integers(0, 2, rows).astype(bool),
        }
    )
    found["seen"] = MaskedColumn(rng.integers(0, 99, rows), mask=np.arange(rows) % 7 == 0)
    found["flux"].unit = "Jy"
    found["flux"].description = "in the band"
    found.meta = {"exposure": 30.5, "filters": ["g", "r"], "nested": {"seed": seed}}
    return found


def hdus(seed: int = 0) -> list[Any]:
    """Return HDUs of every kind: images, unsigned, compressed, a table with arrays of variable length."""
    from astropy.io import fits

    rng = np.random.default_rng(seed)
    ragged = np.array([np.arange(i) for i in range(7)], dtype=object)
    columns = [fits.Column("x", "E", array=np.arange(7)), fits.Column("v", "PJ()", array=ragged)]
    return [
        fits.PrimaryHDU(),
        fits.ImageHDU(image(seed), name="SCI"),
        fits.ImageHDU(rng.integers(0, 60000, (64, 48)).astype("u2"), name="RAW"),
        fits.CompImageHDU(rng.integers(0, 99, (64, 48)).astype("i2"), name="MASK"),
        fits.BinTableHDU.from_columns(columns, name="CAT"),
    ]


def arrays(seed: int = 0) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """Return arrays by object and name."""
    rng = np.random.default_rng(seed)
    return {
        f"EE_{number:04d}": {
            "obj": rng.normal(size=(21, 21)).astype("f4"),
            "seg": rng.integers(0, 9, (21, 21)),
            "names": np.array(["a", "bé", ""]),
        }
        for number in range(8)
    }
