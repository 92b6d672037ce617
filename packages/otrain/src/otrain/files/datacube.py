"""Data cubes: ``.npz`` files with the keys cube, labels, mags, errmags, filters, fwhms, candids (and more).

They are zip archives of uncompressed arrays, so that the cube can be mapped into memory.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic, limits
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from otrain.cutouts import COLUMNS, PLANES, Cube

__all__ = ["KEYS", "Streamed", "read_cube", "write_cube", "write_rows"]

Array = npt.NDArray[Any]

KEYS = {
    "mags": "mag", "errmags": "magerr", "filters": "filter", "fwhms": "fwhm", "candids": "candid",
    "objects": "object", "nights": "night", "fields": "field", "ras": "ra", "decs": "dec",
}  # fmt: skip
"""Keys of the file -> columns."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LOCAL = struct.Struct("<4s5H3L2H")
_MISSING = {"", "none", "nan"}


@dataclass(frozen=True)
class Streamed:
    """A column that comes in pieces.

    Attributes
    ----------
    dtype : dtype
        Of all pieces.
    pieces : iterable of ndarray
        One-dimensional.
    """

    dtype: np.dtype[Any]
    pieces: Iterable[Array]


def write_cube(path: Path, cube: Cube, *, overwrite: bool = False, one_hot: bool = False) -> str:
    """Write a cube that is in memory; see `write_rows`."""
    labels = cube.labels
    if one_hot:
        labels = np.eye(2)[cube.labels]
    step = 4096
    rows = (cube.pixels[k : k + step] for k in range(0, len(cube), step))
    return write_rows(path, rows, cube.pixels.shape, labels, cube.columns, cube.planes, overwrite=overwrite)


