"""A row of a Summary table of either statistic: what it says, in words, and the model that it means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .flags import FitFlag, explained
from .grid import GridAxes, ModelGrid
from .psf import PSFModel
from .render import Profile, Renderer
from .results import read_profile
from .stamp import Stamp

if TYPE_CHECKING:
    from astropy.table import Row, Table


@dataclass(frozen=True, slots=True)
class Described:
    """What a person is shown of a fit.

    Attributes
    ----------
    name : str
        ``EE_NNNN``.
    flag : FitFlag
    chi2 : float
        Reduced chi-square of the mask, or the predecessor's chi.
    radius : float
        Half-light radius, px; NaN: no fit.
    lines : tuple of str
        Two lines of text.
    values : dict of str to str
    """

    name: str
    flag: FitFlag
    chi2: float
    radius: float
    lines: tuple[str, str]
    values: dict[str, str]


def has_errors(table: Table | Row) -> bool:
    """Whether a table is of the default statistic; the predecessor's has no errors."""
    return "R_E" in table.colnames


def is_summary(table: Table) -> bool:
    """Whether a table is a Summary of either statistic."""
    return has_errors(table) or {"CHI", "LOGR", "FLUX_SCALE"} <= set(table.colnames)


def name_of(row: Row) -> str:
    """Name EE_NNNN of the object of a row."""
    return f"{row['EXT_NUMBER']:02d}_{row['NUMBER']:04d}"


def describe(row: Row) -> Described:
    """Say what a row says."""
    flag = FitFlag(int(row["FIT_FLAG"]))
    name, n, q = name_of(row), float(row["INDEX"]), float(row["AX_RATIO"])
    if not has_errors(row):
        r_e, chi = 10.0 ** float(row["LOGR"]), float(row["CHI"])
        lines = f"{name} r_e {r_e:.2f} n {n:.2f} q {q:.2f}", f"chi {chi:.2f} {explained(flag)}"
        values = {
            "r_e [px]": f"{r_e:.2f}", "log r, parabola": f"{float(row['LOGR_PARAB']):.3f}", "n": f"{n:.2f}",
            "q": f"{q:.2f}", "angle [deg]": f"{_plain(row, 'ANGLE'):.0f}", "chi": f"{chi:.2f}",
        }  # fmt: skip
        return Described(name, flag, chi, r_e, lines, values)
    r_e, error, chi2, sn = (_plain(row, column) for column in ("R_E", "R_E_ERR", "CHI2_MASK", "SN"))
    first = f"{name} r_e {r_e:.2f}+-{error:.2f} n {n:.2f} q {q:.2f}"
    values = {
        "r_e [px]": _with_error(row, "R_E", 2), "n": _with_error(row, "INDEX", 2),
        "q": _with_error(row, "AX_RATIO", 3), "angle [deg]": _with_error(row, "ANGLE", 1),
        "flux": _with_error(row, "FLUX", 0), "mag": _with_error(row, "MAG", 3), "S/N, chi2": f"{sn:.0f}, {chi2:.2f}",
    }  # fmt: skip
    return Described(name, flag, chi2, r_e, (first, f"S/N {sn:.0f} chi2 {chi2:.2f} {explained(flag)}"), values)


def gain_of(row: Row) -> float:
    """Electrons in one unit of the image that the fit took."""
    return _plain(row, "FIT_GAIN") if has_errors(row) else 1.0


def magnitude_of(row: Row) -> float:
    """Magnitude; NaN where none is known."""
    return _plain(row, "MAG") if has_errors(row) else math.nan


def profile_of(row: Row, stamp: Stamp) -> tuple[Profile | None, float]:
    """Return the profile of a row, its centre from the middle of its stamp, and its sky (see `read_profile`).

    In the predecessor's statistic the centre is the middle, there is no sky, and the flux is FLUX_SCALE times that of
    the models that ``dre models`` makes.
    """
    if has_errors(row):
        return read_profile(row, stamp)
    if not np.isfinite(row["LOGR"]):
        return None, 0.0
    n, q, angle, scale = (_plain(row, column) for column in ("INDEX", "AX_RATIO", "ANGLE", "FLUX_SCALE"))
    return Profile(10.0 ** float(row["LOGR"]), q, angle, n, scale * GridAxes().flux), 0.0


def picture_of(row: Row, stamp: Stamp, psf: PSFModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the model of a row as its statistic sees it; returns it with its sky (NaN: no fit), and the noise.

    Parameters
    ----------
    row : Row
    stamp : Stamp
        What was fitted.
    psf : PSFModel
        Of its extension.
    """
    profile, sky = profile_of(row, stamp)
    noise = stamp.rms.astype(float)
    if profile is None:
        return np.full(stamp.obj.shape, np.nan), noise
    box = stamp.obj.shape[0]
    if has_errors(row):
        place = None if stamp.x is None or stamp.y is None else (stamp.x, stamp.y)
        light = Renderer.through(psf, box, place).image(profile)
    else:
        axes = GridAxes((math.log10(profile.r_e),), (profile.angle,), (profile.q,), (profile.n,), box, profile.flux)
        light = ModelGrid.generate(axes).convolve(psf.pixels()).image((0, 0, 0, 0)).astype(float)
    return light + sky, np.sqrt(noise**2 + np.maximum(light, 0) / gain_of(row))


def _plain(row: Row, name: str) -> float:
    return float(getattr(row[name], "value", row[name]))


def _with_error(row: Row, name: str, digits: int) -> str:
    value, error = _plain(row, name), _plain(row, f"{name}_ERR")
    return f"{value:.{digits}f} ± {error:.{digits}f}" if math.isfinite(value) else "-"
