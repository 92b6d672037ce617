"""Compare objects with every model of a grid by the predecessor's statistic (`dre.profiles`: the default one)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .flags import FitFlag
from .grid import ConvolvedGrid
from .kernels.chi2 import chi_scans
from .kernels.minimum import NOWHERE, Minimum, minimum
from .ordered import batches, in_order
from .stamp import Stamp

REASONS = {
    FitFlag.EMPTY_MASK: "the mask is empty",
    FitFlag.NO_DATA: "no pixel of the mask has a value and a noise",
    FitFlag.NOT_POSITIVE: "the data in the mask do not add up to a positive number",
    FitFlag.NO_MODEL: "no model has light in the mask and a positive variance in all its pixels",
}


@dataclass(frozen=True, eq=False, slots=True)
class Scan:
    """One object against every model: what a statistic (or a device) hands to the rest of the fit.

    Attributes
    ----------
    chi : ndarray, shape (models,)
        Goodness of fit; NaN where it has no meaning.
    scale : ndarray, shape (models,)
        Factor from the model to the data.
    """

    chi: NDArray[np.floating]
    scale: NDArray[np.floating]


Statistic = Callable[[Stamp, ConvolvedGrid], Scan]


def compatible(stamp: Stamp, grid: ConvolvedGrid) -> Scan:
    """Return the statistic ``dre``: see `dre.kernels.chi2`."""
    return _together([stamp], grid)[0]


def _together(stamps: Sequence[Stamp], grid: ConvolvedGrid) -> list[Scan]:
    objects = [(stamp.obj, stamp.mask, stamp.rms) for stamp in stamps]
    return [Scan(*found) for found in chi_scans(grid.blocks, grid.axes.count, objects)]


@dataclass(frozen=True, eq=False, slots=True)
class Compared:
    """What a comparison with every model comes to.

    Attributes
    ----------
    chi : ndarray of float32, shape (n, q, angle, r)
        Goodness of fit; NaN where it has no meaning.
    best : Minimum
        Parameters of the minimum.
    scale : float
        Factor from the best model to the data.
    """

    chi: NDArray[np.float32]
    best: Minimum
    scale: float


class Scanner(Protocol):
    """What compares many objects with all models at once."""

    def compared(self, stamps: Iterable[Stamp], grid: ConvolvedGrid) -> Iterator[tuple[Stamp, Compared | None]]:
        """Pair each stamp with its comparison; None: it has not the size of the models."""


STATISTICS: dict[str, Callable[[Sequence[Stamp], ConvolvedGrid], list[Scan]]] = {"dre": _together}

TOGETHER = 32
"""Objects that are compared with a part of the models while that is in the cache."""


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """Result of one object.

    Attributes
    ----------
    name, ext_number, number, x, y
        As in `Stamp`.
    chi : ndarray of float32, shape (n, q, angle, r)
        Goodness of fit of every model; NaN where it has no meaning.
    best : Minimum
        Parameters of the minimum.
    scale : float
        Factor from the best model to the data; times the grid's flux it is the total flux.
    flag : FitFlag
        What is known to be wrong; 0 is good.
    reason : str
        Why there is no result; empty where there is one.
    """

    name: str
    ext_number: int
    number: int
    x: float | None
    y: float | None
    chi: NDArray[np.float32]
    best: Minimum
    scale: float
    flag: FitFlag
    reason: str

    @property
    def ok(self) -> bool:
        """Whether there is a best model."""
        return not self.reason


def fit_stamps(
    stamps: Iterable[Stamp], grid: ConvolvedGrid, *, statistic: str = "dre", workers: int = 1,
    accelerator: Scanner | None = None,
) -> Iterator[Fit]:  # fmt: skip
    """Compare objects with every model of a grid.

    Parameters
    ----------
    stamps : iterable of Stamp
        Objects; drawn from as the results are taken, so that memory stays flat.
    grid : ConvolvedGrid
        Models seen through the PSF of the image.
    statistic : {"dre"}
        Goodness of fit, a name in `STATISTICS`.
    workers : int
        Threads; the results do not depend on it.
    accelerator : Scanner, optional
        Compares many objects at once (`dre.device.Accelerator`).

    Yields
    ------
    Fit
        In the order of the stamps. An object that cannot be fitted has a flag, a reason and NaN values.

    Raises
    ------
    ValueError
        An unknown statistic or no worker.
    """
    if statistic not in STATISTICS:
        raise ValueError(f"statistic {statistic!r}: must be one of {', '.join(STATISTICS)}")
    if accelerator is not None:
        pairs = accelerator.compared(stamps, grid)
        return (_judged(stamp, grid, found) if found else fit_one(stamp, grid) for stamp, found in pairs)
    measure = STATISTICS[statistic]

    def fit_some(some: list[Stamp]) -> list[Fit]:
        scans = iter(measure([stamp for stamp in some if not _misfit(stamp, grid)], grid))
        return [fit_one(stamp, grid, lambda *_: next(scans)) for stamp in some]

    return _one_by_one(in_order(fit_some, batches(stamps, TOGETHER), workers))


def _one_by_one(found: Iterable[list[Fit]]) -> Iterator[Fit]:
    for some in found:
        yield from some


def fit_one(stamp: Stamp, grid: ConvolvedGrid, statistic: Statistic = compatible) -> Fit:
    """Compare one object with every model of a grid; never raises for what is wrong with the object."""
    if misfit := _misfit(stamp, grid):
        return _failed(stamp, grid, FitFlag.SHAPE, misfit)
    scan = statistic(stamp, grid)
    with np.errstate(over="ignore"):
        chi = scan.chi.astype(np.float32).reshape(grid.axes.shape)
    best = minimum(chi, np.array(grid.axes.log_r))  # of the cube as it is stored: the same from a Chi file
    place = 0 if best is NOWHERE else np.ravel_multi_index(best.model_idx, grid.axes.shape)
    return _judged(stamp, grid, Compared(chi, best, float(scan.scale[place])))


def _judged(stamp: Stamp, grid: ConvolvedGrid, found: Compared) -> Fit:
    """Return the result of an object, with what is wrong with it."""
    best = found.best
    if best is NOWHERE:
        why = _diagnosis(stamp)
        return _failed(stamp, grid, why, REASONS[why])
    flag = FitFlag(0) if np.isfinite(found.chi).all() else FitFlag.BAD_MODELS
    if best.model_idx[-1] in (0, len(grid.axes.log_r) - 1):
        flag |= FitFlag.GRID_EDGE
    place = (stamp.name, stamp.ext_number, stamp.number, stamp.x, stamp.y)
    return Fit(*place, found.chi, best, found.scale, flag, "")


def _misfit(stamp: Stamp, grid: ConvolvedGrid) -> str:
    """Say which array of an object has not the size of the models; empty where all have."""
    box = (grid.axes.box, grid.axes.box)
    for what, array in (("image", stamp.obj), ("mask", stamp.mask), ("rms", stamp.rms)):
        if array.shape != box:
            return f"the {what} has shape {array.shape}, the models {box}"
    return ""


def _diagnosis(stamp: Stamp) -> FitFlag:
    """Say why no model could be compared with an object."""
    if not stamp.mask.any():
        return FitFlag.EMPTY_MASK
    data = stamp.obj[stamp.mask]
    if (np.isnan(data) | np.isnan(stamp.rms[stamp.mask])).all():
        return FitFlag.NO_DATA
    with np.errstate(invalid="ignore"):
        total = np.nansum(data, dtype=np.float64)
    return FitFlag.NO_MODEL if np.isfinite(total) and total > 0 else FitFlag.NOT_POSITIVE


def _failed(stamp: Stamp, grid: ConvolvedGrid, flag: FitFlag, reason: str) -> Fit:
    chi = np.full(grid.axes.shape, np.nan, np.float32)
    place = (stamp.name, stamp.ext_number, stamp.number, stamp.x, stamp.y)
    return Fit(*place, chi, NOWHERE, float("nan"), flag, reason)
