"""SExtractor on one image (Bertin & Arnouts 1996, A&AS 117, 393)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_io.errors import InputNotFound

from dre.config import COLUMNS, Settings
from dre.external.programs import Program
from dre.files.layout import CHECK_IMAGES
from dre.files.sources import find_auxiliary

AUXILIARY = {
    "FILTER_NAME": "the detection filter",
    "STARNNW_NAME": "the star/galaxy network",
}


def run(
    program: Program,
    images: Sequence[Path],
    folder: Path,
    settings: Settings,
    config: Path | None,
    *,
    overrides: Mapping[str, str],
) -> dict[str, Path]:
    """Run SExtractor into an empty folder.

    Parameters
    ----------
    program : Program
        The installed SExtractor.
    images : sequence of pathlib.Path
        One image, or detection and measurement image; plain FITS.
    folder : pathlib.Path
        Empty folder for the products.
    settings : Settings
        The settings of `config`, defaults filled in.
    config : pathlib.Path or None
        The user's configuration file; None: `settings` are written out.
    overrides : mapping of str to str
        Further keys, such as GAIN or WEIGHT_IMAGE.

    Returns
    -------
    dict
        'cat', 'nb', 'rms', 'seg' -> path.

    Raises
    ------
    ExternalFailed
        If SExtractor fails.
    InputNotFound
        If a file that the configuration names is nowhere to be found.
    """
    products = {suffix: folder / f"{suffix}.fits" for suffix in ("cat", *CHECK_IMAGES)}
    keys = {
        "CATALOG_NAME": str(products["cat"]),
        "CATALOG_TYPE": "FITS_LDAC",
        "CHECKIMAGE_TYPE": ",".join(CHECK_IMAGES.values()),
        "CHECKIMAGE_NAME": ",".join(str(products[suffix]) for suffix in CHECK_IMAGES),
        "WRITE_XML": "N",
        "VERBOSE_TYPE": "QUIET",
        **{key: _one_word(path, folder) for key, path in _files_named(program, folder, settings, config).items()},
        **overrides,
    }
    if config is None:
        config = folder / "settings.sex"
        config.write_text("".join(f"{key} {value}\n" for key, value in settings.values.items()))
    arguments = [",".join(str(image) for image in images), "-c", _one_word(config, folder)]
    for key, value in keys.items():
        arguments += [f"-{key}", value]
    program.run(arguments, subject=images[-1])
    return products


def _one_word(path: Path, folder: Path) -> str:
    """Return an absolute path that SExtractor, which parts values at blanks and commas, takes for one: else a link."""
    if not any(letter.isspace() or letter in ",\"'" for letter in str(path.absolute())):
        return str(path.absolute())
    link = folder / f"link-{path.name.replace(' ', '-').replace(',', '-')}"
    link.symlink_to(path.absolute())
    return str(link)


def _files_named(program: Program, folder: Path, settings: Settings, config: Path | None) -> dict[str, Path]:
    """Return the parameter, filter and network files that the settings name."""
    found = {"PARAMETERS_NAME": _parameters(folder, settings, config)}
    for key, title in AUXILIARY.items():
        name = settings.text(key)
        if key == "FILTER_NAME" and not settings.flag("FILTER"):
            continue
        path = find_auxiliary(name, config, program.data_folders())
        if path is None:
            raise InputNotFound(
                f"{key} ({title}) is neither here nor among SExtractor's own files", path=Path(name),
                hint=f"correct {key} in {config or 'the settings'}",
            )  # fmt: skip
        found[key] = path
    return found


def _parameters(folder: Path, settings: Settings, config: Path | None) -> Path:
    name = settings.text("PARAMETERS_NAME")
    path = find_auxiliary(name, config, [])
    if path is not None:
        return path
    if config is not None:
        raise InputNotFound(
            "PARAMETERS_NAME is not there", path=Path(name), hint=f"correct it in {config}, or: dre init"
        )
    path = folder / "default.param"
    path.write_text("\n".join(COLUMNS) + "\n")
    return path
