"""Two real galaxies of the HSC survey that other codes have fitted (examples/data/PROVENANCE.md)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dre import SEARCH, Fitter, PSFModel, SearchGrid, Stamp

DATA = Path(__file__).parent.parent / "examples" / "data"
STARTS = replace(SEARCH, q=(0.4, 0.8), angle=SEARCH.angle[::2], n=(2.0, 4.5), log_r=(0.3, 0.6, 0.9), box=121)


@pytest.mark.parametrize(("name", "r_e", "n"), [("gal1", 3.133, 2.865), ("gal2", 6.081, 3.533)])
def test_the_radius_and_index_of_other_codes(name, r_e, n):
    """Other codes (Levenberg-Marquardt with free sky; imfit) apply the pixel beside the PSF, and so is done here."""
    image, mask, sigma, psf = (
        np.load(DATA / f"{name}_{part}.npy").astype(float) for part in ("im", "mask", "sig", "psf")
    )
    y, x = np.mgrid[:121, :121] - 60
    stamp = Stamp("00_0001", image, np.hypot(x, y) < 10, sigma, neighbours=(mask != 0).astype(np.int32))
    model = PSFModel(psf[None], clip=False, without_pixel=True)
    profile = Fitter(SearchGrid.build(STARTS, model), model).fit(stamp).profile
    assert profile.r_e == pytest.approx(r_e, rel=0.02)
    assert profile.n == pytest.approx(n, rel=0.05)


@pytest.mark.parametrize("bad", ["left out", "not known"])
def test_neighbours_that_nobody_named(bad):
    """A picture with its masked pixels blank, or with no mask at all: the galaxy's own halo is no neighbour."""
    image, mask, sigma, psf = (
        np.load(DATA / f"gal1_{part}.npy").astype(float) for part in ("im", "mask", "sig", "psf")
    )
    y, x = np.mgrid[:121, :121] - 60
    shown = np.where(mask != 0, np.nan, image) if bad == "left out" else image
    model = PSFModel(psf[None], clip=False)
    fitter = Fitter(SearchGrid.build(STARTS, model), model)
    mine, told = (
        fitter.fit(Stamp("00_0001", picture, np.hypot(x, y) < 10, sigma, neighbours=others)).profile
        for picture, others in ((shown, None), (image, (mask != 0).astype(np.int32)))
    )
    assert mine.r_e == pytest.approx(told.r_e, rel=0.01)
    assert mine.n == pytest.approx(told.n, rel=0.02)
