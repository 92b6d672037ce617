"""The folder sex_source/: configuration of SExtractor and PSFEx, in our own words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import atomic
from shared_io.errors import CorruptInput, InputNotFound, OutputExists

from dre.config import COLUMNS, DETECTION, PSF_MODEL, Settings, parse, render

if TYPE_CHECKING:
    import numpy as np

README = """\
default.sex    SExtractor settings   (sex_dre -c sex_source/default.sex)
default.param  catalogue columns, named by PARAMETERS_NAME in default.sex
default.psfex  PSFEx settings        (psfex_dre -c sex_source/default.psfex)

The detection filter (default.conv) and the star/galaxy network (default.nnw) belong to SExtractor: sex_dre reads them
from the installed program.  A file of that name put here is used instead.
"""


def write_sources(folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write default.sex, default.param, default.psfex and README into `folder`; return those that were not there.

    Raises
    ------
    OutputExists
        If one is there with other content and `overwrite` is false; nothing is written then.
    """
    texts = {
        "default.sex": render(DETECTION, "SExtractor settings for dre; the embedded extractor obeys them too"),
        "default.param": "\n".join(COLUMNS) + "\n",
        "default.psfex": render(PSF_MODEL, "PSFEx settings for dre; the embedded PSF builder obeys them too"),
        "README": README,
    }
    changed = {name: text for name, text in texts.items() if not _holds(folder / name, text)}
    for name in changed:
        if (folder / name).exists() and not overwrite:
            raise OutputExists("already there, with other content", path=folder / name, hint="--overwrite replaces it")
    for name, text in changed.items():
        atomic.write_text(folder / name, text, overwrite=overwrite)
    return [folder / name for name in changed]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def read_settings(path: Path | None, kind: str) -> tuple[Settings, Path | None]:
    """Read a configuration file over our defaults.

    Parameters
    ----------
    path : pathlib.Path or None
        The file named by the user; None: default.sex or default.psfex here or in sex_source/, else the defaults.
    kind : {'sex', 'psfex'}
        Which program's.

    Returns
    -------
    Settings, pathlib.Path or None
        The settings, and the file they came from.
    """
    defaults = DETECTION if kind == "sex" else PSF_MODEL
    if path is None:
        places = (Path(f"default.{kind}"), Path("sex_source") / f"default.{kind}")
        path = next((place for place in places if place.is_file()), None)
    elif not path.is_file():
        raise InputNotFound("no such configuration file", path=path, hint="make one with: dre init")
    text = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
    return parse(text, defaults), path


def read_kernel(settings: Settings, near: Path | None) -> np.ndarray | None:
    """Read the detection filter that FILTER_NAME names (a .conv file), or return None if it is not here.

    Raises
    ------
    CorruptInput
        If the file is not a table of numbers.
    """
    import numpy as np

    path = find_auxiliary(settings.text("FILTER_NAME"), near, [])
    if path is None:
        return None
    lines = [line for line in path.read_text(errors="replace").splitlines() if not line.startswith(("#", "CONV"))]
    try:
        kernel = np.array([[float(word) for word in line.split()] for line in lines if line.strip()])
    except ValueError as error:
        raise CorruptInput(f"not a detection filter: {error}", path=path, hint="correct FILTER_NAME") from error
    if kernel.ndim != 2 or kernel.sum() == 0:
        raise CorruptInput("not a detection filter", path=path, hint="correct FILTER_NAME")
    return kernel / kernel.sum()


def find_auxiliary(name: str, near: Path | None, folders: list[Path]) -> Path | None:
    """Find a file named in a configuration: as written, beside the configuration, or in the program's own folders."""
    places = [Path(name)]
    if near is not None:
        places += [near.parent / name, near.parent / Path(name).name]
    places += [folder / Path(name).name for folder in folders]
    return next((place.absolute() for place in places if place.is_file()), None)
