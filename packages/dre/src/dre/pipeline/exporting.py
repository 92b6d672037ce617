"""One fit as files for GALFIT and imfit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import atomic, fits
from shared_io.errors import InputNotFound, OutputExists, SchemaMismatch

from dre.files.layout import find_psf
from dre.peers import galfit_feedme, imfit_config
from dre.pipeline.jobs import read_extension_psf
from dre.pipeline.reporting import read_rows
from dre.pipeline.stamps import Sources
from dre.pixels import usable
from dre.psf import centre_of, normalised, resampled
from dre.rows import name_of, profile_of

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
    psf = _psf_picture(read_extension_psf(find_psf(request.psf, request.image), stamp.ext_number), stamp)
    stem, box = f"{request.image}_{stamp.name}", stamp.obj.shape[0]
    sigma = np.where(usable(stamp), stamp.rms, 1.0)
    magnitude, flux = _magnitude(row), profile.flux
    zero_point = magnitude + 2.5 * np.log10(flux) if np.isfinite(magnitude) else 0.0
    planes: dict[str, np.ndarray] = {
        f"{stem}.fits": np.where(np.isfinite(stamp.obj), stamp.obj, 0).astype(np.float32),
        f"{stem}_sigma.fits": sigma.astype(np.float32), f"{stem}_mask.fits": (~usable(stamp)).astype(np.int16),
        f"{stem}_psf.fits": psf.astype(np.float32),
    }  # fmt: skip
    texts = {
        f"{stem}.feedme": galfit_feedme(stem, profile, sky, box, zero_point, psf_side=psf.shape[0]),
        f"{stem}.imfit": imfit_config(stem, profile, sky, box),
    }
    paths = [request.output / name for name in (*planes, *texts)]
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputExists("the file is in the way", path=path, hint="give --overwrite, or another -o")
    for name, plane in planes.items():
        fits.write_image(request.output / name, plane, overwrite=overwrite)
    for name, text in texts.items():
        atomic.write_text(request.output / name, text, overwrite=overwrite)
    return paths


def _found(request: Request) -> tuple[Row, Stamp]:
    """Return the row and the cut of an object."""
    path = request.summary / f"{request.image}_tab.fits"
    name = (
        request.source if "_" in request.source else f"00_{int(request.source):04d}" if request.source.isdigit() else ""
    )
    if not name:
        raise InputNotFound(f"{request.source!r} is not an object", hint="give EE_NNNN or its NUMBER")
    for row in read_rows(path):
        if name_of(row) == name:
            source, lost = request.stamps.find(request.image), list[str]()
            for stamp in source.open(room=0).read([name], lost):
                return row, stamp
            raise SchemaMismatch(f"no pixels of {name}: {lost[0]}", path=source.inputs[0], hint="run make_cuts again")
    raise InputNotFound(f"no object {name} in this table", path=path, hint="give EE_NNNN or its NUMBER")


def _psf_picture(psf: PSFModel, stamp: Stamp) -> np.ndarray:
    """PSF at the place of an object, in image pixels."""
    place = None if stamp.x is None or stamp.y is None else (stamp.x, stamp.y)
    cells = psf.table(place)
    return normalised(resampled(cells, psf.sampling, centre_of(cells)))


def _magnitude(row: Row) -> float:
    """Magnitude of a row; NaN where the table has none."""
    return float(getattr(row["MAG"], "value", row["MAG"])) if "MAG" in row.colnames else float("nan")
