"""Galaxies drawn by GalSim, with noise, as stamps; the benchmarks of accuracy stand on them.

GalSim is a rival, never a dependency: it runs in its own throw-away environment (made with pip, or a PYTHON of one
that has it is named on the command line of a benchmark).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from functools import lru_cache
from pathlib import Path

import numpy as np

from dre import Fitter, PSFModel, SearchGrid, Stamp
from dre.config import DETECTION, parse
from dre.cutouts import clean_mask, neighbour_map
from dre.extract.detect import detect
from dre.grid import GridAxes
from dre.noise import NoiseCorrelation

BOX, RMS, GAIN = 128, 7.0, 1.0
FWHM, BETA = 3.0, 3.5

DRAW = f"""
import sys
import galsim, numpy as np
psf = galsim.Moffat(beta={BETA}, fwhm={FWHM})
accuracy = galsim.GSParams(maximum_fft_size=16384, folding_threshold=1e-3)
pictures = []
for n, r_e, q, angle, flux, x, y in np.load(sys.argv[1]):
    # GalSim's half-light radius is that of the circle before the area-preserving shear
    galaxy = galsim.Sersic(n, half_light_radius=r_e * q**0.5, flux=flux, gsparams=accuracy)
    galaxy = galaxy.shear(q=q, beta=angle * galsim.degrees).shift(x, y)
    pictures.append(galsim.Convolve([galaxy, psf], gsparams=accuracy).drawImage(nx={BOX}, ny={BOX}, scale=1.0).array)
effective = galsim.Convolve([psf, galsim.Pixel(1.0)]).drawImage(nx=43, ny=43, scale=1.0, method="no_pixel").array
np.savez(sys.argv[2], pictures=np.array(pictures, np.float64), psf=effective)
"""


@lru_cache(maxsize=1)
def python() -> str:
    """Interpreter that has GalSim: the first argument of the command, or a new environment."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    folder = tempfile.mkdtemp(prefix="dre-galsim-")
    venv.create(folder, with_pip=True)
    subprocess.run([f"{folder}/bin/pip", "install", "-q", "galsim==2.8.5"], check=True)
    return f"{folder}/bin/python"


def drawn(cases: np.ndarray) -> tuple[np.ndarray, PSFModel]:
    """Pictures (k, BOX, BOX) of n, r_e, q, angle, flux, x, y (k, 7), and the effective PSF."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "cases.npy", Path(folder) / "pictures.npz"
        np.save(here, cases)
        subprocess.run([python(), "-c", DRAW, here, there], check=True)
        found = np.load(there)
        return found["pictures"], PSFModel(found["psf"][None], clip=False)


def cases(count: int, flux: float, rng: np.random.Generator, index: float | None = None) -> np.ndarray:
    """Draw parameters: r_e 1.6-12.6 px, q 0.2-1, n 0.5-6 (log-uniform) unless given, any angle and centre."""
    n = np.full(count, index) if index else np.exp(rng.uniform(np.log(0.5), np.log(6), count))
    shape = 10 ** rng.uniform(0.2, 1.1, count), rng.uniform(0.2, 1, count), rng.uniform(0, 180, count)
    return np.column_stack([n, *shape, np.full(count, flux), *rng.uniform(-0.5, 0.5, (2, count))])


def noisy(picture: np.ndarray, rng: np.random.Generator, kernel: np.ndarray | None = None) -> np.ndarray:
    """Add photon noise (gain 1) and background noise; smoothed by a kernel, as drizzling does, where one is given."""
    noise = rng.normal(size=picture.shape) * np.sqrt(np.maximum(picture, 0) / GAIN + RMS**2)
    if kernel is not None:
        from scipy.ndimage import convolve

        noise = convolve(noise, kernel, mode="wrap") / np.sqrt((kernel**2).sum())
    return picture + noise


def stamp(image: np.ndarray, number: int = 1, threshold: float = 1.5) -> Stamp:
    """Make a stamp; its mask is that of the embedded detection at a threshold in units of the noise."""
    settings = parse(f"BACK_SIZE {BOX}\nDETECT_THRESH {threshold}\nANALYSIS_THRESH {threshold}", DETECTION)
    found = detect(image.astype(np.float32), settings)
    middle = BOX // 2
    core = found.segmentation[middle - 3 : middle + 3, middle - 3 : middle + 3]
    own = int(np.bincount(core[core > 0]).argmax()) if (core > 0).any() else -1
    rms = np.full(image.shape, RMS, np.float32)
    mask, others = clean_mask(found.segmentation, own), neighbour_map(found.segmentation, own)
    return Stamp(f"00_{number:04d}", image.astype(np.float32), mask, rms, 0, number, None, None, others)


def fitter(psf: PSFModel, axes: GridAxes, stamps: list[Stamp] | None = None) -> Fitter:
    """Make a fitter; the correlation of the noise is measured on the stamps that are given."""
    noise = NoiseCorrelation.measured(stamps) if stamps else NoiseCorrelation()
    return Fitter(SearchGrid.build(axes, psf), psf, GAIN, noise)


def differences(fits: list, truth: np.ndarray) -> np.ndarray:
    """Fit minus truth (k, 8) in the order of dre.posterior.PARAMETERS; angles within 90 degrees; NaN: no fit."""
    n, r_e, q, angle, flux, x, y = truth.T
    true = np.column_stack([np.log10(r_e), q, angle, np.log10(n), flux, 0 * n, x, y])
    values = np.array([one.estimate.values if one.ok else np.full(8, np.nan) for one in fits])
    result = values - true
    result[:, 2] = (result[:, 2] + 90) % 180 - 90
    return result


def mad(values: np.ndarray) -> float:
    """Standard deviation by the median absolute deviation."""
    return float(1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values))))


class Verdict:
    """Collects and prints rows: what, value, limit, pass or fail."""

    def __init__(self) -> None:
        self.failed = 0

    def row(self, what: str, value: float, low: float, high: float, form: str = ".4g") -> None:
        """Print one."""
        good = low <= value <= high
        self.failed += not good
        between = f"<= {high:g}" if low == -np.inf else f">= {low:g}" if high == np.inf else f"{low:g} to {high:g}"
        print(f"{what:62}{value:>12{form}}   {between:18}{'pass' if good else 'FAIL'}", flush=True)

    def end(self) -> None:
        """Say how many failed, and exit with 1 if any did."""
        print(f"\n{self.failed} failed" if self.failed else "\nall passed")
        sys.exit(bool(self.failed))
