"""Reading FITS: structure first, then size, then checksums, then the numbers."""

from __future__ import annotations

import mmap
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput, SchemaMismatch, SharedIOError
from shared_io.fits import tables
from shared_io.fits.checksum import check_header, check_sums
from shared_io.fits.select import Selector, first_image, is_image, select
from shared_io.fits.stream import Stream, open_stream
from shared_io.fits.structure import Block, walk

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = ["HDUInfo", "Image", "inspect", "read_hdu", "read_image", "read_images", "verify"]

_PIECE = 2**22  # bytes
DTYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}

_FLIPPED = {(8, -128.0): "i1", (16, 2.0**15): "u2", (32, 2.0**31): "u4", (64, 2.0**63): "u8"}


@dataclass(frozen=True)
class HDUInfo:
    """What an HDU is, from its header alone.

    Attributes
    ----------
    index
        Position in the file, from 0.
    name, ver
        EXTNAME in capitals (``PRIMARY`` for a first HDU without one) and EXTVER.
    kind
        ``image``, ``table``, ``ascii``, ``compressed``, ``groups`` or ``other``.
    shape
        Of the image (numpy order), or ``(rows,)`` of a table.
    dtype
        Of the stored pixels; None for a table.
    header
        The whole header.
    """

    index: int
    name: str
    ver: int
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    header: Header


@dataclass(frozen=True)
class Image:
    """An image with what belongs to it.

    Attributes
    ----------
    data : ndarray
        The pixels, BSCALE and BZERO applied, in the byte order of the machine.
    header : Header
        The header of its HDU.
    mask : ndarray of bool or None
        True where a pixel has no value (NaN or BLANK); None if all have one.
    name : str
        The name of its HDU.
    index : int
        The index of its HDU.
    path : Path or None
        The file.
    """

    data: npt.NDArray[Any]
    header: Header
    mask: npt.NDArray[np.bool_] | None = None
    name: str = ""
    index: int = 0
    path: Path | None = None

    @property
    def wcs(self) -> WCS:
        """The world coordinate system that the header describes."""
        from astropy.wcs import WCS

        with quiet():
            return WCS(self.header)


def inspect(path: str | os.PathLike[str], *, verify: bool = True) -> tuple[HDUInfo, ...]:
    """List the HDUs of a file; the structure is verified, the data are not read.

    Parameters
    ----------
    path
        A FITS file.
    verify
        Whether the headers that this package wrote are verified by their CHECKSUM.

    Raises
    ------
    SharedIOError
        When the file is missing, truncated, damaged, not FITS, or beyond the limits.
    """
    with open_stream(path) as stream:
        return tuple(_info(block, path, verify_sum=verify) for block in walk(stream, path))


def read_image(path: str | os.PathLike[str], hdu: Selector | None = None, *, verify: bool = True) -> Image:
    """Read one image.

    Parameters
    ----------
    path
        A FITS file, plain, in gzip, or with tile-compressed images.
    hdu
        Index, name, ``(name, version)`` or ``"name,version"``; by default the first two-dimensional image.
    verify
        Whether CHECKSUM and DATASUM, where they exist, are verified.

    Raises
    ------
    InputNotFound, CorruptInput, InputTooLarge
        When the file cannot be trusted.
    SchemaMismatch
        When there is no such image.
    """
    with open_stream(path) as stream:
        blocks = walk(stream, path)
        block = first_image(blocks, path) if hdu is None else select(blocks, hdu, path)
        return image_of(stream, block, path, verify_sums=verify)


def read_images(path: str | os.PathLike[str], *, verify: bool = True) -> list[Image]:
    """Read all two-dimensional images of a file, in its order.

    Raises
    ------
    SchemaMismatch
        When there is none.
    SharedIOError
        As `read_image`.
    """
    with open_stream(path) as stream:
        blocks = walk(stream, path)
        first_image(blocks, path)
        return [image_of(stream, block, path, verify_sums=verify) for block in blocks if is_image(block)]


