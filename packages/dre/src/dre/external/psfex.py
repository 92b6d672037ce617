"""PSFEx on one catalogue (Bertin 2011, ASP Conf. Ser. 442, 435)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shared_io.errors import ExternalFailed

from dre.config import Settings
from dre.external.programs import Program
from dre.extract.vignettes import BLANK
from dre.files.catalogue import read_extensions, read_heads, write_ldac

CORE = 2.0
"""Half-light radii of a star within which it must have no blank pixel."""


def run(program: Program, catalogue: Path, folder: Path, settings: Settings, config: Path | None) -> Path:
    """Run PSFEx on a catalogue in an empty folder, without the stars that have blank pixels in their core.

    PSFEx would take these as they are: two of fifty beside a column of NaN took a quarter off the middle of the PSF.

    Parameters
    ----------
    program : Program
        The installed PSFEx.
    catalogue : pathlib.Path
        FITS_LDAC catalogue with VIGNET.
    folder : pathlib.Path
        Empty folder for the product.
    settings : Settings
        The settings of `config`, defaults filled in.
    config : pathlib.Path or None
        The user's configuration file; None: `settings` are written out.

    Returns
    -------
    pathlib.Path
        The .psf file.

    Raises
    ------
    ExternalFailed
        If PSFEx fails or writes nothing.
    """
    if config is None:
        config = folder / "settings.psfex"
        config.write_text("".join(f"{key} {value}\n" for key, value in settings.values.items()))
    stars, product = folder / "stars.fits", folder / "stars.psf"
    if not _write_sound(catalogue, stars):
        stars.symlink_to(catalogue.absolute())
    arguments = [str(stars), "-c", str(config.absolute()), "-PSF_DIR", str(folder), "-PSF_SUFFIX", ".psf"]
    arguments += ["-WRITE_XML", "N", "-CHECKPLOT_TYPE", "NONE", "-CHECKIMAGE_TYPE", "NONE", "-OUTCAT_TYPE", "NONE"]
    program.run(arguments, folder=folder, subject=catalogue)
    if not product.is_file():
        raise ExternalFailed("PSFEx wrote no PSF", path=catalogue, hint="does the catalogue hold bright round stars?")
    return product


def _write_sound(catalogue: Path, copy: Path) -> bool:
    """Write the catalogue without sources that have blank pixels in their core; not where all are sound."""
    tables, heads = read_extensions(catalogue), read_heads(catalogue)
    if len(heads) != len(tables) or not all({"VIGNET", "FLUX_RADIUS"} <= set(one.colnames) for one in tables):
        return False
    sound = [~_holed(np.asarray(one["VIGNET"]), np.asarray(one["FLUX_RADIUS"], float)) for one in tables]
    if all(kept.all() for kept in sound):
        return False
    write_ldac(copy, [one[kept] for one, kept in zip(tables, sound, strict=True)], heads)
    return True


def _holed(vignettes: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Which sources have a blank pixel within `CORE` half-light radii, and no less than 2 pixels."""
    _, ny, nx = vignettes.shape
    y, x = np.ogrid[:ny, :nx]
    distance = np.hypot(y - ny // 2, x - nx // 2)
    blank = ~(vignettes > 0.1 * BLANK)
    return (blank & (distance <= np.maximum(CORE * radius, 2.0)[:, None, None])).any((1, 2))
