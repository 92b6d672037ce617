"""Alert packets (Avro) of ZTF, WNTR, PGIR, ATLAS and DECAT -> parts of a cube."""

from __future__ import annotations

import gzip
import io
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits, limits
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch, SharedIOError

from otrain.cutouts import COLUMNS, PLANES, Part, plane_name
from otrain.files.fits_cutouts import odd_shape
from otrain.kernels import pixels

__all__ = ["read_parts", "stamp_from_bytes"]

Array = npt.NDArray[Any]

CHUNK = 1024

STAMPS: dict[str, tuple[str, ...]] = {
    "science": ("cutoutScience", "cutout_science", "scicutout"),
    "template": ("cutoutTemplate", "cutout_template", "refcutout"),
    "difference": ("cutoutDifference", "cutout_difference", "diffcutout"),
}
FIELDS: dict[str, tuple[str, ...]] = {
    "candid": ("candid", "sourceid"), "mag": ("magpsf", "Mag", "mag"), "magerr": ("sigmapsf", "Dmag", "magerr"),
    "filter": ("fid", "filter"), "fwhm": ("fwhm",), "ra": ("ra", "RA"), "dec": ("dec", "Dec"),
    "original": ("pdiffimfilename", "expname", "diffimgname"), "x": ("xpos", "X"), "y": ("ypos", "Y"),
    "object": ("objectId", "objectid"), "night": ("nid", "jd", "mjd"), "field": ("field",),
    "fwhm_psf": ("seeing",),
}  # fmt: skip
"""The keys of the surveys: ZTF, PGIR and WNTR in ``candidate``, ATLAS likewise, DECAT in each of ``sources``."""

_FILTERS = {"1": "g", "2": "r", "3": "i"}
_ZTF_FRAME = 3072.0


def read_parts(paths: Iterable[Path], *, planes: Sequence[str] = (), size: int = -1) -> Iterator[Part]:
    """Read the cut-outs of alert packets.

    Parameters
    ----------
    paths : iterable of Path
        Avro files of one or more packets each.
    planes : sequence of str
        Planes wanted; by default all that the first packet has.
    size : int
        Crop to this side [pixel]; -1 for no crop.

    Yields
    ------
    Part
        For each 1024 files.
    """
    wanted = tuple(plane_name(plane) for plane in planes) if tuple(planes) != ("all",) else ()
    rest = iter(paths)
    while chunk := list(itertools.islice(rest, CHUNK)):
        found = _Collected(wanted, size)
        for path in chunk:
            found.take(path)
        wanted = wanted or found.planes
        yield found.part()


class _Collected:
    """Cut-outs of one shape and their columns."""

    def __init__(self, planes: tuple[str, ...], size: int) -> None:
        self.planes, self._size = planes, size
        self._stamps: list[tuple[str, Array, dict[str, Any]]] = []
        self._failed: list[tuple[str, SharedIOError]] = []

    def take(self, path: Path) -> None:
        """Add the packets of one file; damage ends it, what came before it is kept."""
        try:
            for number, (packet, fields) in enumerate(_packets(path)):
                name = f"{path}[{number}]" if number else str(path)
                self._add(name, packet, fields)
        except SharedIOError as error:
            self._failed.append((str(path), error))

    def _add(self, name: str, packet: Mapping[str, Any], fields: dict[str, Any]) -> None:
        try:
            there = {plane: packet[key] for plane, keys in STAMPS.items() for key in keys if packet.get(key)}
            self.planes = self.planes or tuple(plane for plane in PLANES if plane in there)
            missing = [plane for plane in self.planes if plane not in there]
            if missing or not there:
                raise SchemaMismatch(f"the packet has no {' and no '.join(missing) or 'cut-out'}", path=name)
            found = [stamp_from_bytes(_bytes(there[plane]), name) for plane in self.planes]
            stack = np.stack(_alike(found, fields, name), axis=-1)
            self._stamps.append((name, pixels.crop(stack[None], self._size)[0], fields))
        except SharedIOError as error:
            self._failed.append((name, error))
        except ValueError as error:
            self._failed.append((name, SchemaMismatch(str(error), path=name)))

    def part(self) -> Part:
        """Return what was taken; cut-outs of rarer shapes have failed."""
        count: dict[tuple[int, ...], int] = {}
        for _, stamp, _ in self._stamps:
            count[stamp.shape] = count.get(stamp.shape, 0) + 1
        shape = max(count, key=lambda one: count[one]) if count else (0, 0, 0)
        kept = [one for one in self._stamps if one[1].shape == shape]
        odd = [(n, odd_shape(s.shape, shape, n)) for n, s, _ in self._stamps if s.shape != shape]
        cube = np.stack([stamp for _, stamp, _ in kept]) if kept else np.zeros((0, *shape), np.float32)
        columns = {
            name: np.array([fields[name] for *_, fields in kept], dtype=str if kind is str else np.float64)
            for name, kind in COLUMNS.items()
        }
        names = [name for name, *_ in kept]
        return Part(cube, columns, np.zeros(len(kept), bool), names, self.planes, [*self._failed, *odd])


