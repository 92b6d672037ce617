"""Where each product of an image lies in a working folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared_io.errors import InputNotFound

CHECK_IMAGES = {"nb": "-BACKGROUND", "rms": "BACKGROUND_RMS", "seg": "SEGMENTATION"}
"""Suffix of each check image and SExtractor's name for it."""


@dataclass(frozen=True)
class Sextracted:
    """The catalogue and check images of one image: NAME_cat.fits, NAME_nb.fits, NAME_rms.fits, NAME_seg.fits."""

    name: str
    folder: Path

    def _product(self, suffix: str) -> Path:
        return self.folder / f"{self.name}_{suffix}.fits"

    @property
    def catalogue(self) -> Path:
        """SExtractor catalogue."""
        return self._product("cat")

    @property
    def subtracted(self) -> Path:
        """Image minus background [ADU]."""
        return self._product("nb")

    @property
    def rms(self) -> Path:
        """Background noise [ADU]."""
        return self._product("rms")

    @property
    def segmentation(self) -> Path:
        """Segmentation map."""
        return self._product("seg")

    @property
    def files(self) -> tuple[Path, ...]:
        """All four, catalogue first."""
        return (self.catalogue, self.subtracted, self.rms, self.segmentation)


def sextracted(folder: Path, name: str, *, subdir: bool = False) -> Sextracted:
    """Return where the products of image `name` are to be written."""
    return Sextracted(name, folder / name if subdir else folder)


def find_sextracted(folder: Path, name: str) -> Sextracted:
    """Find the products of image `name`, in `folder` itself or in a folder of the image's own.

    Raises
    ------
    InputNotFound
        If a product is in neither place.
    """
    for subdir in (False, True):
        found = sextracted(folder, name, subdir=subdir)
        if found.catalogue.exists():
            for path in found.files[1:]:
                if not path.exists():
                    raise InputNotFound("check image is missing", path=path, hint="run sex_dre again with --overwrite")
            return found
    raise InputNotFound(
        f"no catalogue {name}_cat.fits there nor in {name}/", path=folder, hint="run sex_dre on the image first"
    )


def find_catalogues(folder: Path) -> list[tuple[str, Path]]:
    """Return (image name, catalogue) of every catalogue in `folder` and its sub-folders, in the order of names.

    Raises
    ------
    InputNotFound
        If there is none.
    """
    if not folder.is_dir():
        raise InputNotFound("no such folder", path=folder, hint="run sex_dre first, or name the folder with -i")
    paths = {*folder.glob("*_cat.fits"), *folder.glob("*/*_cat.fits")}
    if not paths:
        raise InputNotFound("no *_cat.fits in this folder", path=folder, hint="run sex_dre first")
    return sorted((path.name.removesuffix("_cat.fits"), path) for path in paths)


def find_psf(source: Path, name: str) -> Path:
    """Return the PSF of image `name`: `source` itself if it is a file, else NAME.psf or NAME.fits in it.

    Raises
    ------
    InputNotFound
        If there is none.
    """
    if source.is_file():
        return source
    for suffix in (".psf", ".fits"):
        path = source / f"{name}{suffix}"
        if path.exists():
            return path
    raise InputNotFound(
        f"no PSF {name}.psf or {name}.fits there", path=source, hint="run psfex_dre, or name it with --psf"
    )