def write_rows(path: Path, rows: Iterable[Array], shape: tuple[int, ...], labels: Array,
               columns: Mapping[str, Array | Streamed], planes: tuple[str, ...], *, overwrite: bool = False
               ) -> str:  # fmt: skip
    """Write a cube piece by piece.

    Parameters
    ----------
    path : Path
        The file.
    rows : iterable of ndarray of float32, shape (k, ny, nx, planes)
        The pixels, in pieces.
    shape : tuple of int
        Of all pixels: (n, ny, nx, planes).
    labels : ndarray
        int64 of shape (n,), or float of shape (n, 2).
    columns : mapping
        Columns of `otrain.cutouts.COLUMNS`, whole or in pieces.
    planes : tuple of str
        Names of the planes.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    str
        sha256 of pixels and labels.
    """
    digest = hashlib.sha256()
    with (
        atomic.atomic_path(path, overwrite=overwrite) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        with _member(archive, "cube") as out:
            _head(out, shape, np.dtype("<f4"))
            for piece in rows:
                data = np.ascontiguousarray(piece, "<f4").reshape(-1).view(np.uint8).data
                digest.update(data)
                out.write(data)
        digest.update(np.ascontiguousarray(labels).tobytes())
        _array(archive, "labels", labels)
        for key, name in KEYS.items():
            if name in columns:
                _column_out(archive, key, columns[name], shape[0])
        _array(archive, "planes", np.array(planes, dtype=str))
        _array(archive, "sha256", np.array(digest.hexdigest()))
    return digest.hexdigest()


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    info.external_attr = 0o644 << 16
    return archive.open(info, "w", force_zip64=True)


def _head(out: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(map(int, shape))}
    np.lib.format.write_array_header_1_0(out, header)


def _column_out(archive: zipfile.ZipFile, name: str, values: Array | Streamed, count: int) -> None:
    if not isinstance(values, Streamed):
        _array(archive, name, values)
        return
    with _member(archive, name) as out:
        _head(out, (count,), values.dtype)
        for piece in values.pieces:
            out.write(np.ascontiguousarray(piece, values.dtype).tobytes())


def _array(archive: zipfile.ZipFile, name: str, values: Array) -> None:
    with _member(archive, name) as out:
        np.lib.format.write_array(out, np.asarray(values, order="C"), allow_pickle=False)


def read_cube(path: Path) -> Cube:
    """Read a cube; the pixels are mapped from the file where they are not compressed.

    Labels may be 0 and 1, or one-hot as in validation cubes. Magnitudes that were written as text are numbers again;
    -99 and 99, which stand for none, become NaN.

    Raises
    ------
    InputNotFound, CorruptInput, SchemaMismatch
        If it is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = dict(_arrays(archive, path))
    except FileNotFoundError as error:
        raise InputNotFound("no such file", path=path, hint="make a cube with otrain-convert") from error
    except IsADirectoryError as error:
        raise InputNotFound("this is a folder, not a .npz file", path=path) from error
    except OSError as error:
        raise InputNotFound(f"cannot be read: {error.strerror}", path=path) from error
    except (zipfile.BadZipFile, EOFError, struct.error, RuntimeError) as error:
        raise CorruptInput(f"this is no sound .npz file: {error}", path=path) from error
    return _cube(arrays, path)


def _arrays(archive: zipfile.ZipFile, path: Path) -> Iterator[tuple[str, Array]]:
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        limits.check_bytes(info.file_size, path=path, what=name)
        if name == "cube" and info.compress_type == zipfile.ZIP_STORED:
            with archive.open(info) as member:
                shape, dtype, start = _described(member, path, name)
            if int(np.prod(shape)) * dtype.itemsize != info.file_size - start:
                raise CorruptInput("truncated or altered: the size of the array is not what it declares", path=path)
            offset = _offset(archive, info, path) + start
            yield name, np.memmap(path, dtype, "r", offset, shape) if 0 not in shape else np.zeros(shape, dtype)
        elif name in {*KEYS, "cube", "labels", "planes", "sha256"}:
            with archive.open(info) as member:
                yield name, _loaded(member, path, name)


def _offset(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> int:
    """Where the bytes of a stored member begin."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        head = _LOCAL.unpack(file.read(_LOCAL.size))
    return info.header_offset + _LOCAL.size + head[9] + head[10]


def _described(member: IO[bytes], path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    try:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(member)
    except (ValueError, KeyError) as error:
        raise CorruptInput(f"{name} is no sound array: {error}", path=path) from error
    if fortran or dtype.hasobject or dtype.kind not in "fiub":
        raise CorruptInput(f"{name} is no plain array of numbers", path=path)
    return shape, dtype, member.tell()


def _loaded(member: IO[bytes], path: Path, name: str) -> Array:
    try:
        return np.lib.format.read_array(io.BytesIO(member.read()), allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CorruptInput(f"{name} is no sound array: {error}", path=path) from error


def _cube(arrays: Mapping[str, Array], path: Path) -> Cube:
    for key in ("cube", "labels"):
        if key not in arrays:
            raise SchemaMismatch(f"no array '{key}' in this file", path=path, hint="make a cube with otrain-convert")
    pixels, labels = arrays["cube"], arrays["labels"]
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or labels.ndim not in (1, 2) or len(labels) != len(pixels) or not len(pixels):
        raise SchemaMismatch(f"a cube of shape {pixels.shape} with labels of shape {labels.shape}", path=path)
    if labels.ndim == 2:
        labels = labels.argmax(axis=1)
    if not np.isin(labels, (0, 1)).all():
        raise SchemaMismatch("labels other than 0 and 1", path=path)
    columns = {name: _column(arrays[key], COLUMNS[name]) for key, name in KEYS.items() if key in arrays}
    for name, values in columns.items():
        if values.shape != (len(labels),):
            raise SchemaMismatch(f"{len(labels)} cut-outs, but '{name}' has shape {values.shape}", path=path)
    planes = tuple(map(str, arrays["planes"])) if "planes" in arrays else _default_planes(pixels.shape[3])
    if len(planes) != pixels.shape[3]:
        raise SchemaMismatch(f"{pixels.shape[3]} planes, but names of {len(planes)}", path=path)
    digest = hashlib.sha256(np.ascontiguousarray(labels, np.int64).tobytes()).hexdigest()
    stated = str(arrays["sha256"].ravel()[0]) if "sha256" in arrays and arrays["sha256"].size else digest
    return Cube(pixels, labels.astype(np.int64), columns, planes, stated)


def _default_planes(number: int) -> tuple[str, ...]:
    known = {1: ("difference",), 3: tuple(PLANES)}
    return known.get(number) or tuple(f"plane{k}" for k in range(number))


def _column(values: Array, kind: type) -> Array:
    if kind is str:
        return values.astype(str)
    if values.dtype.kind in "US":
        values = np.array(["nan" if v.strip().lower() in _MISSING else v for v in values.astype(str).tolist()])
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        numbers = np.full(len(values), np.nan)
    return np.where(np.abs(numbers) == 99, np.nan, numbers)
