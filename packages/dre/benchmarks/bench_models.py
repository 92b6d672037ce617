"""Our Sersic pictures beside GalSim's: largest difference in units of the peak, and time.

    python bench_models.py [PYTHON]

GalSim is a rival, never a dependency: it runs in its own throw-away environment (made with pip, or PYTHON names the
interpreter of one that has it). The pictures are models integrated over the pixels and not convolved; GalSim
integrates them in real space, to the accuracy below (its Fourier way is off by 1e-4 of the peak).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np

from dre.kernels.sersic import sersic_image

BOX = 64
CASES = [
    (n, r_e, q, angle)
    for n in (0.5, 1.0, 2.0, 4.0, 6.2)
    for r_e in (0.5, 1.0, 2.5, 6.0, 20.0)
    for q, angle in ((1.0, 0.0), (0.5, 30.0), (0.1, 60.0))
]

RIVAL = """
import sys, time
import galsim, numpy as np
cases, pictures, seconds = np.load(sys.argv[1]), [], 0.0
accuracy = galsim.GSParams(realspace_relerr=1e-7, realspace_abserr=1e-10)
for n, r_e, q, angle in cases:
    started = time.perf_counter()
    # GalSim's half-light radius is that of the circle before the area-preserving shear
    model = galsim.Sersic(n, half_light_radius=r_e * q**0.5, flux=1.0).shear(q=q, beta=angle * galsim.degrees)
    model = galsim.Convolve([model, galsim.Pixel(1.0)], real_space=True, gsparams=accuracy)
    try:
        picture = model.drawImage(nx=BOX, ny=BOX, scale=1.0, method="no_pixel", dtype=float).array
    except galsim.GalSimError:
        picture = np.full((BOX, BOX), np.nan)
    seconds += time.perf_counter() - started
    pictures.append(picture)
np.savez(sys.argv[2], pictures=pictures, seconds=seconds, version=galsim.__version__)
"""


def main(python: str | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rival = python or environment(folder / "venv")
        np.save(folder / "cases.npy", np.array(CASES))
        (folder / "rival.py").write_text(RIVAL.replace("BOX", str(BOX)))
        subprocess.run([rival, folder / "rival.py", folder / "cases.npy", folder / "out.npz"], check=True)
        with np.load(folder / "out.npz") as theirs:
            report(theirs["pictures"], float(theirs["seconds"]), str(theirs["version"]))


def environment(folder: Path) -> str:
    """Make a throw-away environment with GalSim."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "galsim"], check=True)
    return python


def report(pictures: np.ndarray, seconds: float, version: str) -> None:
    sersic_image(8, 2.0, 0.5, 30.0, 4.0)
    started = time.perf_counter()
    ours = np.array([sersic_image(BOX, r_e, q, angle, n) for n, r_e, q, angle in CASES])
    spent = time.perf_counter() - started
    print(f"GalSim {version}, {len(CASES)} pictures of {BOX} x {BOX} px: {seconds:.2f} s; ours {spent:.2f} s")
    difference = np.abs(ours - pictures).max((1, 2)) / ours.max((1, 2))
    print(f"{'n':>5}{'r_e':>7}{'q':>6}{'angle':>7}{'max difference / peak':>24}")
    for (n, r_e, q, angle), value in zip(CASES, difference, strict=True):
        print(
            f"{n:5.1f}{r_e:7.1f}{q:6.2f}{angle:7.0f}{value:24.1e}" + ("  (GalSim gave up)" if np.isnan(value) else "")
        )
    print(f"largest: {np.nanmax(difference):.1e} of the peak; median {np.nanmedian(difference):.1e}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
