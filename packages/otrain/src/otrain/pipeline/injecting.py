"""Images or cut-outs without labels -> a labelled cube."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from shared_io import fits
from shared_io.batch import Report
from shared_io.errors import SchemaMismatch

from otrain.cutouts import PLANES, Cube
from otrain.files import datacube, sources
from otrain.inject import Field, Recipe, injected
from otrain.pipeline.running import Running, once, provenance
from otrain.widen import widened

__all__ = ["Request", "inject"]


@dataclass(frozen=True)
class Request:
    """Where the fields come from, and what is put into them; see the options of ``otrain inject``."""

    output: Path
    name: str
    recipe: Recipe
    cutouts: Path | None = None
    images: tuple[Path, ...] = ()
    psf: Path | None = None
    planes: tuple[str, ...] = tuple(PLANES)
    seed: int = 0
    base: Path | None = None


def inject(request: Request, running: Running | None = None) -> Report:
    """Write PATH/datacube/NAME.npz with injected sources and subtraction residuals.

    Parameters
    ----------
    request : Request
        Of cut-outs the sources at their centres stay where they are: new ones are put elsewhere.
    running : Running, optional
    """
    target = request.output / "datacube" / f"{request.name}.npz"
    if (request.cutouts is not None) + bool(request.images) + (request.base is not None) != 1:
        raise SchemaMismatch("give one of --cutouts, --widen, or --science and --template")
    files: Sequence[Path] = sources.find(request.cutouts) if request.cutouts is not None else []
    config = {**asdict(request.recipe), "seed": request.seed, "planes": list(request.planes)}
    config = {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in config.items()}
    inputs = [*request.images, *([request.psf] if request.psf else []), *([request.base] if request.base else [])]
    made = provenance("inject", config, inputs, signatures={"cutouts": sources.signature(files)} if files else None)

    def work() -> str:
        cube = _made(request, files)
        datacube.write_cube(target, cube, overwrite=True)
        real = int(cube.labels.sum())
        return f"{real} injected sources, {len(cube) - real} bogus ones, {cube.pixels.shape[1]} pixels"

    return once(target.name, made, [target], work, running or Running(), folder=target.parent, what="cubes")


def _made(request: Request, files: Sequence[Path]) -> Cube:
    rng = np.random.default_rng(request.seed)
    if request.base is not None:
        return widened(datacube.read_cube(request.base), request.recipe, rng)
    fields = _of_cutouts(files, request.planes) if files else iter([_of_images(request.images)])
    return injected(fields, request.recipe, rng, _psf(request.psf))


def _psf(path: Path | None) -> np.ndarray | None:
    if path is None:
        return None
    picture = np.nan_to_num(np.asarray(fits.read_image(path).data, float))
    if picture.ndim != 2 or not (picture.sum() > 0) or not all(n % 2 for n in picture.shape):
        raise SchemaMismatch("a PSF is a picture with odd sides and a positive sum", path=path)
    return picture / picture.sum()


def _of_cutouts(files: Sequence[Path], planes: tuple[str, ...]) -> Iterator[Field]:
    for part in sources.read(files, planes=planes):
        for stamp, name, fwhm in zip(part.pixels, part.names, part.columns["fwhm"], strict=True):
            if np.isfinite(stamp).mean() > 0.9:
                yield Field(stamp[..., 0], stamp[..., 1], stamp[..., 2], Path(name).stem, float(fwhm))


def _of_images(paths: tuple[Path, ...]) -> Field:
    planes = [np.asarray(fits.read_image(path).data, float) for path in paths]
    if len({plane.shape for plane in planes}) != 1 or planes[0].ndim != 2:
        raise SchemaMismatch("the images have different shapes", hint="register them on one grid first")
    difference = planes[2] if len(planes) == 3 else planes[0] - planes[1]
    return Field(planes[0], planes[1], difference, paths[0].stem)
