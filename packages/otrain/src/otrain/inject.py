"""Training sets without labels: point sources put into one's own images, and what subtraction leaves of stars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.cutouts import PLANES, Cube
from otrain.kernels import artifacts
from otrain.kernels import injection as kernels

__all__ = ["Field", "Recipe", "injected"]

Array = npt.NDArray[Any]

BOGUS_KINDS = {"residual": 0.4, "ray": 0.1, "hot": 0.06, "noise": 0.12, "spot": 0.06, "track": 0.06, "band": 0.05,
               "dipole": 0.06, "saturated": 0.04, "diffuse": 0.05}  # fmt: skip
"""What bogus cut-outs hold, with their parts: the residual of a star, a cosmic ray, a hot pixel, a peak of the noise,
and `otrain.kernels.artifacts.ARTIFACTS`."""


@dataclass(frozen=True)
class Field:
    """Matched images of one piece of sky: whole frames or cut-outs.

    Attributes
    ----------
    science, template, difference : ndarray, shape (ny, nx)
    name : str
        Cut-outs from it belong together.
    fwhm : float
        Of the PSF [pixel]; NaN if not known.
    """

    science: Array
    template: Array
    difference: Array
    name: str
    fwhm: float = float("nan")


@dataclass(frozen=True)
class Recipe:
    """What is injected.

    Attributes
    ----------
    side : int
        Of the cut-outs [pixel].
    snr : tuple of float
        Range of the signal-to-noise ratio, drawn evenly in its logarithm.
    gain : float
        Electrons for each count, for the source's own noise.
    nuclear : float
        Part of the sources that are put on a star or galaxy of the template, where there is one.
    real, bogus : int
        Cut-outs of each class for each field.
    fwhm : float
        Of the PSF where a field does not tell [pixel]; NaN: from the stars.
    """

    side: int = 31
    snr: tuple[float, float] = (5.5, 1500.0)
    gain: float = 1.0
    nuclear: float = 0.3
    real: int = 1
    bogus: int = 1
    fwhm: float = float("nan")


def injected(fields: Sequence[Field] | Iterator[Field], recipe: Recipe, rng: np.random.Generator,
             psf: Array | None = None) -> Cube:  # fmt: skip
    """Return a labelled cube of science, template and difference.

    Parameters
    ----------
    fields : iterable of Field
    recipe : Recipe
    rng : numpy.random.Generator
    psf : ndarray, shape (m, m), optional
        Of unit sum, m odd. By default the stars of each field, else a Moffat profile of its FWHM.

    Returns
    -------
    Cube
        Label 1: a PSF of known flux at the centre, with noise; 0: see `BOGUS_KINDS`. Columns ``candid`` (field, kind
        and number), ``object`` (the field), ``fwhm`` and ``magerr`` (1.0857 / S/N, for the injected ones).

    Raises
    ------
    SchemaMismatch
        If no field is large enough.
    """
    stamps: list[Array] = []
    rows: list[tuple[int, str, str, float, float]] = []
    for one in fields:
        if min(one.science.shape) < recipe.side + 2:
            continue
        shape = psf if psf is not None else _profile(one, recipe)
        for number in range(recipe.real):
            made, snr = _real(one, shape, recipe, rng)
            stamps.append(made)
            rows.append((1, f"{one.name}:source{number}", one.name, one.fwhm, 1.0857 / snr))
        for number in range(recipe.bogus):
            kind = str(rng.choice(list(BOGUS_KINDS), p=list(BOGUS_KINDS.values())))
            stamps.append(_bogus(one, kind, shape, recipe, rng))
            rows.append((0, f"{one.name}:{kind}{number}", one.name, one.fwhm, np.nan))
    if not stamps:
        raise SchemaMismatch(f"no image is larger than {recipe.side + 2} pixels", hint="give a smaller --size")
    labels, names, objects, fwhm, error = zip(*rows, strict=True)
    columns = {
        "candid": np.array(names), "object": np.array(objects), "fwhm": np.array(fwhm, float),
        "magerr": np.array(error, float), "mag": np.full(len(rows), np.nan), "filter": np.full(len(rows), ""),
    }  # fmt: skip
    order = np.argsort(-np.array(labels), kind="stable")
    return Cube(np.stack(stamps).astype(np.float32), np.array(labels, np.int64), columns, tuple(PLANES)).rows(order)


def _profile(one: Field, recipe: Recipe) -> Array:
    side = recipe.side | 1
    fwhm = one.fwhm if np.isfinite(one.fwhm) and one.fwhm > 0 else recipe.fwhm
    if np.isfinite(fwhm):
        return kernels.moffat(side, fwhm)
    found = kernels.star_psf(one.science, side)
    if found is None:
        raise SchemaMismatch(f"{one.name}: fewer than three isolated stars to make a PSF from", hint="give --fwhm")
    return found


def _place(one: Field, recipe: Recipe, rng: np.random.Generator, *, on_source: bool) -> tuple[int, int]:
    """A position whose cut-out lies inside: on a source of the template, or anywhere but near the centre."""
    half = recipe.side // 2
    ny, nx = one.science.shape
    if on_source:
        found = kernels.peaks(one.template, 5, half + 1)
        if len(found):
            y, x = found[int(rng.integers(len(found)))].tolist()
            return y, x
    return int(rng.integers(half, ny - half)), int(rng.integers(half, nx - half))


def _cut(image: Array, y: int, x: int, side: int) -> Array:
    top, left = y - side // 2, x - side // 2
    return np.array(image[top : top + side, left : left + side], float)


def _triplet(one: Field, y: int, x: int, side: int) -> Array:
    return np.stack([_cut(plane, y, x, side) for plane in (one.science, one.template, one.difference)], axis=-1)


def _real(one: Field, psf: Array, recipe: Recipe, rng: np.random.Generator) -> tuple[Array, float]:
    """Put a source on a random position and cut it out; the peak lies within half a pixel of the centre."""
    nuclear = bool(rng.random() < recipe.nuclear)
    y, x = _place(one, recipe, rng, on_source=nuclear)
    stamp = _triplet(one, y, x, recipe.side)
    snr = float(np.exp(rng.uniform(*np.log(recipe.snr))))
    _, noise = kernels.background(stamp[..., 2])
    moved = np.maximum(kernels.shifted(psf, *rng.uniform(-0.5, 0.5, 2)), 0)
    moved /= moved.sum()
    flux = _flux(snr, noise, moved, recipe.gain)
    source = _fitted(moved * flux, recipe.side)
    source = source + rng.normal(size=source.shape) * np.sqrt(np.maximum(source, 0) / recipe.gain)
    stamp[..., 0] += source
    stamp[..., 2] += source
    return stamp, snr


def _flux(snr: float, noise: float, psf: Array, gain: float) -> float:
    """The flux of a source of this S/N in the optimal sum over its PSF, its own noise included.

    S/N^2 = F^2 / (F / g + n_eff noise^2) with n_eff = 1 / sum(psf^2) (King 1983, PASP 95, 163).
    """
    b, c = snr**2 / gain, snr**2 * noise**2 / np.square(psf).sum()
    return float((b + np.sqrt(b * b + 4 * c)) / 2)


def _fitted(picture: Array, side: int) -> Array:
    """A picture, cut or filled with zeros to side x side around its central pixel."""
    out = np.zeros((side, side))
    for_y, for_x = (_overlap(n, side) for n in picture.shape)
    out[for_y[0], for_x[0]] = picture[for_y[1], for_x[1]]
    return out


def _overlap(have: int, want: int) -> tuple[slice, slice]:
    shift = want // 2 - have // 2
    start, end = max(shift, 0), min(shift + have, want)
    return slice(start, end), slice(start - shift, end - shift)


def _bogus(one: Field, kind: str, psf: Array, recipe: Recipe, rng: np.random.Generator) -> Array:
    y, x = _place(one, recipe, rng, on_source=kind == "residual")
    if kind == "noise":
        found = kernels.peaks(one.difference, 2.5, recipe.side // 2 + 1)
        y, x = found[int(rng.integers(len(found)))].tolist() if len(found) else (y, x)
    stamp = _triplet(one, y, x, recipe.side)
    _, noise = kernels.background(stamp[..., 2])
    if kind in ("ray", "hot"):
        picture = kernels.cosmic_ray(recipe.side, rng) if kind == "ray" else _spike(recipe.side)
        height = noise * float(np.exp(rng.uniform(np.log(8), np.log(300))))
        stamp[..., 0] += picture * height
        stamp[..., 2] += picture * height
    elif kind in artifacts.ARTIFACTS:
        width = 2 * np.sqrt((psf > psf.max() / 2).sum() / np.pi)
        picture = artifacts.ARTIFACTS[kind](recipe.side | 1, float(width), rng)[: recipe.side, : recipe.side] * noise
        stamp[..., 0] += picture
        stamp[..., 2] += picture
    elif kind == "residual":
        stamp[..., 2] += _misaligned(stamp[..., 1], rng)
    return stamp


def _spike(side: int) -> Array:
    picture = np.zeros((side, side))
    picture[side // 2, side // 2] = 1.0
    return picture


def _misaligned(template: Array, rng: np.random.Generator) -> Array:
    """What is left where the images are aligned and scaled badly: part of a dipole and part of a copy of the star."""
    middle, _ = kernels.background(template)
    star = np.nan_to_num(template - middle, nan=0.0)
    dipole = kernels.shifted(star, *rng.uniform(-0.35, 0.35, 2)) - star
    return dipole + star * rng.normal(0, 0.03)
