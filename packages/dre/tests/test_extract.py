"""The embedded extractor: background, detection, measurements, star/galaxy measure, PSF from stars."""

import numpy as np
import pytest

from dre.config import DETECTION, PSF_MODEL, parse
from dre.extract.detect import detect
from dre.extract.measure import measure
from dre.extract.stars import choose_stars, psf_from_stars
from dre.extract.stellarity import class_star, stellar_locus
from dre.extract.vignettes import vignettes
from dre.simulate import Recipe, moffat, simulate_tile

RECIPE = Recipe(size=640, galaxies=12, stars=30, flux=(1e4, 3e5), log_r=(0.5, 1.0))


@pytest.fixture(scope="module")
def sky():
    return simulate_tile(RECIPE, np.random.default_rng(3))


@pytest.fixture(scope="module")
def settings():
    return parse("GAIN 1\nSATUR_LEVEL 1e9", DETECTION)


@pytest.fixture(scope="module")
def found(sky, settings):
    return detect(sky.image, settings)


@pytest.fixture(scope="module")
def catalogue(found, settings):
    return measure(found, settings).table


def nearest(truth, table):
    distance = np.hypot(
        np.subtract.outer(np.asarray(truth["X_IMAGE"]), np.asarray(table["X_IMAGE"])),
        np.subtract.outer(np.asarray(truth["Y_IMAGE"]), np.asarray(table["Y_IMAGE"])),
    )
    return distance.argmin(axis=1), distance.min(axis=1)


def test_background_and_noise_are_those_of_the_simulation(found):
    assert np.median(found.background) == pytest.approx(RECIPE.sky, abs=0.5)
    assert np.median(found.rms) == pytest.approx(np.hypot(RECIPE.sky**0.5, RECIPE.read_noise), rel=0.05)


def test_every_source_is_found_where_it_is(sky, catalogue):
    _, distance = nearest(sky.truth, catalogue)
    assert distance.max() < 0.5


def test_segmentation_and_catalogue_number_the_same_sources(found, catalogue):
    numbers = np.unique(found.segmentation)
    assert np.array_equal(numbers[numbers > 0], catalogue["NUMBER"])
    for source in catalogue:
        inside = found.segmentation == source["NUMBER"]
        y, x = np.nonzero(inside)
        assert x.min() - 1 <= source["X_IMAGE"] - 1 <= x.max() + 1
        assert y.min() - 1 <= source["Y_IMAGE"] - 1 <= y.max() + 1


def test_star_fluxes_and_their_errors(sky, catalogue):
    star = sky.truth["KIND"] == "star"
    rows, _ = nearest(sky.truth, catalogue)
    ratio = np.asarray(catalogue["FLUX_AUTO"][rows[star]]) / np.asarray(sky.truth["FLUX"][star])
    assert np.median(ratio) == pytest.approx(0.97, abs=0.03)
    pull = (ratio / np.median(ratio) - 1) * sky.truth["FLUX"][star] / catalogue["FLUXERR_AUTO"][rows[star]]
    assert 0.3 < 1.4826 * np.median(np.abs(pull)) < 2.5


def test_stars_and_galaxies_are_told_apart(sky, catalogue):
    rows, _ = nearest(sky.truth, catalogue)
    star = np.asarray(sky.truth["KIND"] == "star")
    measure_ = np.asarray(catalogue["CLASS_STAR"])[rows]
    assert np.mean(measure_[star] > 0.5) >= 0.9
    assert np.mean(measure_[~star] < 0.5) >= 0.95


def test_angles_and_elongations_follow_the_truth(sky, catalogue):
    rows, _ = nearest(sky.truth, catalogue)
    flat = (
        np.asarray(
            sky.truth["AX_RATIO"].filled(1) if hasattr(sky.truth["AX_RATIO"], "filled") else sky.truth["AX_RATIO"]
        )
        < 0.7
    )
    turn = np.asarray(catalogue["THETA_IMAGE"])[rows][flat] - np.asarray(sky.truth["ANGLE"])[flat]
    assert np.median(np.abs((turn + 90) % 180 - 90)) < 8
    assert np.all(np.asarray(catalogue["ELONGATION"]) >= 1)


def test_bad_pixels_do_not_reach_the_catalogue(sky, settings):
    image = sky.image.copy()
    image[100:110, :] = np.nan
    image[300, 200] = np.inf
    table = measure(detect(image, settings), settings).table
    for name in table.colnames:
        assert np.isfinite(np.asarray(table[name], float)).all(), name


def test_pixels_of_zero_weight_hold_no_source(sky, settings):
    weight = np.ones_like(sky.image)
    weight[:, :320] = 0
    table = measure(detect(sky.image, settings, weight=weight), settings).table
    assert len(table) > 3
    assert np.asarray(table["X_IMAGE"]).min() > 315


def test_scaling_the_weights_changes_nothing(sky, settings):
    weight = np.linspace(1, 2, sky.image.size).reshape(sky.image.shape)
    one, two = (detect(sky.image, settings, weight=w).rms for w in (weight, weight * 1e6))
    assert np.allclose(one, two, rtol=1e-5)


def test_a_saturated_source_is_flagged(sky):
    table = measure(detect(sky.image, parse("SATUR_LEVEL 1000", DETECTION)), parse("SATUR_LEVEL 1000", DETECTION)).table
    bright = np.argmax(table["FLUX_APER"])
    faint = np.argmin(np.abs(table["FLUX_APER"] - 1e4))
    assert table["FLAGS"][bright] & 4
    assert not table["FLAGS"][faint] & 4


