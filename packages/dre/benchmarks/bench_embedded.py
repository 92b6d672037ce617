"""The embedded extractor and PSF builder beside SExtractor and PSFEx, on the same simulated tiles.

    python bench_embedded.py [TILES]

Needs source-extractor and psfex on PATH for the comparison; without them only our own rows are printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits as afits
from shared_io import fits

from dre import read_catalogue, read_psf
from dre.external import programs
from dre.simulate import Recipe, simulate_tile

BIN = Path(sys.executable).parent
RECIPE = Recipe(galaxies=80, stars=80, flux=(2e3, 3e5), log_r=(0.2, 1.1))
ENGINES = (("embedded", "sep", "stars"), ("SExtractor + PSFEx", "sextractor", "psfex"))


def main(tiles: int) -> None:
    rows = {}
    for title, sex, psfex in ENGINES:
        if sex == "sep" or (programs.find("SExtractor") and programs.find("PSFEx")):
            rows[title] = [measure(seed, sex, psfex) for seed in range(tiles)]
    names = list(next(iter(rows.values()))[0])
    print(f"{tiles} tiles of {RECIPE.size}^2 px, each {RECIPE.galaxies} galaxies, {RECIPE.stars} stars; medians")
    print(f"{'':38}" + "".join(f"{title:>22}" for title in rows))
    for name in names:
        print(
            f"{name:38}"
            + "".join(f"{statistics.median(one[name] for one in values):22.4g}" for values in rows.values())
        )


def measure(seed: int, sex: str, psfex: str) -> dict[str, float]:
    """Run both steps on one tile and compare with its truth."""
    sky = simulate_tile(RECIPE, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Tiles").mkdir()
        fits.write_image(folder / "Tiles" / "tile.fits", sky.image, afits.Header([("GAIN", 1.0)]))
        seconds = [
            step(folder, f"sex_dre --engine {sex} --arg SATUR_LEVEL 1e9"),
            step(folder, f"psfex_dre --engine {psfex}"),
        ]
        catalogue = read_catalogue(folder / "Sextracted" / "tile_cat.fits")
        psf = read_psf(folder / "PSF" / "tile.psf").pixels()
    return {
        **compare(sky, catalogue),
        **compare_psf(psf, sky.psf),
        "sex_dre [s]": seconds[0],
        "psfex_dre [s]": seconds[1],
    }


def step(folder: Path, command: str) -> float:
    program, *words = command.split()
    started = time.perf_counter()
    subprocess.run([BIN / program, *words, "-q"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def compare(sky, catalogue) -> dict[str, float]:
    truth, star = sky.truth, np.asarray(sky.truth["KIND"] == "star")
    distance = np.hypot(
        np.subtract.outer(np.asarray(truth["X_IMAGE"]), np.asarray(catalogue["X_IMAGE"])),
        np.subtract.outer(np.asarray(truth["Y_IMAGE"]), np.asarray(catalogue["Y_IMAGE"])),
    )
    row, found = distance.argmin(axis=1), distance.min(axis=1) < 2
    like_star = np.asarray(catalogue["CLASS_STAR"])[row] > 0.5
    flux = np.asarray(catalogue["FLUX_AUTO"])[row] / np.asarray(truth["FLUX"])
    return {
        "true sources found [%]": 100 * found.mean(),
        "detections that are no source": float(len(catalogue) - len(set(row[found]))),
        "stars with CLASS_STAR > 0.5 [%]": 100 * like_star[found & star].mean(),
        "galaxies with CLASS_STAR < 0.5 [%]": 100 * (~like_star[found & ~star]).mean(),
        "FLUX_AUTO / truth, stars": float(np.median(flux[found & star])),
        "FLUX_AUTO / truth, galaxies": float(np.median(flux[found & ~star])),
    }


def compare_psf(psf: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    edge = (truth.shape[0] - psf.shape[0]) // 2
    inner = truth[edge : edge + psf.shape[0], edge : edge + psf.shape[0]]
    inner = inner / inner.sum()
    return {"largest PSF error [% of peak]": 100 * float(np.abs(psf / psf.sum() - inner).max() / inner.max())}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
