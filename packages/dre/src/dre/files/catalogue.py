"""SExtractor catalogues: FITS_LDAC and FITS_1.0 files of one or more extensions, read and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import fits
from shared_io.errors import SchemaMismatch

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Header
    from astropy.table import Table
    from shared_io.provenance import Provenance

OBJECT_TABLES = ("LDAC_OBJECTS", "OBJECTS")
"""Names of the tables of sources in FITS_LDAC and in FITS_1.0 catalogues."""


def read_catalogue(path: Path, *, vignettes: bool = False) -> Table:
    """Read all sources of a catalogue, of every extension.

    Parameters
    ----------
    path : pathlib.Path
        FITS_LDAC or FITS_1.0 catalogue.
    vignettes : bool
        Keep the column VIGNET.

    Returns
    -------
    astropy.table.Table
        The catalogue's columns; EXT_NUMBER is as written, or else the 1-based number of the table in a catalogue of
        several tables, or else 0.

    Raises
    ------
    SchemaMismatch
        If the file holds no table of sources, or one without NUMBER.
    """
    from astropy.table import vstack

    tables = read_extensions(path, vignettes=vignettes)
    for number, one in enumerate(tables, 1):
        if "EXT_NUMBER" not in one.colnames:
            one["EXT_NUMBER"] = np.full(len(one), number if len(tables) > 1 else 0, np.int16)
        one.meta.clear()
    return vstack(tables, metadata_conflicts="silent") if len(tables) > 1 else tables[0]


def read_extensions(path: Path, *, vignettes: bool = True) -> list[Table]:
    """Read the tables of sources of a catalogue, one for each extension of its image (see :func:`read_catalogue`)."""
    from shared_io import table

    found = [info for info in fits.inspect(path) if info.name in OBJECT_TABLES]
    if not found:
        raise SchemaMismatch(
            f"no table {' or '.join(OBJECT_TABLES)} in this file",
            path=path,
            hint="give a FITS_LDAC or FITS_1.0 catalogue",
        )
    tables = [table.read(path, key=info.index) for info in found]
    for info, one in zip(found, tables, strict=True):
        require(one, ("NUMBER",), path, info.name)
        if not vignettes and "VIGNET" in one.colnames:
            one.remove_column("VIGNET")
    return tables


def read_heads(path: Path) -> list[Header]:
    """Read the image header that a FITS_LDAC catalogue keeps for each extension; a FITS_1.0 catalogue has none."""
    from astropy.io import fits as afits

    heads = []
    for info in fits.inspect(path):
        if info.name == "LDAC_IMHEAD":
            cards = fits.read_hdu(path, info.index).data.field(0).ravel()
            with fits.quiet():
                heads.append(afits.Header.fromstring("".join(str(card).ljust(80) for card in cards)))
    return heads


def count_sources(path: Path) -> int:
    """Return the number of sources in a catalogue, from its headers alone."""
    return sum(info.shape[0] for info in fits.inspect(path) if info.name in OBJECT_TABLES)


def require(one: Table, columns: Sequence[str], path: Path, hdu: str | int | None = None) -> None:
    """Raise SchemaMismatch naming the columns that a catalogue lacks."""
    missing = [name for name in columns if name not in one.colnames]
    if missing:
        raise SchemaMismatch(
            f"the catalogue has no column {', '.join(missing)}",
            path=path,
            hdu=hdu,
            hint="add it to the PARAMETERS_NAME file",
        )


def write_ldac(
    path: Path,
    tables: Sequence[Table],
    headers: Sequence[Header],
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a FITS_LDAC catalogue: for each extension its image header as a table of cards, then its sources.

    Parameters
    ----------
    path : pathlib.Path
        File to write.
    tables : sequence of Table
        Sources of each extension.
    headers : sequence of astropy Header
        Image header of each extension.
    overwrite : bool
        Replace an existing file.
    provenance : Provenance, optional
        Stored in the primary header.
    """
    from astropy.io import fits as afits

    hdus: list = [afits.PrimaryHDU()]
    for one, header in zip(tables, headers, strict=True):
        hdus.append(_card_table(header))
        objects = afits.table_to_hdu(one)
        objects.name = "LDAC_OBJECTS"
        hdus.append(objects)
    fits.write(path, hdus, overwrite=overwrite, provenance=provenance)


def timeless(heads: BinTableHDU, image: str) -> BinTableHDU:
    """Return an LDAC_IMHEAD table without the date, the time and the elapsed seconds of the extraction.

    Parameters
    ----------
    heads : BinTableHDU
        As SExtractor wrote it.
    image : str
        Name of the analysed image, for the card FITSFILE.
    """
    from astropy.io import fits as afits

    cards = "".join(str(card).ljust(80) for card in heads.data.field(0).ravel())
    with fits.quiet():
        header = afits.Header.fromstring(cards)
        for key in ("SEXDATE", "SEXTIME", "SEXELAPS"):
            header.remove(key, ignore_missing=True)
        header["FITSFILE"] = image.encode("ascii", "backslashreplace").decode()  # cards hold no other characters
        return _card_table(header)


def _card_table(header: Header) -> BinTableHDU:
    """Return the LDAC_IMHEAD table: one row, one column of 80-character cards.

    It is assembled from bytes: astropy would drop the blanks that end a card, without which PSFEx crashes.
    """
    from astropy.io import fits as afits

    text = header.tostring(sep="", endcard=True, padding=False).encode("ascii", "replace")
    own = afits.BinTableHDU(name="LDAC_IMHEAD").header
    own["NAXIS1"], own["NAXIS2"], own["TFIELDS"] = len(text), 1, 1
    own["TTYPE1"] = "Field Header Card"
    own["TFORM1"] = f"{len(text)}A"
    own["TDIM1"] = f"(80, {len(text) // 80})"
    return afits.BinTableHDU.fromstring(own.tostring().encode() + text.ljust(-(-len(text) // 2880) * 2880, b"\0"))
