"""Writing FITS: whole or not at all, with CHECKSUM and DATASUM, the same bytes every time."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from shared_io import atomic
from shared_io.errors import SchemaMismatch, SharedIOError
from shared_io.fits.checksum import OURS, check_total, encode, ones_sum, text_of
from shared_io.fits.read import pieces, quiet
from shared_io.fits.stream import Stream, open_stream
from shared_io.fits.structure import BLOCK, Block, walk

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from shared_io.provenance import Provenance

__all__ = ["append", "write", "write_image"]

# Cards that hold the place of CHECKSUM and DATASUM until the file is written; astropy would put the time
# of day into their comments.
_PLACES = ("SIOCKSUM", "SIODSUM")
_STALE = ("CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM", *_PLACES)
_PIECE = 2**22


def write(
    path: str | os.PathLike[str],
    hdus: Sequence[Any],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write HDUs to a file.

    Parameters
    ----------
    path
        The file; with ``.gz`` at its end it is compressed.
    hdus
        Astropy HDUs. The first becomes the primary HDU if it is an image; otherwise an empty primary HDU
        is put before it.
    overwrite
        Whether a file already there is replaced.
    provenance
        Goes into the header of the primary HDU.

    Raises
    ------
    OutputExists, WriteFailed
        When the file cannot be put there.
    SchemaMismatch
        When FITS cannot hold these HDUs.
    """
    with atomic.atomic_path(path, overwrite=overwrite) as temporary:
        with temporary.open("w+b") as file:
            _write_all(file, _with_primary(hdus), path, provenance)
            _seal(file, path)
        _compress_for(path, temporary)