def read_hdu(path: str | os.PathLike[str], hdu: Selector = 0, *, verify: bool = True) -> Any:
    """Read one HDU of any kind as an astropy HDU that lies in memory, detached from the file.

    Raises
    ------
    SharedIOError
        As `read_image`.
    """
    with open_stream(path) as stream:
        block = select(walk(stream, path), hdu, path)
        return astropy_hdu(stream, block, path, verify_sums=verify)


def verify(path: str | os.PathLike[str]) -> int:
    """Verify the structure of a file and every CHECKSUM and DATASUM in it.

    Returns
    -------
    int
        How many HDUs carry at least one of them.

    Raises
    ------
    SharedIOError
        When the file is missing, damaged or beyond the limits.
    """
    with open_stream(path) as stream:
        return sum(_verify(stream, block, path) for block in walk(stream, path))


def astropy_hdu(stream: Stream, block: Block, path: str | os.PathLike[str], *, verify_sums: bool) -> Any:
    """Return an HDU of astropy whose data lie in memory, read-only, after all checks."""
    from astropy.io import fits

    buffer = mmap.mmap(-1, len(block.header) + block.padded)
    raw = np.frombuffer(buffer, np.uint8)
    if stream.fill(block.start, raw) < len(block.header) + block.size:
        raise CorruptInput("the file shrinks while it is read", path=path, hdu=block.place)
    if verify_sums:
        check_sums(raw[len(block.header) :], block, path)
    if block.kind in ("table", "compressed"):
        tables.check_binary(raw[len(block.header) :], block, path)
    base: Any = {"image": fits.ImageHDU, "ascii": fits.TableHDU}.get(block.kind, fits.BinTableHDU)
    with translated(path, block), quiet():
        found = (fits.PrimaryHDU if block.index == 0 else base).fromstring(buffer)
        if block.kind == "compressed":
            found = fits.CompImageHDU(bintable=found)
            _ = found.data  # decompressed here, where what is wrong with it can be told
        return found


