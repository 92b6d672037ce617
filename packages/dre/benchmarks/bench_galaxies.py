"""Real galaxies that other codes have fitted: two of HSC, six of GAMA in KiDS and in SDSS.

    python bench_galaxies.py [FOLDER]

FOLDER (default $ASTRO_TEST_DATA/dre) holds references.json, hsc_pysersic/ and gama_profit/. The other values are those
of references.json: a Levenberg-Marquardt fit with free sky, imfit, and Lange et al. (2015, MNRAS 447, 2603). They
convolve pixel-integrated profiles with the PSF as it is; so does dre here (`without_pixel`), and, beside it, with
the PSF taken for what it is, the light of a star in pixels.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits as afits
from scipy import ndimage
from truth import Verdict

from dre import SEARCH, Fitter, ProfileFit, PSFModel, SearchGrid, Stamp

INF = np.inf
STARTS = replace(SEARCH, q=(0.3, 0.6, 0.9), angle=SEARCH.angle[::2], n=(1.0, 2.5, 4.5), log_r=SEARCH.log_r[2:14:2])
"""Bright galaxies need few starts."""
SCALE = {"KiDS": 0.2, "SDSS": 0.339}


def main(folder: Path) -> None:
    references = json.loads((folder / "references.json").read_text())
    verdict = Verdict()
    hsc(folder / "hsc_pysersic", references["hsc_pysersic"], verdict)
    gama(folder / "gama_profit", references["gama_profit"], verdict)
    verdict.end()


def fitted(
    image: np.ndarray, sigma: np.ndarray, psf: np.ndarray, bad: np.ndarray, *, without_pixel: bool
) -> ProfileFit:
    """Fit the galaxy in the middle of a square image; sigma holds all noise."""
    box = image.shape[0]
    y, x = np.mgrid[:box, :box] - (box - 1) / 2
    others = bad.astype(np.int32)
    stamp = Stamp("00_0001", np.where(bad, 0, image), np.hypot(x, y) < 10, sigma, neighbours=others)
    model = PSFModel(psf[None].astype(float), clip=False, without_pixel=without_pixel)
    grid = SearchGrid.build(replace(STARTS, box=box), model)
    return Fitter(grid, model).fit(stamp)


def hsc(folder: Path, references: dict, verdict: Verdict) -> None:
    print("HSC, r_e in px")
    print(f"{'':8}{'PSF':24}{'r_e':>8}{'+-':>7}{'n':>8}{'+-':>7}{'q':>8}{'+-':>7}{'chi2/cell':>11}")
    for name, peer in (("gal1", "own_LM"), ("gal2", "imfit(pyimfit)")):
        image, sigma, psf, mask = (
            np.load(folder / f"{name}_{part}.npy").astype(float) for part in ("im", "sig", "psf", "mask")
        )
        peers = references[name].get("crosscheck") or references[name]["crosscheck_gaussian_loss_free_sky"]
        for what, without in (("as the peers", True), ("pixel included", False)):
            one = fitted(image, sigma, psf, mask != 0, without_pixel=without)
            report(name, what, one)
            if without:
                r_e, n = 10 ** one.estimate.values[0], 10 ** one.estimate.values[3]
                verdict.row(f"  r_e / {peer} - 1", abs(r_e / peers[peer]["re_px"] - 1), -INF, 0.02)
                verdict.row(f"  n / {peer} - 1", abs(n / peers[peer]["n"] - 1), -INF, 0.05)


def report(name: str, what: str, one: ProfileFit, scale: float = 1.0) -> None:
    v, e = one.estimate.values, one.estimate.errors
    r_e, n = scale * 10 ** v[0], 10 ** v[3]
    ln = np.log(10)
    print(
        f"{name:8}{what:24}{r_e:8.3f}{r_e * ln * e[0]:7.3f}{n:8.3f}{n * ln * e[3]:7.3f}{v[1]:8.3f}{e[1]:7.3f}"
        f"{one.chi2 / one.cells:11.2f}"
    )


def gama(folder: Path, references: dict, verdict: Verdict) -> None:
    print("\nGAMA, r band, r_e in arcsec")
    print(f"{'':8}{'PSF':24}{'r_e':>8}{'+-':>7}{'n':>8}{'+-':>7}{'q':>8}{'+-':>7}{'chi2/cell':>11}")
    sizes: dict[str, list[float]] = {"KiDS": [], "SDSS": []}
    for name in references["own_LM_KiDS_re_q_n"]:
        for survey, scale in SCALE.items():
            image, sigma, psf, bad = survey_data(folder / survey, name)
            for what, without in (("as the peers", True), ("pixel included", False)):
                one = fitted(image, sigma, psf, bad, without_pixel=without)
                report(name, f"{survey}, {what}", one, scale)
                if without:
                    sizes[survey].append(scale * 10 ** one.estimate.values[0])
    theirs = np.array([v[0] for v in references["own_LM_KiDS_re_q_n"].values()])
    sdss = np.array([v[0] for v in references["own_LM_SDSS_re_q_n"].values()])
    lange = np.array([v[0] for v in references["re_arcsec_q_n_PA_mag"].values()])
    kids, ours = np.array(sizes["KiDS"]), np.array(sizes["SDSS"])
    verdict.row("KiDS: median of |r_e / own_LM - 1|", float(np.median(np.abs(kids / theirs - 1))), -INF, 0.02)
    print(f"SDSS: median of |r_e / own_LM - 1|: {np.median(np.abs(ours / sdss - 1)):.3f}")
    print(f"KiDS / Lange+2015: {np.round(kids / lange, 3)}, median {np.median(kids / lange):.3f}")
    print(f"SDSS / KiDS: {np.round(ours / kids, 3)}, median {np.median(ours / kids):.3f}")
    print(f"  own_LM:    {np.round(sdss / theirs, 3)}")


def survey_data(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Square image around the galaxy, noise, PSF, and pixels that are masked or another source's."""
    image, mask, psf, segments, sigma = (
        afits.getdata(folder / f"{name}{part}.fits").astype(float)
        for part in ("fitim", "mskim", "psfim", "segim", "sigma")
    )
    ny, nx = image.shape
    own = segments[ny // 2, nx // 2]
    y, x = ndimage.center_of_mass(np.where(segments == own, image.clip(0), 0))
    half = int(max(round(x), round(y), nx - 1 - round(x), ny - 1 - round(y)))
    bad = (mask != 0) | ((segments != own) & (segments != 0)) | ~(sigma > 0)
    planes = [np.full((2 * half + 1, 2 * half + 1), fill) for fill in (0.0, 1.0, 1.0)]
    top, left = half - round(y), half - round(x)
    for plane, values in zip(planes, (image, np.where(bad, 1.0, sigma), bad), strict=True):
        plane[top : top + ny, left : left + nx] = values
    return planes[0], planes[1], psf, planes[2] > 0


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(os.environ["ASTRO_TEST_DATA"]) / "dre"))
