"""Data to train on, in the layouts of Cosmic-CoNN: masked LCO sequences, NRES spectra, and HST images.

====  =============================================================================================================
lco   FITS of `cosmic_conn.files.sequences`, below a folder ``masked_fits`` or, where there is none, anywhere
nres  the same with SPECTRUM extensions
hst   ``.npz`` with ``raw``, ``clean``, ``crmask``, ``badmask``, of one shape, and ``exp`` [s]
====  =============================================================================================================

The kind of a file is told by the beginning of its name (``lco_``, ``nres_``, ``hst_``), else by the user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shared_io import fits, limits, locate
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch, SharedIOError

from cosmic_conn.detection import SMALLEST
from cosmic_conn.files.frames import saturation_of
from cosmic_conn.files.sequences import read_masked
from cosmic_conn.training.exposures import Exposures, above_sky, usable
from cosmic_conn.training.options import Kind

__all__ = ["Entry", "Listing", "list_files", "read_exposures"]

FOLDER = "masked_fits"
_KINDS: tuple[Kind, ...] = ("lco", "nres", "hst")
_ARCHIVE = ".npz"
_NAMES = ("raw", "clean", "crmask", "badmask")


@dataclass(frozen=True)
class Entry:
    """A file to learn from.

    Attributes
    ----------
    path
    kind
        Its layout.
    field
        What it shows: files of one field are not divided between training and validation.
    """

    path: Path
    kind: Kind
    field: str


@dataclass(frozen=True)
class Listing:
    """The files of a folder: those that can be used, and why others cannot."""

    entries: tuple[Entry, ...]
    failed: Mapping[str, str]


def list_files(data: str | os.PathLike[str], kind: Kind, min_exposure: float = 0.0) -> Listing:
    """Return the files below a folder, in the order of their names; only their headers are read.

    Parameters
    ----------
    data
        The folder, searched to its bottom; or a file, pattern or list.
    kind
        Of files whose names do not tell it.
    min_exposure
        Shorter exposures are left out [s].

    Raises
    ------
    InputNotFound
        When there is none that can be used.
    """
    suffixes = (*locate.FITS_SUFFIXES, _ARCHIVE)
    below = locate.files(data, suffixes=suffixes, recursive=True)
    found = [p for p in below if (p.suffix == _ARCHIVE) == (_kind_of(p, kind) == "hst") and p.name[0] != "."]
    masked = [path for path in found if FOLDER in path.parts]
    entries, failed = [], {}
    for path in masked or found:
        try:
            entry, seconds = _entry(path, _kind_of(path, kind))
            if min_exposure <= 0 or (seconds is not None and seconds > min_exposure):
                entries.append(entry)
        except SharedIOError as error:
            failed[str(path)] = str(error)
    if not entries:
        reason = next(iter(failed.values()), f"no {kind} data in it that are exposed long enough")
        raise InputNotFound(f"nothing to learn from: {reason}", path=data)
    return Listing(tuple(entries), failed)


def read_exposures(entry: Entry) -> Exposures:
    """Read a file.

    Raises
    ------
    SharedIOError
        When it is damaged, or of another layout.
    """
    return _read_hst(entry.path) if entry.kind == "hst" else _read_fits(entry)


def _kind_of(path: Path, kind: Kind) -> Kind:
    return next((k for k in _KINDS if path.name.lower().startswith(f"{k}_")), kind)


def _entry(path: Path, kind: Kind) -> tuple[Entry, float | None]:
    """Return an entry and its exposure time."""
    if kind == "hst":
        with _archive(path) as archive:
            return Entry(path, kind, path.stem), float(np.max(archive["exp"])) if "exp" in archive else None
    headers = [info.header for info in fits.inspect(path)]
    names = {str(header.get("EXTNAME", "")).upper().rstrip("0123456789 ") for header in headers}
    wanted = "SPECTRUM" if kind == "nres" else "SCI"
    if wanted not in names or len(headers) < 2 * _LEAST:
        what = f"no masked file of {kind}: it has no {wanted} extensions with masks"
        raise SchemaMismatch(what, path=path, hint="'cosmic-conn reduce' makes them; --model names their kind")
    seconds = next((float(h["EXPTIME"]) for h in reversed(headers[:2]) if _is_number(h.get("EXPTIME"))), None)
    target = next((str(h["OBJECT"]) for h in headers[:2] if h.get("OBJECT")), path.name)
    return Entry(path, kind, target), seconds


_LEAST = 3  # extensions of each kind, with the primary one, that two frames have


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_fits(entry: Entry) -> Exposures:
    masked = read_masked(entry.path)
    _check_side(masked.frames.shape, entry.path)
    lost = ~masked.valid
    planes = zip(masked.frames, masked.headers, strict=True)
    frames = np.stack([above_sky(plane, lost, saturation_of(plane, header)) for plane, header in planes])
    spectra = entry.kind == "nres"
    keep = (masked.ignore == 0) if spectra else usable(frames, masked.ignore)
    return Exposures(entry.path.name, frames, masked.cr, keep & masked.valid, turns=not spectra)


def _read_hst(path: Path) -> Exposures:
    with _archive(path) as archive:
        try:
            raw, clean, rays, bad = (np.asarray(archive[name]) for name in _NAMES)
        except (KeyError, ValueError, OSError) as error:
            raise SchemaMismatch(f"one of {', '.join(_NAMES)} cannot be read ({error})", path=path) from error
    if raw.ndim != 2 or any(part.shape != raw.shape or part.dtype.kind not in "buif" for part in (clean, rays, bad)):
        raise SchemaMismatch("raw, clean, crmask and badmask are not images of one shape", path=path)
    _check_side(raw.shape, path)
    lost = bad > 0
    frame = above_sky(raw, lost)
    return Exposures(path.name, frame[None], (rays > 0)[None], ~lost[None], above_sky(clean, lost))


def _archive(path: Path) -> Any:
    import zipfile

    try:
        limits.check_bytes(path.stat().st_size, path=path)
        with zipfile.ZipFile(path) as members:
            stored = sum(member.file_size for member in members.infolist())
            limits.check_bytes(stored, path=path)
            limits.check_expansion(stored, path.stat().st_size, path=path)
        return np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise CorruptInput(f"not an .npz archive, or damaged ({error})", path=path) from error


def _check_side(shape: tuple[int, ...], path: Path) -> None:
    if min(shape[-2:]) < SMALLEST:
        raise SchemaMismatch(f"frames of {' x '.join(map(str, shape[-2:]))} pixels are too small", path=path)
