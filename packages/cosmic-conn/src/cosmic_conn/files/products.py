"""Writing what was found: a copy of the file with the probability, the mask and the cleaned image behind it.

========  =====================================================================================================
CRPROB    probability, bytes of 0.004 (BSCALE), compressed without loss
CRMASK    the bit of the mask where a pixel is called a cosmic ray, else 0, compressed without loss
CRCLEAN   the image with the masked pixels filled from around them, float32, on request
========  =====================================================================================================

Their EXTVER are those of the images they belong to. The header of CRMASK holds the counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits
from shared_io.errors import SchemaMismatch
from shared_io.provenance import Provenance

from cosmic_conn.branches import Strip
from cosmic_conn.clean import fill
from cosmic_conn.detection import Camera, Detector
from cosmic_conn.files.frames import ScienceImage
from cosmic_conn.files.packing import Packer
from cosmic_conn.kernels.masks import ObjectSizes, size_counts, to_bytes

__all__ = ["CLEAN", "MASK", "PROBABILITY", "Layout", "Product", "product_of", "summary_cards", "write_products"]

PROBABILITY, MASK, CLEAN = "CRPROB", "CRMASK", "CRCLEAN"

_BYTE = 1 << 8  # bits below fit into bytes
_PLIO = 1 << 24  # and those below are what PLIO can hold
_PIXEL_SIZE = ("PIXSIZE", "PIXSIZE1", "CCDPSIZE", "XPIXELSZ")


@dataclass(frozen=True)
class Layout:
    """What goes into the copy.

    Attributes
    ----------
    bit
        Value of a cosmic-ray pixel in the mask: a power of two.
    merge
        Name of the extension of data-quality bits that the bit is merged into; ``""`` for none.
    clean
        Whether the cleaned image is added.
    """

    bit: int = 1
    merge: str = ""
    clean: bool = False

    def __post_init__(self) -> None:
        if self.bit < 1 or self.bit & (self.bit - 1) or self.bit > 2**30:
            raise ValueError(f"the bit of the mask must be a power of two up to 2^30, not {self.bit}")


@dataclass(frozen=True)
class Product:
    """What is written for one image: no more is held of it.

    Attributes
    ----------
    name, version
        Of the HDU that was searched.
    hdus
        The new extensions.
    flagged
        The mask, where it is merged into another extension; else empty.
    """

    name: str
    version: int
    hdus: tuple[Any, ...]
    flagged: npt.NDArray[np.bool_]

    @property
    def mask(self) -> Any:
        """The extension of the mask, with the counts in its header."""
        return self.hdus[1]


def product_of(
    image: ScienceImage, camera: Camera, detector: Detector, strips: Iterable[Strip], layout: Layout
) -> Product:
    """Return what is to be written of an image.

    Parameters
    ----------
    image, camera, detector
        What was searched, and with what.
    strips
        Probability and mask as `Detector.strips` gives them; each is packed before the next is asked for.
    layout
        What goes into the file.
    """
    probability = Packer(PROBABILITY, image.version, "RICE_1")
    kind: Any = np.uint8 if layout.bit < _BYTE else np.int32
    mask = Packer(MASK, image.version, "PLIO_1" if layout.bit < _PLIO else "RICE_1")
    sizes, masks = ObjectSizes(), []
    for values, flagged in strips:
        probability.add(to_bytes(values))
        mask.add(flagged.astype(kind) * kind(layout.bit))
        sizes.add(flagged)
        if layout.clean or layout.merge:
            masks.append(flagged)
    whole = np.concatenate(masks) if masks else np.empty((0, 0), dtype=bool)
    found = [probability.hdu(), mask.hdu()]
    found[0].header["BSCALE"] = (0.004, "probability of a step")
    found[1].header.update(_cards(image, camera, detector, sizes, layout))
    if layout.clean:
        found.append(_clean(image, whole))
    return Product(image.name, image.version, tuple(found), whole)


def write_products(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    found: list[Product],
    layout: Layout,
    provenance: Provenance,
    *,
    overwrite: bool = False,
) -> None:
    """Write a copy of a file with what was found in its images.

    Parameters
    ----------
    source
        The file that was searched; its HDUs are copied byte for byte, unless bits are merged into one of them.
    target
        The copy.
    found
        Of the images, in the order of the file.
    layout
        What goes into it.
    provenance
        Goes into the headers of the new extensions.
    overwrite
        Whether a file already there is replaced.
    """
    new = [hdu for product in found for hdu in product.hdus]
    for hdu in new:
        provenance.to_header(hdu.header)
    if not layout.merge:
        fits.append(source, new, target, overwrite=overwrite)
        return
    fits.write(target, [*_merged(source, found, layout), *new], overwrite=overwrite, provenance=provenance)


def summary_cards(image: ScienceImage, sizes: npt.NDArray[np.int64]) -> dict[str, tuple[Any, str]]:
    """Return the counts of a detection as cards: keyword -> (value, comment)."""
    counts, flagged = size_counts(sizes), int(sizes.sum())
    cards: dict[str, tuple[Any, str]] = {
        "CRNPIX": (flagged, "pixels called cosmic rays"),
        "CRFRAC": (round(flagged / image.pixels.size, 8), "their share of the image"),
        "CRNOBJ": (sum(counts.values()), "8-connected objects of them"),
        "CRN1": (counts["1"], "objects of 1 pixel"),
        "CRN2": (counts["2-4"], "objects of 2 to 4 pixels"),
        "CRN5": (counts["5-20"], "objects of 5 to 20 pixels"),
        "CRN21": (counts[">20"], "objects of more than 20 pixels"),
    }
    rate = _rate(image, cards["CRNOBJ"][0])
    return cards if rate is None else {**cards, "CRRATE": (rate, "[cm-2 s-1] objects per area and time")}


def _rate(image: ScienceImage, objects: int) -> float | None:
    """Return objects per cm2 and s, where the header has the exposure time [s] and the pixel size [um]."""
    numbers = [image.header.get(key) for key in ("EXPTIME", *_PIXEL_SIZE)]
    known = [n if isinstance(n, int | float) and not isinstance(n, bool) and n > 0 else None for n in numbers]
    time, size = known[0], next((n for n in known[1:] if n is not None), None)
    if time is None or size is None or not 1 <= size <= 100:
        return None
    return float(f"{objects / (image.pixels.size * (size * 1e-4) ** 2) / time:.6g}")


def _cards(
    image: ScienceImage, camera: Camera, detector: Detector, sizes: ObjectSizes, layout: Layout
) -> dict[str, tuple[Any, str]]:
    """Return the cards of the mask."""
    cards: dict[str, tuple[Any, str]] = {
        "CRBIT": (layout.bit, "value of a cosmic-ray pixel"),
        "CRMETHOD": (detector.settings.method, "how they were found"),
        "CRMODEL": (detector.model, "network, if any"),
        "CRTHRESH": (detector.threshold, "probability from which a pixel is flagged"),
    }
    for key, value in (("CRGAIN", camera.gain), ("CRRDNOIS", camera.read_noise), ("CRSATUR", camera.saturation)):
        if value is not None:
            cards[key] = (value, "of the camera, as used")
    return cards | summary_cards(image, sizes.sizes())


def _clean(image: ScienceImage, mask: npt.NDArray[np.bool_]) -> Any:
    from astropy.io.fits import ImageHDU

    clean = ImageHDU(fill(image.pixels[:], mask), name=CLEAN)
    clean.header["EXTVER"] = (image.version, "of the image that this belongs to")
    return clean


def _merged(source: str | os.PathLike[str], found: list[Product], layout: Layout) -> list[Any]:
    """Return the HDUs of the source, the bit set in its extension of data-quality bits."""
    infos = fits.inspect(source)
    wanted = layout.merge.strip().upper()
    lossy = [i for i in infos if i.kind == "compressed" and i.dtype is not None and i.dtype.kind == "f"]
    if lossy:
        what = "merging rewrites the file, and this image is compressed with loss"
        raise SchemaMismatch(what, path=source, hdu=lossy[0].name, hint="unpack the file first (funpack)")
    hdus = [fits.read_hdu(source, info.index) for info in infos]
    for product in found:
        names = [i.index for i in infos if i.name == wanted]
        same = [i for i in names if infos[i].ver == product.version] or (names if len(found) == 1 else [])
        if not same:
            raise SchemaMismatch(f"there is no {wanted} extension for {product.name},{product.version}", path=source)
        hdu = hdus[same[0]]
        hdu.data = _with_bit(hdu.data, product.flagged, layout.bit, source, wanted)
    return hdus


def _with_bit(
    data: npt.NDArray[Any], mask: npt.NDArray[np.bool_], bit: int, path: str | os.PathLike[str], name: str
) -> npt.NDArray[Any]:
    if data is None or data.dtype.kind not in "ui" or data.shape != mask.shape or bit > np.iinfo(data.dtype).max:
        raise SchemaMismatch(f"cannot hold the bit {bit} of this mask", path=path, hdu=name)
    return np.where(mask, data | data.dtype.type(bit), data)
