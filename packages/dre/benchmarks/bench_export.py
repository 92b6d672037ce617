"""Fits handed over to imfit: where it ends when it begins with the files of ``dre export``.

    python bench_export.py PYTHON [GALAXIES]

PYTHON is that of an environment with pyimfit (``pip install pyimfit``). The galaxies are those of a simulated tile of
our own, index 4 (2e4 to 5e5 counts), through the whole chain with SExtractor and PSFEx where they are installed.
Printed are the chi-square per pixel that imfit gives to our values and to its own, and how far these are apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits as afits
from shared_io import fits, table

from dre.pipeline.chain import Request, run_chain
from dre.pipeline.exporting import Request as Export
from dre.pipeline.exporting import export_fit
from dre.pipeline.planning import Running
from dre.pipeline.stamps import Tiles
from dre.simulate import Recipe, simulate_tile

IMFIT = """
import json, sys
import numpy as np, pyimfit
from astropy.io import fits
for stem in sys.argv[1:]:
    ends = "", "_sigma", "_mask", "_psf"
    image, sigma, mask, psf = (fits.getdata(f"{stem}{end}.fits").astype(float) for end in ends)
    model = pyimfit.parse_config_file(f"{stem}.imfit")
    fit = pyimfit.Imfit(model, psf=psf, maxThreads=1)
    fit.loadData(image, error=sigma, error_type="sigma", mask=mask)
    given = np.array(model.getRawParameters())
    def chi2(picture):
        return float((((image - picture) / sigma) ** 2)[mask == 0].mean())
    first = chi2(fit.getModelImage(newParameters=given))
    fit.doFit()
    print(json.dumps([first, chi2(fit.getModelImage()), given.tolist(), list(map(float, fit.getRawParameters()))]))
"""


def main(python: str, galaxies: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sky = simulate_tile(Recipe(galaxies=galaxies), np.random.default_rng(20260101))
        fits.write_image(folder / "tile.fits", sky.image, afits.Header([("GAIN", 1.0)]))
        images, work = (folder / "tile.fits",), folder / "work"
        request = Request(images, work, gain="counts", report=False)
        list(run_chain(request, Running(), lambda _: None))
        rows = table.read(work / "Summary" / "tile_tab.fits")
        good = [f"{row['EXT_NUMBER']:02d}_{row['NUMBER']:04d}" for row in rows if row["FIT_FLAG"] == 0]
        stamps = Tiles(images, work / "Sextracted")
        for source in good:
            export_fit(Export("tile", source, work / "Summary", stamps, work / "PSF", folder / "Export"))
        stems = [str(folder / "Export" / f"tile_{source}") for source in good]
        done = subprocess.run([python, "-c", IMFIT, *stems], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench_export: nothing measured: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        told([json.loads(line) for line in done.stdout.splitlines()], rows[rows["FIT_FLAG"] == 0])


def told(found: list, rows: object) -> None:
    ours, theirs = (np.array([one[k] for one in found]) for k in (2, 3))
    first, last = (np.array([one[k] for one in found]) for k in (0, 1))
    medians = f"dre's values {np.median(first):.4f}, imfit's {np.median(last):.4f}"
    print(f"{len(found)} fits; chi-square a pixel, medians: {medians}")
    print(f"{'imfit less dre':28}{'median':>12}{'largest':>12}{'median, standard errors':>28}")
    apart = {
        "r_e, relative": (theirs[:, 6] / ours[:, 6] - 1, rows["R_E_ERR"] / rows["R_E"]),
        "Sersic index, relative": (theirs[:, 4] / ours[:, 4] - 1, rows["INDEX_ERR"] / rows["INDEX"]),
        "axis ratio": (ours[:, 3] - theirs[:, 3], rows["AX_RATIO_ERR"]),
        "angle [deg]": ((theirs[:, 2] - ours[:, 2] + 90) % 180 - 90, rows["ANGLE_ERR"]),
        "centre [px]": (np.hypot(*(theirs - ours)[:, :2].T), rows["X_FIT_ERR"]),
    }
    for name, (values, errors) in apart.items():
        size = np.abs(np.asarray(values, float))
        print(f"{name:28}{np.median(size):12.4f}{size.max():12.4f}{np.median(size / np.asarray(errors, float)):28.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
