"""One call from objects to a table: what the commands do with an image, for who has stamps in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from shared_io.errors import SchemaMismatch

from .blends import deblended
from .compare import STATISTICS, fit_stamps
from .device import open_device
from .grid import CLASSIC, GridAxes, ModelGrid
from .noise import NoiseCorrelation
from .profiles import Fitter, ProfileFit, fit_profiles
from .psf import PSFModel
from .results import profile_table
from .search import SEARCH, SearchGrid
from .stamp import Stamp
from .summary import summary_table

if TYPE_CHECKING:
    from astropy.table import QTable, Table
    from astropy.wcs import WCS

    from .device import Accelerator

SAMPLE = 64
"""Stamps that the correlation of the noise is measured on."""


def fit(
    objects: Stamp | Iterable[Stamp | SchemaMismatch],
    psf: PSFModel | NDArray,
    *,
    grid: ModelGrid | GridAxes | None = None,
    statistic: str = "chi2",
    gain: float = math.inf,
    zero_point: float = math.nan,
    wcs: WCS | None = None,
    catalogue: Table | None = None,
    workers: int = 1,
    device: str = "cpu",
) -> QTable:
    """Fit Sersic profiles to the objects of one image.

    Parameters
    ----------
    objects : Stamp or iterable of Stamp
        Squares of one size, each with a NUMBER of its own; from `dre.read_cuts`, `dre.cut` or the user's own arrays.
        An error among them, as `dre.read_cuts` yields for a damaged cut, is raised.
    psf : PSFModel or ndarray of float, shape (side, side)
        PSF of the image; an array is the PSF in image pixels, which holds the response of the pixel.
    grid : ModelGrid or GridAxes, optional
        Models that starts are sought among (``chi2``), or that are compared (``dre``); a grid with one Sersic index
        holds it. Default: `dre.SEARCH`, and `dre.CLASSIC`.
    statistic : {'chi2', 'dre'}
        Chi-square with flux and sky free and the shape at any value, with errors; or the predecessor's.
    gain : float
        Electrons in one unit of the image (``chi2``); inf: the noise does not grow with the light.
    zero_point : float
        Magnitude of one unit of flux, mag (``chi2``).
    wcs : WCS, optional
        World coordinates of the image: adds ALPHA_FIT and DELTA_FIT (``chi2``).
    catalogue : Table, optional
        Rows of the same objects, joined by NUMBER.
    workers : int
        Threads.
    device : {'cpu', 'cuda', 'auto'}
        Where all models are compared with an object.

    Returns
    -------
    QTable
        A row an object, with units: see `dre.profile_table` and `dre.summary_table`.

    Raises
    ------
    ValueError
        Unknown statistic or device, a gain that is not positive, or two objects of one NUMBER.
    SchemaMismatch
        A damaged cut.
    ExternalFailed
        The device is not there.

    Examples
    --------
    >>> from dre import fit, read_cuts, read_psf
    >>> fit(read_cuts("Cuts/tile_cuts.h5"), read_psf("PSF/tile.psf"), gain=1.5)  # doctest: +SKIP
    """
    from astropy.table import QTable

    if statistic not in {"chi2", *STATISTICS}:
        raise ValueError(f"statistic {statistic!r}: must be one of chi2, {', '.join(STATISTICS)}")
    stamps = [objects] if isinstance(objects, Stamp) else [_sound(one) for one in objects]
    keys = [(one.ext_number, one.number) for one in stamps]
    if len(set(keys)) < len(keys):
        raise ValueError("two objects have the same ext_number and number: give each stamp a number of its own")
    model = psf if isinstance(psf, PSFModel) else PSFModel(np.asarray(psf)[None], clip=False)
    accelerator = open_device(device, workers)
    if statistic == "chi2":
        axes = SEARCH if grid is None else grid if isinstance(grid, GridAxes) else grid.axes
        fits = _profiles(stamps, model, axes, gain, workers, accelerator)
        extensions = {one.ext_number for one in stamps}
        systems = dict.fromkeys(extensions, wcs) if wcs is not None else None
        return profile_table(fits, catalogue, zero_points=dict.fromkeys(extensions, zero_point), systems=systems)
    models = grid if isinstance(grid, ModelGrid) else ModelGrid.generate(grid or CLASSIC)
    convolved = models.convolve(model.pixels())
    found = fit_stamps(stamps, convolved, statistic=statistic, workers=workers, accelerator=accelerator)
    return QTable(summary_table(found, models.axes, catalogue))


def _sound(one: Stamp | SchemaMismatch) -> Stamp:
    if isinstance(one, SchemaMismatch):
        raise one
    return one


def _profiles(
    stamps: Sequence[Stamp], psf: PSFModel, axes: GridAxes, gain: float, workers: int, accelerator: Accelerator | None
) -> list[ProfileFit]:
    """Fit each object with its neighbours' pixels left out, and again with their light taken away."""
    if not stamps:
        return []
    search = SearchGrid.build(replace(axes, box=stamps[0].obj.shape[0]), psf)
    fitter = Fitter(search, psf, gain, NoiseCorrelation.measured(stamps[:SAMPLE]))
    by_name = {one.name: one for one in stamps}
    fits: list[ProfileFit] = []
    for _, own in groupby(sorted(stamps, key=lambda one: one.ext_number), key=lambda one: one.ext_number):
        first = list(fit_profiles(own, fitter, workers=workers, accelerator=accelerator))
        fits += deblended(first, lambda names: [by_name[name] for name in names], fitter, workers=workers)
    return fits
