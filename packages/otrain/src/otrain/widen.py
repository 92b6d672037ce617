"""More of a set of injected cut-outs: what it lacks to stand for real ones.

Cut-outs with injected sources and residuals of stars know neither bright sources nor what cameras invent. Here their
pixels become the sky of others: moved until the middle is free, turned, flipped, and filled with a source or with
something that is none. No label is needed, as what is put there is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.cutouts import Cube
from otrain.inject import Recipe
from otrain.kernels import artifacts, pixels
from otrain.kernels.injection import background

__all__ = ["BOGUS", "REAL", "widened"]

Array = npt.NDArray[Any]

REAL = {"own": 0.25, "residual": 0.15, "sky": 0.6}
"""Real ones: those of the set, sources on its residuals, sources on free sky; with their parts."""

BOGUS = {"own": 0.28, "noise": 0.1, "amplified": 0.08, "spot": 0.16, "track": 0.1, "band": 0.08, "dipole": 0.1,
         "saturated": 0.05, "diffuse": 0.05}  # fmt: skip
"""Bogus ones: those of the set, peaks of its noise, its residuals made stronger, and `artifacts.ARTIFACTS`."""

_MASKED = 0.06  # of the cut-outs miss rows or columns
_ON_RESIDUAL = 4  # times the least S/N, for a source on a residual


def widened(cube: Cube, recipe: Recipe, rng: np.random.Generator) -> Cube:
    """Return a larger set made of the pixels of an injected one.

    Parameters
    ----------
    cube : Cube
        Square cut-outs: 1 injected sources, 0 residuals, both at the centre. Sources are added to the planes
        ``science`` and ``difference`` (to all where there are none of these names).
    recipe : Recipe
        ``real`` and ``bogus`` cut-outs for each of the set; the range ``snr``; ``fwhm`` where the set does not tell.
    rng : numpy.random.Generator

    Returns
    -------
    Cube
        Columns ``candid`` (kind and number), ``object`` (the cut-out whose pixels they are), ``fwhm``.

    Raises
    ------
    SchemaMismatch
        If a class is missing, the cut-outs are not square, or a FWHM is not known.
    """
    set_of = _Set(cube, recipe, rng)
    rows = [(1, *set_of.real()) for _ in range(recipe.real * len(cube))]
    rows += [(0, *set_of.bogus()) for _ in range(recipe.bogus * len(cube))]
    labels, kinds, hosts, stamps = zip(*rows, strict=True)
    columns = {
        "candid": np.array([f"{kind}{number}" for number, kind in enumerate(kinds)]),
        "object": set_of.objects[list(hosts)], "fwhm": set_of.fwhm[list(hosts)],
    }  # fmt: skip
    return Cube(np.stack(stamps).astype(np.float32), np.array(labels, np.int64), columns, cube.planes)


class _Set:
    """The given cut-outs, and the random numbers that make others of them."""

    def __init__(self, cube: Cube, recipe: Recipe, rng: np.random.Generator) -> None:
        n, ny, nx, planes = cube.pixels.shape
        if ny != nx or len(set(cube.labels.tolist())) < 2:
            raise SchemaMismatch("square cut-outs of both classes are needed: injected sources and residuals")
        fwhm = np.where(np.isfinite(cube.column("fwhm")), cube.column("fwhm"), recipe.fwhm).astype(float)
        if not np.isfinite(fwhm).all():
            raise SchemaMismatch("the set does not tell the FWHM of its PSF", hint="give --fwhm")
        objects = cube.column("object")
        self.objects = np.where(objects == "", np.arange(n).astype(str), objects)
        self.fwhm, self._snr, self._rng, self._side = fwhm, recipe.snr, rng, ny
        self._pixels = cube.pixels
        self._rows = {label: np.flatnonzero(cube.labels == label) for label in (0, 1)}
        named = [k for k, name in enumerate(cube.planes) if name in ("science", "difference")]
        self._into = named or list(range(planes))

    def real(self) -> tuple[str, int, Array]:
        """Return the kind, the host and the pixels of a real one."""
        kind = self._drawn(REAL)
        host, stamp = self._sky() if kind == "sky" else self._turned(self._rows[int(kind == "own")])
        if kind != "own":
            low, high = self._snr
            low = min(_ON_RESIDUAL * low, high) if kind == "residual" else low
            snr = float(np.exp(self._rng.uniform(np.log(low), np.log(high))))
            self._add(stamp, artifacts.source(self._side, self.fwhm[host], snr, self._rng))
        return kind, host, self._masked(stamp)

    def bogus(self) -> tuple[str, int, Array]:
        """Return the kind, the host and the pixels of a bogus one."""
        kind = self._drawn(BOGUS)
        host, stamp = self._turned(self._rows[0]) if kind == "own" else self._sky()
        if kind == "noise":
            stamp = self._on_peak(stamp)
        elif kind == "amplified":
            self._add(stamp, self._amplified())
        elif kind != "own":
            self._add(stamp, artifacts.ARTIFACTS[kind](self._side, self.fwhm[host], self._rng))
        return kind, host, self._masked(stamp)

    def _drawn(self, parts: dict[str, float]) -> str:
        names = list(parts)
        return names[int(self._rng.choice(len(names), p=list(parts.values())))]

    def _turned(self, rows: Array) -> tuple[int, Array]:
        host = int(self._rng.choice(rows))
        view = pixels.view(self._pixels[host : host + 1], int(self._rng.integers(pixels.VIEWS)))
        return host, np.array(view[0], float)

    def _sky(self) -> tuple[int, Array]:
        """A cut-out, moved around its edges so far that what was in the middle is well beside it."""
        host, stamp = self._turned(np.arange(len(self._pixels)))
        half, step = self._side // 2, np.zeros(2, int)
        while np.abs(step).max() < 0.6 * half:
            step = self._rng.integers(-half, half + 1, 2)
        return host, np.roll(stamp, tuple(step), (0, 1))

    def _add(self, stamp: Array, picture: Array) -> None:
        """Put a picture, in units of the noise of the last plane, into a cut-out."""
        _, noise = background(stamp[..., self._into[-1]])
        stamp[..., self._into] += picture[..., None] * noise

    def _on_peak(self, stamp: Array) -> Array:
        """Move a high pixel of the noise to the middle."""
        fifth, middle = self._side // 5, self._side // 2
        inner = stamp[fifth:-fifth, fifth:-fifth, self._into[-1]]
        order = np.argsort(np.where(np.isfinite(inner), inner, -np.inf).ravel())
        y, x = np.unravel_index(order[-int(self._rng.integers(1, 8))], inner.shape)
        return np.roll(stamp, (middle - fifth - int(y), middle - fifth - int(x)), (0, 1))

    def _amplified(self) -> Array:
        """The residual in the middle of a given cut-out, made stronger; in units of its noise."""
        _, stamp = self._turned(self._rows[0])
        middle, noise = background(stamp[..., self._into[-1]])
        y, x = np.mgrid[: self._side, : self._side] - self._side // 2
        residual = np.nan_to_num((stamp[..., self._into[-1]] - middle) / noise) * np.exp(-(y**2 + x**2) / 18)
        return residual * float(np.exp(self._rng.uniform(0, np.log(25)))) * float(self._rng.choice([1, 1, -1]))

    def _masked(self, stamp: Array) -> Array:
        if self._rng.random() >= _MASKED:
            return stamp
        width = int(self._rng.integers(self._side // 8, self._side // 2 - 2))
        gone = slice(0, width) if self._rng.random() < 0.5 else slice(self._side - width, None)
        stamp[gone] = np.nan
        return stamp if self._rng.random() < 0.5 else stamp.transpose(1, 0, 2)