def write_image(
    path: str | os.PathLike[str],
    data: npt.ArrayLike,
    header: Header | None = None,
    *,
    name: str | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write one image as the primary HDU, or tile-compressed without loss if the name ends ``.fz``.

    Parameters
    ----------
    data
        The pixels; booleans are written as bytes 0 and 1.
    header
        Cards to go with it; those that describe the structure are set from the data.
    name
        EXTNAME.
    path, overwrite, provenance
        As for `write`.
    """
    from astropy.io import fits

    pixels = np.asarray(data)
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.kind not in "uif" or pixels.dtype.itemsize < 1 or pixels.dtype.itemsize > 8 or pixels.dtype == "f2":
        raise SchemaMismatch(f"FITS has no pixels of type {pixels.dtype}", path=path, hint="convert them first")
    cards = fits.Header() if header is None else header.copy()
    for card in ("BSCALE", "BZERO", "BLANK", "ZBLANK"):
        cards.remove(card, ignore_missing=True, remove_all=True)
    if Path(path).name.lower().endswith(".fz"):
        kind = {"f": "GZIP_2"}.get(pixels.dtype.kind, "RICE_1" if pixels.dtype.itemsize < 8 else "GZIP_2")
        hdu: Any = fits.CompImageHDU(pixels, cards, name=name, compression_type=kind, quantize_level=0)
    else:
        hdu = fits.PrimaryHDU(pixels, cards)
        if name:
            hdu.header["EXTNAME"] = name
    write(path, [hdu], overwrite=overwrite, provenance=provenance)


def append(
    source: str | os.PathLike[str],
    hdus: Sequence[Any],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a copy of a file with more extensions behind it.

    The HDUs of the source are verified and copied byte for byte; the source itself is not touched.

    Parameters
    ----------
    source
        A FITS file, plain or in gzip.
    hdus
        Astropy HDUs to append.
    target
        The new file; it may be the source itself if `overwrite` is True.
    overwrite
        Whether a file already there is replaced.
    """
    from astropy.io import fits

    extensions = [fits.PrimaryHDU(), *(_as_extension(hdu) for hdu in hdus)]
    with atomic.atomic_path(target, overwrite=overwrite) as temporary:
        with temporary.open("w+b") as file:
            with open_stream(source) as stream:
                _copy(stream, walk(stream, source), file, source)
            with _beside(temporary) as beside:
                _write_all(beside, extensions, target, None)
                _seal(beside, target)
                beside.seek(BLOCK)  # behind the empty primary HDU
                shutil.copyfileobj(beside, file, _PIECE)
            _recount(file, target)
        _compress_for(target, temporary)


@contextmanager
def _beside(temporary: Path) -> Iterator[BinaryIO]:
    """Open another temporary file in the same folder, which a sweep would know as well."""
    path = temporary.with_name(f"{temporary.name}.extensions")
    try:
        with path.open("w+b") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def _recount(file: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Bring NEXTEND of a primary HDU that we wrote up to date, and its CHECKSUM."""
    file.flush()
    blocks = walk(Stream(file), path)
    primary = blocks[0]
    if OURS not in primary.cards.get("CHECKSUM", "") or "NEXTEND" not in primary.cards:
        return
    value = f"{len(blocks) - 1:20}"
    head = _with_card(primary.header, "NEXTEND", f"NEXTEND = {value} / number of extensions")
    total = int(text_of(primary, "DATASUM"))
    head = _with_card(head, "CHECKSUM", _checksum_card("0" * 16))
    head = _with_card(head, "CHECKSUM", _checksum_card(encode(ones_sum(head, total))))
    os.pwrite(file.fileno(), head, primary.start)


def _write_all(
    file: BinaryIO, hdus: Sequence[Any], path: str | os.PathLike[str], provenance: Provenance | None
) -> None:
    """Write HDUs with cards that hold the place of the checksums."""
    from astropy.io import fits

    originals = [hdu.header.copy() for hdu in hdus]
    sink = _Sink(file)
    try:
        with quiet():
            for hdu in hdus:
                _prepare(hdu.header)
            if len(hdus) > 1:
                hdus[0].header["NEXTEND"] = (len(hdus) - 1, "number of extensions")
            if provenance is not None:
                provenance.to_header(hdus[0].header)
                _date(hdus[0].header)
            fits.HDUList(list(hdus)).writeto(sink, output_verify="exception")
    except (SharedIOError, OSError, MemoryError):
        raise
    except Exception as error:
        if sink.error is not None:  # astropy stumbles over it
            raise sink.error from None
        raise SchemaMismatch(f"FITS cannot hold this: {error}", path=path) from error
    finally:
        for hdu, original in zip(hdus, originals, strict=True):
            hdu.header.clear()
            hdu.header.extend(original, strip=False)
    file.flush()


class _Sink:
    """What astropy may know of the file that it writes to.

    Given a file of the system, it lets numpy write arrays through C's buffers, and numpy does not notice
    when the last of them cannot be written: a disk that is full would alter the content in silence.
    """

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        with self._kept():
            return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        with self._kept():
            self._file.flush()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = error
            raise

    def close(self) -> None:
        """Do nothing: the file belongs to someone else."""


def _prepare(header: Header) -> None:
    for card in _STALE:
        header.remove(card, ignore_missing=True, remove_all=True)
    for card in _PLACES:
        header[card] = "0" * 16


def _date(header: Header) -> None:
    """Write DATE only if the environment fixes it, so that the same work gives the same bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        header["DATE"] = (str(np.datetime64(int(epoch), "s")), "from SOURCE_DATE_EPOCH (UTC)")


def _with_primary(hdus: Sequence[Any]) -> list[Any]:
    """Return the HDUs as a file needs them: one primary HDU, and it comes first."""
    from astropy.io import fits

    if not hdus:
        raise SchemaMismatch("there is nothing to write")
    first = hdus[0]
    if isinstance(first, fits.PrimaryHDU):
        head = [first]
    elif type(first) is fits.ImageHDU:
        head = [fits.PrimaryHDU(first.data, first.header)]
    else:
        head = [fits.PrimaryHDU(), first]
    return [*head, *(_as_extension(hdu) for hdu in hdus[1:])]


def _as_extension(hdu: Any) -> Any:
    from astropy.io import fits

    return fits.ImageHDU(hdu.data, hdu.header) if isinstance(hdu, fits.PrimaryHDU) else hdu


def _copy(stream: Stream, blocks: Sequence[Block], file: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Copy verified HDUs byte for byte, with the filling of the last one made good."""
    for block in blocks:
        file.write(block.header)
        total = 0
        for data in pieces(stream, block, path):
            total = ones_sum(data, total)
            file.write(data.data)
        check_total(partial(int, total), block, path)


def _seal(file: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Put CHECKSUM and DATASUM into the places kept for them, from the bytes as they were written."""
    stream = Stream(file)
    for block in walk(stream, path):
        total = 0
        for start in range(block.offset, block.offset + block.padded, _PIECE):
            total = ones_sum(stream.read(start, min(_PIECE, block.offset + block.padded - start)), total)
        data_card = f"DATASUM = {_quoted(str(total)):20} / of the data, {OURS}"
        header = _with_card(block.header, _PLACES[1], data_card)
        header = _with_card(header, _PLACES[0], _checksum_card("0" * 16))
        header = _with_card(header, "CHECKSUM", _checksum_card(encode(ones_sum(header, total))))
        os.pwrite(file.fileno(), header, block.start)


def _with_card(header: bytes, place: str, card: str) -> bytes:
    """Return the header with another card in the place of the one of that keyword."""
    at = header.index(f"{place:8}=".encode())
    return header[:at] + card.ljust(80).encode("ascii") + header[at + 80 :]


def _checksum_card(text: str) -> str:
    return f"CHECKSUM= {_quoted(text):20} / of the HDU, {OURS}"


def _quoted(text: str) -> str:
    return f"'{text:8}'"


def _compress_for(path: str | os.PathLike[str], temporary: Path) -> None:
    """Compress the temporary if the target's name asks for it; no name and no time in the gzip header."""
    if not Path(path).name.lower().endswith(".gz"):
        return
    plain = temporary.with_name(temporary.name + ".plain")
    temporary.rename(plain)
    try:
        with (
            plain.open("rb") as source,
            temporary.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed,
        ):
            shutil.copyfileobj(source, packed, _PIECE)
    finally:
        plain.unlink()
