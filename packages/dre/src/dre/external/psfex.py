"""PSFEx on one catalogue (Bertin 2011, ASP Conf. Ser. 442, 435)."""

from __future__ import annotations

from pathlib import Path

from shared_io.errors import ExternalFailed

from dre.config import Settings
from dre.external.programs import Program


def run(program: Program, catalogue: Path, folder: Path, settings: Settings, config: Path | None) -> Path:
    """Run PSFEx on a copy of a catalogue in an empty folder.

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
    link = folder / "stars.fits"
    link.symlink_to(catalogue.absolute())
    product = folder / "stars.psf"
    arguments = [str(link), "-c", str(config.absolute()), "-PSF_DIR", str(folder), "-PSF_SUFFIX", ".psf"]
    arguments += ["-WRITE_XML", "N", "-CHECKPLOT_TYPE", "NONE", "-CHECKIMAGE_TYPE", "NONE", "-OUTCAT_TYPE", "NONE"]
    program.run(arguments, folder=folder, subject=catalogue)
    if not product.is_file():
        raise ExternalFailed("PSFEx wrote no PSF", path=catalogue, hint="does the catalogue hold bright round stars?")
    return product