@contextmanager
def quiet() -> Iterator[None]:
    """Silence astropy's remarks on the style of headers: what matters has been checked before."""
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextmanager
def translated(path: str | os.PathLike[str], block: Block) -> Iterator[None]:
    """Turn whatever astropy raises over a damaged HDU into `CorruptInput`."""
    try:
        yield
    except (SharedIOError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CorruptInput(f"cannot be read ({reason})", path=path, hdu=block.place) from error


def image_of(stream: Stream, block: Block, path: str | os.PathLike[str], *, verify_sums: bool) -> Image:
    """Return the image of one HDU; errors as for `read_image`."""
    if block.kind not in ("image", "compressed"):
        raise SchemaMismatch(f"this HDU is a {block.kind}, not an image", path=path, hdu=block.place)
    if not block.shape or 0 in block.shape:
        raise SchemaMismatch("this HDU holds no pixels", path=path, hdu=block.place)
    if is_plain(block):
        data, header = _plain(stream, block, path, verify_sums=verify_sums)
    else:
        hdu = astropy_hdu(stream, block, path, verify_sums=verify_sums)
        with translated(path, block), quiet():
            data, header = _native(hdu.data), hdu.header.copy()
    if data.shape != block.shape:
        raise CorruptInput(f"{data.shape} pixels came out, {block.shape} are declared", path=path, hdu=block.place)
    return Image(data, header, _without_value(data), block.name, block.index, Path(path))


def _plain(
    stream: Stream, block: Block, path: str | os.PathLike[str], *, verify_sums: bool
) -> tuple[npt.NDArray[Any], Header]:
    """Read pixels that are stored as they are meant."""
    raw = load(stream, block, path)
    if verify_sums:
        check_sums(raw, block, path)
    data = raw[: block.size].view(DTYPES[block.bitpix]).reshape(block.shape)
    if np.little_endian and data.itemsize > 1:
        data.byteswap(inplace=True)
    return as_meant(data, block), plain_header(block, path)


def is_plain(block: Block) -> bool:
    """Tell whether the pixels of an image are stored as they are meant, but for their highest bit."""
    scaled = {"BSCALE", "BZERO", "BLANK"} & block.cards.keys()
    return block.kind == "image" and (not scaled or flipped(block) is not None)


def plain_header(block: Block, path: str | os.PathLike[str]) -> Header:
    """Return the header of a plain image, without the cards that no longer hold once it is read."""
    from astropy.io.fits import Header

    with translated(path, block), quiet():
        header = Header.fromstring(block.header)
    for card in ("BSCALE", "BZERO") if flipped(block) else ():
        header.remove(card, ignore_missing=True, remove_all=True)
    return header


def as_meant(data: npt.NDArray[Any], block: Block) -> npt.NDArray[Any]:
    """Return native pixels of a plain image as they are meant: the highest bit turned where it is stored turned."""
    dtype = flipped(block)
    if dtype is None:
        return data
    bits = data.view(f"u{data.itemsize}")
    bits ^= bits.dtype.type(1 << (8 * data.itemsize - 1))
    return bits.view(dtype)


def flipped(block: Block) -> str | None:
    """Return the dtype of pixels whose highest bit is stored flipped (BZERO = 2^15, ...), or None."""
    if "BLANK" in block.cards or "BZERO" not in block.cards:
        return None
    try:
        scale = float(block.cards.get("BSCALE", "1").partition("/")[0])
        zero = float(block.cards["BZERO"].partition("/")[0])
    except ValueError:
        return None
    return _FLIPPED.get((block.bitpix, zero)) if scale == 1 else None


def load(stream: Stream, block: Block, path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """Return the data of an HDU as bytes, with the filling (zeros where the file leaves it out)."""
    raw = np.empty(block.padded, np.uint8)
    there = stream.fill(block.offset, raw)
    if there < block.size:
        raise CorruptInput("the file shrinks while it is read", path=path, hdu=block.place)
    raw[there:] = 0
    return raw


def pieces(stream: Stream, block: Block, path: str | os.PathLike[str]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the data of an HDU as `load` returns them, piece by piece."""
    for start in range(0, block.padded, _PIECE):
        raw = np.empty(min(_PIECE, block.padded - start), np.uint8)
        there = stream.fill(block.offset + start, raw)
        if start + there < min(block.size, start + raw.size):
            raise CorruptInput("the file shrinks while it is read", path=path, hdu=block.place)
        raw[there:] = 0
        yield raw


def _native(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    dtype = data.dtype.newbyteorder("=")
    return (
        np.array(data, dtype=dtype, order="C", copy=True)
        if not data.flags.writeable
        else np.ascontiguousarray(data, dtype)
    )


def _without_value(data: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return where pixels are NaN, or None. The minimum is NaN if any pixel is, and is quick to find."""
    if data.dtype.kind != "f" or not np.isnan(data.min()):
        return None
    return np.isnan(data)


def _verify(stream: Stream, block: Block, path: str | os.PathLike[str]) -> bool:
    data = load(stream, block, path)
    found = check_sums(data, block, path)
    if block.kind in ("table", "compressed"):
        tables.check_binary(data, block, path)
    return found


def _info(block: Block, path: str | os.PathLike[str], *, verify_sum: bool) -> HDUInfo:
    from astropy.io.fits import Header

    if verify_sum:
        check_header(block, path)
    if block.kind in ("table", "compressed"):
        tables.fields(block, path)

    dtype = np.dtype(DTYPES[block.bitpix]) if block.kind in ("image", "compressed") else None
    with quiet():
        header = Header.fromstring(block.header)
    return HDUInfo(block.index, block.name, block.ver, block.kind, block.shape, dtype, header)
