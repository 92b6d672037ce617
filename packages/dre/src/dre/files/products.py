"""Take over what an external program wrote: checksummed, with its provenance, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import fits
from shared_io.errors import CorruptInput, ExternalFailed

from dre.files.catalogue import timeless

if TYPE_CHECKING:
    from shared_io.fits import HDUInfo
    from shared_io.provenance import Provenance


def adopt(product: Path, target: Path, *, image: str, provenance: Provenance, overwrite: bool = False) -> None:
    """Write the HDUs of a program's FITS file to `target`, freed of what changes from run to run.

    Parameters
    ----------
    product, target : pathlib.Path
        The program's file and ours.
    image : str
        Name of the analysed image.
    provenance : Provenance
        Stored in the primary header.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ExternalFailed
        If the program wrote no such file, or one that is not FITS.
    """
    if not product.is_file():
        raise ExternalFailed(f"the program did not write {product.name}", path=target)
    try:
        # SExtractor copies the sky image's header, stale checksums included; ours are written anew
        hdus = [fits.read_hdu(product, info.index, verify=False) for info in fits.inspect(product, verify=False)]
    except CorruptInput as error:
        raise ExternalFailed(f"the program wrote a damaged file: {error}", path=target) from error
    whole = [timeless(hdu, image) if hdu.name == "LDAC_IMHEAD" else hdu for hdu in hdus]
    fits.write(target, whole, overwrite=overwrite, provenance=provenance)


def plain_copy(source: Path, folder: Path, name: str) -> Path:
    """Give a program an image under a harmless name: a link to a plain file of 2-D images, else a copy of these.

    Raises
    ------
    SchemaMismatch
        If there is no 2-D image.
    """
    from astropy.io import fits as afits

    target = folder / f"{name}.fits"
    if source.suffix.lower() in {".fits", ".fit", ".fts"} and _simple(fits.inspect(source)):
        target.symlink_to(source.absolute())
        return target
    images = fits.read_images(source)
    first = afits.PrimaryHDU(images[0].data, images[0].header) if len(images) == 1 else afits.PrimaryHDU()
    rest = [] if len(images) == 1 else [afits.ImageHDU(image.data, image.header) for image in images]
    fits.write(target, [first, *rest])
    return target


def _simple(infos: Sequence[HDUInfo]) -> bool:
    """Whether SExtractor takes a file as it is: one image, or several in extensions, all of two dimensions.

    Of an image in the primary HDU with others behind it SExtractor writes check images that are no FITS files.
    """
    images = [info for info in infos if info.kind == "image" and info.shape]
    alone = len(images) == 1 or all(info.index > 0 for info in images)
    compressed = any(info.kind == "compressed" for info in infos)
    return alone and not compressed and {len(info.shape) for info in images} == {2}