def _packets(path: Path) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Yield the mapping that holds the cut-outs of each packet (of DECAT: of each source), and its columns."""
    import fastavro

    try:
        file = path.open("rb")
    except OSError as error:
        raise InputNotFound(f"cannot be opened: {error.strerror}", path=path) from error
    with file:
        try:
            for packet in fastavro.reader(file):
                if not isinstance(packet, dict):
                    raise CorruptInput("this is no alert packet", path=path)
                yield from _sources(packet, path)
        except SharedIOError:
            raise
        except Exception as error:  # the decoder raises whatever it stumbles over
            raise CorruptInput(f"this is no sound Avro file: {type(error).__name__}", path=path) from error


def _sources(packet: Mapping[str, Any], path: Path) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """The one source of a packet, or those of DECAT's sources that carry cut-outs."""
    listed = [s for s in packet.get("sources") or () if any(s.get(k) for keys in STAMPS.values() for k in keys)]
    if "sources" in packet and not listed:
        raise SchemaMismatch("no source of this packet carries cut-outs", path=path)
    for source in listed or [packet]:
        inner = source.get("candidate")
        inner = inner if isinstance(inner, dict) else {}
        own = {**packet, **inner, **source}
        yield own, _fields(own, inner)


def _fields(own: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        value = next((v for key in FIELDS[name] if (v := inner.get(key, own.get(key))) is not None), None)
        if kind is str:
            out[name] = "" if value is None else str(value)
        else:
            out[name] = float(value) if isinstance(value, int | float) else float("nan")
    out["filter"] = _FILTERS.get(out["filter"], out["filter"].partition(" ")[0])
    out["night"] = out["night"].partition(".")[0]
    return out


def _bytes(value: Any) -> bytes:
    data = value.get("stampData") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise SchemaMismatch("a cut-out of the packet holds no bytes")
    return data


def stamp_from_bytes(data: bytes, name: str) -> Array:
    """Return the pixels of a FITS image, gzipped or not, that is held in memory.

    Parameters
    ----------
    data : bytes
    name : str
        What errors call it.

    Returns
    -------
    ndarray of float32, shape (ny, nx)

    Raises
    ------
    CorruptInput, InputTooLarge
        If it is no such image, or expands beyond the limits.
    """
    from astropy.io import fits as afits

    if data[:2] == b"\x1f\x8b":
        data = _unzipped(data, name)
    try:
        with fits.read.quiet(), afits.open(io.BytesIO(data), memmap=False) as hdus:
            image = next((hdu.data for hdu in hdus if hdu.data is not None and hdu.data.ndim == 2), None)
    except Exception as error:  # astropy raises whatever it stumbles over
        raise CorruptInput(f"a cut-out is no sound FITS image: {type(error).__name__}", path=name) from error
    if image is None or 0 in image.shape:
        raise CorruptInput("a cut-out holds no image", path=name)
    return np.asarray(image, np.float32)


def _unzipped(data: bytes, name: str) -> bytes:
    most = min(limits.current().object_bytes, 1 << 28)
    try:
        with gzip.open(io.BytesIO(data)) as file:
            out = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptInput(f"a cut-out is no sound gzip: {error}", path=name) from error
    limits.check_bytes(len(out), path=name, what="cut-out")
    return out


def _alike(found: list[Array], fields: Mapping[str, Any], name: str) -> list[Array]:
    """Fill planes of different shapes, and those cut off at an edge of the frame, with NaN to one square."""
    side = max(max(stamp.shape) for stamp in found)
    if all(stamp.shape == (side, side) for stamp in found):
        return found
    out = []
    for stamp in found:
        whole = np.full((side, side), np.nan, np.float32)
        y, x = (_start(side, n, fields[axis]) for n, axis in zip(stamp.shape, ("y", "x"), strict=True))
        whole[y : y + stamp.shape[0], x : x + stamp.shape[1]] = stamp
        out.append(whole)
    return out


def _start(side: int, length: int, position: float) -> int:
    """Where a cut-out begins in its square: at the far end if it was cut off at the near edge of its frame."""
    if length == side:
        return 0
    if np.isnan(position):
        return (side - length) // 2
    return side - length if position < _ZTF_FRAME / 2 else 0
