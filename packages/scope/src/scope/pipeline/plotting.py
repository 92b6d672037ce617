"""``plot-lightcurve``: the light curves of one star -> a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shared_io import atomic
from shared_io.errors import InputNotFound

from scope import figures
from scope.lightcurves.folder import Folder
from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.tables import read_light_curves
from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import MIN_POINTS, Series


@dataclass(frozen=True)
class Drawn:
    """What was drawn.

    Parameters
    ----------
    output : str
        The picture.
    points : int
        Points in it.
    period : float
        Period of the fold [d].
    periodic : bool or None
        Whether the period found is significant; None for a given one.
    fap : float or None
        Its false-alarm probability.
    """

    output: str
    points: int
    period: float
    periodic: bool | None
    fap: float | None


def plot(
    light_curves: Path, identifiers: Sequence[int], output: Path, *, period: float | None = None,
    max_freq: float = 48.0, overwrite: bool = False,
) -> Drawn:  # fmt: skip
    """Draw one star.

    Parameters
    ----------
    light_curves : pathlib.Path
        A folder of survey files, or one file.
    identifiers : sequence of int
        Sources that are this star; none: the first of the first file.
    output : pathlib.Path
        PNG to write.
    period : float, optional
        Period of the fold [d]; by default it is searched.
    max_freq : float
        Highest frequency [1/d].
    overwrite : bool
        Replace the picture that is there.

    Returns
    -------
    Drawn

    Raises
    ------
    InputNotFound
        When there is no such source, or no good points.
    OutputExists
        When the picture is there.
    """
    source = Folder(light_curves)
    curves = source.sources(identifiers) if identifiers else read_light_curves(source.files()[0])
    curves = clean(curves, Cuts(MIN_POINTS, 0.0))
    if not len(curves):
        raise InputNotFound(f"no light curve with {MIN_POINTS} good points", path=light_curves)
    star = list(curves if identifiers else curves.take(np.array([0])))
    series = Series.of([(c.hjd, c.mag, c.magerr) for c in star])
    options = Options(("ELS", "ECE", "EAOV", NESTED), max_freq=max_freq)
    found = find_periods(series, options)
    chosen = period or found.answers[NESTED].period
    with atomic.atomic_path(output, overwrite=overwrite) as temporary:
        figures.star_sheet(star, series, options, chosen, temporary)
    return Drawn(str(output), sum(map(len, star)), chosen, *((None, None) if period else (found.periodic, found.fap)))
