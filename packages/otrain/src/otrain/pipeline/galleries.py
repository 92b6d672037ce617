"""Pictures of right and wrong classifications, one file each, with a list of what they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic
from shared_io.errors import InputNotFound, OutputExists

from otrain.cutouts import Cube
from otrain.figures.pictures import titled

__all__ = ["FOLDERS", "caption", "outcomes", "write_pictures"]

Array = npt.NDArray[Any]

FOLDERS = {"FP": "misclassified/images_FP", "FN": "misclassified/images_FN", "TP": "well_classified/images_TP",
           "TN": "well_classified/images_TN"}  # fmt: skip
"""Where the pictures of each outcome go."""


def outcomes(truth: Array, called: Array) -> dict[str, Array]:
    """Return the rows of false and true positives and negatives."""
    truth, called = np.asarray(truth, bool), np.asarray(called, bool)
    return {"FP": np.flatnonzero(~truth & called), "FN": np.flatnonzero(truth & ~called),
            "TP": np.flatnonzero(truth & called), "TN": np.flatnonzero(~truth & ~called)}  # fmt: skip


def caption(cube: Cube, row: int, probability: float) -> str:
    """Return the name, magnitude and probability of one cut-out."""
    parts = [str(cube.column("candid")[row]) or f"row {row}"]
    mag, error = float(cube.column("mag")[row]), float(cube.column("magerr")[row])
    if np.isfinite(mag):
        parts.append(f"mag {mag:.2f}" + (f" ± {error:.2f}" if np.isfinite(error) else ""))
    return "  ".join([*parts, f"p {probability:.3f}"])


def drawn(rows: Mapping[str, Array], number: int, seed: int) -> dict[str, Array]:
    """Keep all that are wrong, and so many at random of those that are right (all of them if there are fewer)."""
    rng = np.random.default_rng(seed)
    return {
        name: found if name in ("FP", "FN") else np.sort(rng.choice(found, min(number, len(found)), replace=False))
        for name, found in rows.items()
    }


def write_pictures(folder: Path, listing: str, groups: Mapping[str, tuple[str, Array]], cube: Cube, probability: Array,
                   *, name: str = "cutout_{}.png", maps: Array | None = None,
                   overwrite: bool = False) -> int:  # fmt: skip
    """Write FOLDER/SUBFOLDER/cutout_i.png for groups of cut-outs, and the list of them, FOLDER/LISTING.

    The list is written first, so that a later run knows which pictures are its own; it never removes one.

    Parameters
    ----------
    folder : Path
    listing : str
        Name of the list, a CSV file: picture, row, candid, mag, probability.
    groups : mapping
        Name -> (subfolder, rows of the cube).
    cube : Cube
    probability : ndarray, shape (n,)
    name : str
        Of a picture, with a place for its number.
    maps : ndarray, shape (n, ny, nx), optional
        Laid over each cut-out.
    overwrite : bool
        Replace pictures that are not in the list of an earlier run.

    Returns
    -------
    int
        How many pictures were written.

    Raises
    ------
    OutputExists
        If a picture is in the way.
    """
    entries = [
        (f"{sub}/{name.format(k)}", int(row)) for sub, rows in groups.values() for k, row in enumerate(rows.tolist())
    ]
    known = _listed(folder / listing)
    for path, _ in entries:
        if not overwrite and path not in known and (folder / path).exists():
            raise OutputExists("this picture is in the way", path=folder / path, hint="--overwrite replaces it")
    candids = cube.column("candid")
    mags = cube.column("mag")
    lines = [f"{path},{row},{_cell(candids[row])},{mags[row]},{float(probability[row])!r}" for path, row in entries]
    text = "\n".join(["picture,row,candid,mag,probability", *lines]) + "\n"
    atomic.write_text(folder / listing, text, overwrite=True)
    for sub, _ in groups.values():
        (folder / sub).mkdir(parents=True, exist_ok=True)
    pictures = _pictures(cube, [row for _, row in entries], probability, maps)
    paths = (folder / path for path, _ in entries)
    return atomic.write_many(zip(paths, pictures, strict=True), overwrite=True)


def _cell(text: Any) -> str:
    plain = str(text)
    return '"' + plain.replace('"', '""') + '"' if set(plain) & set(',"\n') else plain


def _listed(path: Path) -> set[str]:
    """The pictures that an earlier list names."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    return {line.partition(",")[0] for line in lines[1:]}


def _pictures(cube: Cube, rows: Iterable[int], probability: Array, maps: Array | None) -> Iterator[bytes]:
    listed = list(rows)
    titles = [caption(cube, row, float(probability[row])) for row in listed]
    return titled(cube.pixels[listed], titles, cube.planes, None if maps is None else maps[listed])


def checked_folder(path: Path) -> Path:
    """Return a folder that exists or can be made.

    Raises
    ------
    InputNotFound
        If a file has its name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputNotFound(f"this cannot be a folder: {error.strerror}", path=path) from error
    return path
