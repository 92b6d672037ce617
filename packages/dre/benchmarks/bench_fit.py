"""Models, convolution and chi scan beside plain NumPy and SciPy, one core.

    python bench_fit.py [REPEATS]

The rival of the scan is the compatible formula in NumPy as one writes it down: models picked out by the mask, then
whole-array arithmetic, once in double precision (as the predecessor held its cube) and once in single. Ours compares
sixteen objects at a time, as ``dre fit`` does (other noise, the mask shifted by up to 4 pixels); its time is that of
one of them. Medians of wall time; the time of compiling is apart.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

# numpy, scipy and numba are imported inside the functions, after this.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

MASKS = (148, 392, 1508, 5008, 16384)


def main(repeats: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache  # so that the time of compiling shows
        import numpy as np

        from dre import CLASSIC, ModelGrid

        compiling, grid = models()
        print(f"grid of {CLASSIC.count} models of {CLASSIC.box} x {CLASSIC.box} px; {repeats} repeats, medians")
        print(f"{'compile the Sersic kernel':42}{compiling:10.2f} s")
        print(f"{'integrate the models':42}{timed(lambda: ModelGrid.generate(), 3):10.2f} s")
        psf = moffat()
        print(f"{'convolve them with a PSF of 25 x 25 px':42}{timed(lambda: grid.convolve(psf), 3):10.2f} s")
        print(f"{'  scipy.signal.fftconvolve, one by one':42}{timed(lambda: one_by_one(grid, psf), 1):10.2f} s")
        convolved = grid.convolve(psf)
        scan(convolved, np.random.default_rng(1), repeats)


def models() -> tuple[float, object]:
    """Time of the first picture less that of the second, and the grid."""
    from dre import ModelGrid
    from dre.kernels.sersic import sersic_image

    started = time.perf_counter()
    sersic_image(8, 2.0, 0.5, 30.0, 4.0)
    return time.perf_counter() - started, ModelGrid.generate()


def moffat():
    import numpy as np

    y, x = np.mgrid[-12:13, -12:13]
    psf = (1 + (x**2 + y**2) / 2.45**2) ** -3.5
    return psf / psf.sum()


def one_by_one(grid, psf) -> None:
    from scipy.signal import fftconvolve

    for model in grid.models.reshape(-1, grid.axes.box, grid.axes.box):
        fftconvolve(model, psf, mode="same")


def scan(grid, rng, repeats: int) -> None:
    import numpy as np

    from dre import Stamp
    from dre.compare import TOGETHER, fit_stamps
    from dre.kernels.chi2 import chi_scan, chi_scans, unpack

    box, count = grid.axes.box, grid.axes.count
    double = np.stack([unpack(grid.blocks, k).reshape(box, box) for k in range(count)]).astype(np.float64)
    single = double.astype(np.float32)
    y, x = np.mgrid[:box, :box] - (box - 1) / 2
    radius = np.hypot(x, y)
    truth = grid.image((0, 5, 3, 9)).astype(float)
    data = rng.normal(truth, np.sqrt(truth + 49)).astype(np.float32)
    rms = np.full((box, box), 7, np.float32)
    started = time.perf_counter()
    chi_scan(grid.blocks, count, data, radius < 2, rms)
    print(f"{'compile the scan':42}{time.perf_counter() - started:10.2f} s\n")
    print(
        f"{'mask':>8}{'NumPy f8':>12}{'NumPy f4':>12}{'scan':>12}{'f8/scan':>10}{'f4/scan':>10}{'fit':>12}{'fits/s':>9}"
        f"{'max rel. diff':>15}{'same best':>11}"
    )
    for pixels in MASKS:
        mask = radius <= np.sort(radius.ravel())[pixels - 1]
        shifts = [tuple(rng.integers(-4, 5, 2)) for _ in range(TOGETHER)]
        objects = [
            (rng.normal(truth, np.sqrt(truth + 49)).astype(np.float32), np.roll(mask, shift, (0, 1)), rms)
            for shift in shifts
        ]
        stamps = [Stamp("00_0001", *one) for one in objects]
        many = repeats if pixels < 5000 else max(repeats // 4, 3)
        slow8 = timed(lambda m=mask: formula(double, data, m, rms), min(many, 5))
        slow4 = timed(lambda m=mask: formula(single, data, m, rms), min(many, 5))
        fast = timed(lambda o=objects: chi_scans(grid.blocks, count, o), many) / TOGETHER
        whole = timed(lambda s=stamps: list(fit_stamps(s, grid)), many) / TOGETHER
        ours, theirs = chi_scan(grid.blocks, count, data, mask, rms)[0], formula(double, data, mask, rms)
        worst = np.abs(ours / theirs - 1).max()
        same = ours.argmin() == theirs.argmin()
        print(
            f"{mask.sum():8d}{slow8 * 1e3:9.2f} ms{slow4 * 1e3:9.2f} ms{fast * 1e3:9.3f} ms{slow8 / fast:10.1f}"
            f"{slow4 / fast:10.1f}{whole * 1e3:9.3f} ms{1 / whole:9.0f}{worst:15.1e}{same!s:>11}"
        )


def formula(models, data, mask, rms):
    """Return the compatible chi in NumPy, in the precision of `models`."""
    import numpy as np

    m, d = models[:, mask], data[mask].astype(models.dtype)
    scale = np.nansum(d) / m.sum(1)
    model = scale[:, None] * m
    return np.nanmean((d - model) ** 2 / (model + rms[mask].astype(models.dtype) ** 2), axis=1)


def timed(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    work()
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