def test_flag_map_is_ored_over_each_source(found, settings):
    flags = np.zeros(found.segmentation.shape, np.int32)
    y, x = np.argwhere(found.segmentation == 2)[0]
    flags[y, x] = 5
    table = measure(found, settings, image_flags=flags).table
    assert table["IMAFLAGS_ISO"][1] == 5
    assert table["IMAFLAGS_ISO"].sum() == 5


def test_empty_sky_gives_an_empty_catalogue(settings):
    flat = np.random.default_rng(0).normal(10, 1, (200, 200))
    table = measure(detect(flat, settings.replaced(DETECT_THRESH=50)), settings).table
    assert len(table) == 0
    assert table["VIGNET"].shape[1:] == (35, 35)


def test_vignettes_blank_other_sources_and_the_outside():
    image = np.arange(100.0).reshape(10, 10)
    labels = np.zeros((10, 10), int)
    labels[2, 2], labels[2, 3] = 1, 2
    first, corner = vignettes(
        image, labels, np.array([2.0, 0.0]), np.array([2.0, 9.0]), size=3, blank=np.zeros((10, 10), bool)
    )
    assert first[1, 1] == 22
    assert first[1, 2] < -1e29
    assert (corner[:, 0] < -1e29).all()
    assert corner[1, 1] == 90


def test_locus_is_that_of_the_stars_although_galaxies_are_more():
    rng = np.random.default_rng(5)
    radius = np.concatenate([rng.normal(1.8, 0.02, 40), rng.uniform(2.2, 8, 200)])
    ones = np.ones(240)
    locus = stellar_locus(radius, 100 * ones, 1.1 * ones, np.zeros(240, int), seeing=9)
    assert locus.radius == pytest.approx(1.8, abs=0.02)
    assert locus.stars >= 38


def test_without_stars_the_seeing_gives_the_locus():
    locus = stellar_locus(np.array([3.0]), np.array([50.0]), np.array([1.0]), np.array([0]), seeing=3.0)
    assert locus.stars == 0
    size = 401
    star = moffat(size, 30, 3.0)
    r = np.hypot(*np.mgrid[-200:201, -200:201])
    enclosed = np.sort(r.ravel())[np.searchsorted(np.cumsum(star.ravel()[np.argsort(r.ravel())]), 0.5)]
    assert locus.radius == pytest.approx(enclosed / 10, rel=0.03)


def test_measure_falls_with_size_and_is_undecided_when_faint():
    locus = stellar_locus(np.full(50, 2.0), np.full(50, 100.0), np.ones(50), np.zeros(50, int), seeing=3)
    bright = class_star(np.array([1.5, 2.0, 2.05, 2.5, 4.0]), np.full(5, 200.0), locus)
    assert np.all(np.diff(bright) <= 0)
    assert bright[0] > 0.9
    assert bright[-1] < 0.01
    assert 0.3 < class_star(np.array([2.5]), np.array([2.0]), locus)[0] < 0.9


def test_psf_of_the_stars_is_the_true_psf(sky, catalogue):
    rows = choose_stars(catalogue, parse("", PSF_MODEL))
    x, y = (np.asarray(catalogue[name][rows], float) for name in ("X_IMAGE", "Y_IMAGE"))
    psf = psf_from_stars(
        np.asarray(catalogue["VIGNET"][rows], float), x - np.rint(x), y - np.rint(y),
        np.asarray(catalogue["FLUX_APER"][rows], float), size=25,
    )  # fmt: skip
    true = sky.psf[8:33, 8:33]
    assert len(rows) >= 15
    assert np.abs(psf.image - true / true.sum()).max() < 0.03 * true.max()
    assert psf.image.sum() == pytest.approx(1, abs=1e-5)


def test_a_galaxy_among_the_stars_is_left_out():
    rng = np.random.default_rng(1)
    stamps = np.array([1e4 * moffat(35, 3 if k else 6, 3.5) + rng.normal(0, 1, (35, 35)) for k in range(12)])
    psf = psf_from_stars(stamps, np.zeros(12), np.zeros(12), np.full(12, 1e4), size=25)
    assert psf.loaded == 12
    assert psf.accepted < 12
    assert psf.image.max() == pytest.approx(moffat(25, 3, 3.5).max(), rel=0.03)


def test_no_stars_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="no star"):
        psf_from_stars(np.empty((0, 35, 35)), np.empty(0), np.empty(0), np.empty(0), size=25)


def test_noise_of_faint_stars_does_not_become_light_in_the_wings():
    true = moffat(25, 3, 3.5)
    far = np.hypot(*(np.mgrid[:25, :25] - 12)) > 5
    wings = []
    for seed in range(7):
        rng = np.random.default_rng(seed)
        stamps = np.array([2e3 * moffat(35, 3, 3.5) + rng.normal(0, 5, (35, 35)) for _ in range(8)])
        psf = psf_from_stars(stamps, np.zeros(8), np.zeros(8), np.full(8, 2e3), size=25).image
        clipped = np.maximum(psf, 0)
        wings.append(clipped[far].sum() / clipped.sum())
    # one run scatters by 0.007; clipping the noise alone would give 0.185
    assert np.median(wings) == pytest.approx(true[far].sum() / true.sum(), abs=0.012)
