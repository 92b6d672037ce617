"""One fit as files for GALFIT and imfit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io.fits import Header
from shared_io import atomic, fits
from shared_io.errors import InputNotFound, OutputExists, SchemaMismatch

from dre.files.layout import find_psf
from dre.peers import galfit_feedme, imfit_config
from dre.pipeline.jobs import read_extension_psf
from dre.pipeline.reporting import read_rows
from dre.pipeline.stamps import Sources
from dre.pixels import usable
from dre.psf import before_pixel, centre_of, normalised, resampled
from dre.rows import has_errors, magnitude_of, name_of, picture_of, profile_of

if TYPE_CHECKING:
    from astropy.table import Row

    from dre.psf import PSFModel
    from dre.stamp import Stamp


@dataclass(frozen=True)
class Request:
    """What to export; see the options of ``dre export``."""

    image: str
    source: str
    summary: Path
    stamps: Sources
    psf: Path
    output: Path


def export_fit(request: Request, *, overwrite: bool = False) -> list[Path]:
    """Write image, noise, mask, PSF, feedme and configuration of one fit; return the files.

    The noise is that of the fit, photons included; the PSF is without the response of the pixel, over which both
    programs integrate their models.

    Raises
    ------
    InputNotFound
        If there is no such image, object or fit.
    OutputExists
        If a file is in the way.
    """
    row, stamp = _found(request)
    profile, sky = profile_of(row, stamp)
    if profile is None:
        raise InputNotFound(f"object {stamp.name} has no fit", path=request.summary, hint="see its FIT_FLAG")
    psf = read_extension_psf(find_psf(request.psf, request.image), stamp.ext_number)
    stem, box = f"{request.image}_{stamp.name}", stamp.obj.shape[0]
    magnitude = magnitude_of(row)
    zero_point = magnitude + 2.5 * np.log10(profile.flux) if np.isfinite(magnitude) else 0.0
    planes = {f"{stem}{suffix}.fits": plane for suffix, plane in _planes(row, stamp, psf).items()}
    side = len(planes[f"{stem}_psf.fits"])
    texts = {
        f"{stem}.feedme": galfit_feedme(stem, profile, sky, box, zero_point, psf_side=side),
        f"{stem}.imfit": imfit_config(stem, profile, sky, box),
    }
    paths = [request.output / name for name in (*planes, *texts)]
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputExists("the file is in the way", path=path, hint="give --overwrite, or another -o")
    for name, plane in planes.items():
        fits.write_image(request.output / name, plane, Header([("EXPTIME", 1.0)]), overwrite=overwrite)
    for name, text in texts.items():
        atomic.write_text(request.output / name, text, overwrite=overwrite)
    return paths


def _planes(row: Row, stamp: Stamp, psf: PSFModel) -> dict[str, np.ndarray]:
    """Return image, noise, mask and PSF by the endings of their names."""
    place = None if stamp.x is None or stamp.y is None else (stamp.x, stamp.y)
    good, noise = usable(stamp), picture_of(row, stamp, psf)[1]
    cells = psf.table(place)
    picture = normalised(resampled(cells, psf.sampling, centre_of(cells)))
    as_it_is = psf.without_pixel or not has_errors(row)  # the predecessor's models have the pixel twice
    return {
        "": np.where(np.isfinite(stamp.obj), stamp.obj, 0).astype(np.float32),
        "_sigma": np.where(good, noise, 1.0).astype(np.float32),
        "_mask": (~good).astype(np.int16),
        "_psf": (picture if as_it_is else before_pixel(picture)).astype(np.float32),
    }


def _found(request: Request) -> tuple[Row, Stamp]:
    """Return the row and the cut of an object."""
    path = request.summary / f"{request.image}_tab.fits"
    name = (
        request.source if "_" in request.source else f"00_{int(request.source):04d}" if request.source.isdigit() else ""
    )
    if not name:
        raise InputNotFound(f"{request.source!r} is not an object", hint="give EE_NNNN or its NUMBER")
    rows = read_rows(path)
    for row in rows:
        if name_of(row) == name:
            source, lost = request.stamps.find(request.image), list[str]()
            for stamp in source.open(room=0).read([name], lost):
                return row, stamp
            raise SchemaMismatch(f"no pixels of {name}: {lost[0]}", path=source.inputs[0], hint="run make_cuts again")
    there = [name_of(row) for row in rows]
    known = f"there are {', '.join(there[:5])}{', ...' if len(there) > 5 else ''}" if there else "it has none"
    raise InputNotFound(f"no object {name} in this table", path=path, hint=known)
