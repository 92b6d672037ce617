"""The default statistic: what it finds, that units and sky do not matter, and what it says of a bad fit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import convolve, label
from test_render import PSF

from dre import FitFlag, Fitter, NoiseCorrelation, Profile, Renderer, SearchGrid, Stamp, fit_profiles
from dre.blends import deblended, without_neighbours
from dre.cutouts import neighbour_map
from dre.grid import GridAxes
from dre.kernels.normal import flux_and_sky
from dre.pixels import Pixels, usable
from dre.polish import Part, Solution, View, polish
from dre.posterior import PARAMETERS, beside_others
from dre.render import CellRenderer
from dre.search import coarse_models

AXES = GridAxes(
    log_r=(-0.2, 0.1, 0.4, 0.7, 1.0, 1.3), angle=tuple(30.0 * k for k in range(6)), q=(0.2, 0.5, 0.8, 1.0),
    n=(0.7, 1.5, 3.0, 5.5), box=96,
)  # fmt: skip
TRUTH = Profile(4.3, 0.55, 37.0, 2.4, 3e4, 0.31, -0.22)


def make(profile=TRUTH, seed=1, rms=7.0, sky=0.0, **changes) -> Stamp:
    rng = np.random.default_rng(seed)
    picture = Renderer.through(PSF, 96).image(profile)
    noise = rng.normal(size=picture.shape) * np.sqrt(np.maximum(picture, 0) + rms**2)
    y, x = np.mgrid[:96, :96] - 47.5
    stamp = Stamp(
        "00_0001", picture + noise + sky, np.hypot(x, y) < 12, np.full(picture.shape, rms), 0, 1, None, None,
        np.zeros(picture.shape, np.int32),
    )  # fmt: skip
    return replace(stamp, **changes)


@pytest.fixture(scope="session")
def search():
    return SearchGrid.build(AXES, PSF)


@pytest.fixture(scope="session")
def fitter(search):
    return Fitter(search, PSF, gain=1.0)


def test_the_truth_without_noise_is_found_from_a_grid_model(search):
    picture = Renderer.through(PSF, 96).image(TRUTH) + 3.0
    stamp = make(obj=picture)
    pixels = Pixels.of(stamp, 1.0)
    index, _ = search.best(pixels)
    solution = polish([View(pixels, CellRenderer.through(PSF, 96))], search.profile(index))
    found = Profile.at(solution.coordinates, solution.parts[0].flux * pixels.unit)
    assert solution.converged
    assert found[:5] == pytest.approx(TRUTH[:5], rel=2e-3)
    assert found[5:] == pytest.approx(TRUTH[5:], abs=2e-3)
    assert solution.parts[0].sky * pixels.unit == pytest.approx(3.0, abs=0.02)


def test_steps_end_near_the_minimum(search, monkeypatch):
    """Steps that go on until nothing changes move it by little of a standard error."""
    renderer, worst = CellRenderer.through(PSF, 96), []
    for seed, rms in ((1, 7.0), (2, 7.0), (3, 1.0), (4, 30.0), (5, 30.0), (6, 1.0)):
        pixels = Pixels.of(make(seed=seed, rms=rms), 1.0)
        start = search.start(pixels, search.best(pixels)[0])
        ended = polish([View(pixels, renderer)], start)
        with monkeypatch.context() as strict:
            strict.setattr("dre.polish.NEAR", 1e-7)
            strict.setattr("dre.polish.LEFT", 0.0)
            further = polish([View(pixels, renderer)], start)
        errors = np.sqrt(np.diag(np.linalg.inv(ended.information)))[:6]
        worst.append(np.abs((further.coordinates - ended.coordinates) / errors).max())
        assert further.steps >= ended.steps
    assert max(worst) < 0.003
    assert max(worst) > 0


def test_coarse_to_fine_finds_what_comparing_with_all_finds(search):
    rng = np.random.default_rng(8)
    for k in range(40):
        profile = Profile(
            10 ** rng.uniform(0.2, 1.1), rng.uniform(0.2, 1), rng.uniform(0, 180), np.exp(rng.uniform(-0.6, 1.7)), 2e4
        )
        pixels = Pixels.of(make(profile, seed=k), 1.0)
        assert search.best(pixels)[0] == search.exhaustive(pixels)


@pytest.mark.parametrize("truth", [TRUTH, TRUTH._replace(x=0.9, y=-0.7), Profile(6.5, 0.7, 172.0, 1.0, 4e4, 0.2, 0.1)])
def test_a_start_is_better_than_the_best_model(search, truth):
    pixels = Pixels.of(make(truth), 1.0)
    index, _ = search.best(pixels)
    renderer = CellRenderer.through(PSF, 96)

    def chi2(profile):
        drawn = renderer.draw(profile.coordinates(), pixels.label, pixels.area)[0]
        return flux_and_sky(drawn, pixels.data, 1 / (pixels.variance + pixels.photons), pixels.area)[2]

    best, model, start = (chi2(one) for one in (truth, search.profile(index), search.start(pixels, index)))
    assert start - best < 0.25 * (model - best)
    assert search.start(pixels, index)[5:] == pytest.approx(truth[5:], abs=0.2)


def test_a_start_from_the_end_of_the_axes_stays_inside(search):
    point = Profile(0.4, 1.0, 0.0, 0.5, 3e4)
    pixels = Pixels.of(make(point), 1.0)
    start = search.start(pixels, search.best(pixels)[0])
    assert 10 ** AXES.log_r[0] <= start.r_e <= 10 ** AXES.log_r[-1]
    assert AXES.q[0] <= start.q <= 1.0
    assert AXES.n[0] <= start.n <= AXES.n[-1]


def test_coarse_models_are_every_second():
    coarse = np.column_stack(np.unravel_index(coarse_models((4, 4, 6, 6)), (4, 4, 6, 6)))
    assert set(coarse[:, 0]) == {0, 2, 3}
    assert set(coarse[:, 2]) == {0, 2, 4}


def test_errors_hold_the_truth(fitter):
    true = np.array([np.log10(4.3), 0.55, 37.0, np.log10(2.4), 3e4, 0.0, 0.31, -0.22])
    fits = list(fit_profiles((make(seed=k) for k in range(60)), fitter))
    pulls = np.array([(one.estimate.values - true) / one.estimate.errors for one in fits])
    assert np.abs(np.median(pulls, 0)).max() < 0.55
    assert (np.std(pulls, 0) > 0.75).all()
    assert (np.std(pulls, 0) < 1.3).all()


def test_chi2_is_that_of_its_cells(fitter):
    ratio = [one.chi2 / one.cells for one in fit_profiles((make(seed=k) for k in range(20)), fitter)]
    assert np.median(ratio) == pytest.approx(1, abs=0.03)


def test_correlations_are_those_of_repeated_fits(fitter):
    fits = list(fit_profiles((make(seed=100 + k) for k in range(60)), fitter))
    values = np.array([one.estimate.values for one in fits])
    mean = np.mean([one.estimate.correlations for one in fits], 0)
    assert np.diag(mean) == pytest.approx(np.ones(8))
    seen = np.corrcoef(values.T)
    for a, b in (("LOGR", "FLUX"), ("LOGR", "LOGN"), ("FLUX", "SKY")):
        i, j = PARAMETERS.index(a), PARAMETERS.index(b)
        assert seen[i, j] == pytest.approx(mean[i, j], abs=0.35)


def test_errors_hold_the_truth_in_correlated_noise(search):
    kernel = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    picture = Renderer.through(PSF, 96).image(TRUTH)
    stamps = []
    for k in range(50):
        noise = np.random.default_rng(k).normal(size=(96, 96)) * np.sqrt(np.maximum(picture, 0) + 49)
        stamps.append(make(obj=picture + convolve(noise, kernel) / np.sqrt((kernel**2).sum())))
    noise = NoiseCorrelation.measured(stamps)
    centre = noise.values.shape[0] // 2
    assert noise.values[centre, centre + 1] == pytest.approx(2 / 3, abs=0.04)
    fits = list(fit_profiles(stamps, Fitter(search, PSF, 1.0, noise)))
    naive = list(fit_profiles(stamps, Fitter(search, PSF, 1.0)))
    pull = np.std([(one.estimate.values[0] - np.log10(4.3)) / one.estimate.errors[0] for one in fits])
    assert 0.7 < pull < 1.35
    assert naive[0].estimate.errors[0] < 0.7 * fits[0].estimate.errors[0]


def test_peaks_of_correlated_noise_are_no_neighbours(search):
    """To leave out what stands out of the noise by chance would leave a sky that is too dark."""
    kernel = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    other = Renderer.through(PSF, 96).image(Profile(2.0, 0.8, 0.0, 1.0, 2e4, -30.0, 30.0))
    stamps = []
    for k in range(8):
        noise = 7.0 * convolve(np.random.default_rng(k).normal(size=(96, 96)), kernel) / np.sqrt((kernel**2).sum())
        found, count = label(np.where(make().mask | (other > 3), 0.0, noise) > 1.5 * 7)
        found[other > 3] = count + 1
        picture = Renderer.through(PSF, 96).image(TRUTH) + noise + other
        stamps.append(make(obj=picture, neighbours=neighbour_map(found, 0)))
    correlation = NoiseCorrelation.measured(stamps)
    left = np.unique(correlation.without_peaks(stamps[-1]).neighbours)
    assert count + 1 in left
    assert len(left) < 0.05 * count
    fits = list(fit_profiles(stamps, Fitter(search, PSF, noise=correlation)))
    assert abs(np.mean([one.estimate.values[5] / one.estimate.errors[5] for one in fits])) < 0.8


def test_white_noise_is_found_white():
    assert NoiseCorrelation.measured([make(seed=k) for k in range(4)]).white


def test_the_unit_of_the_image_does_not_matter(fitter):
    stamp = make()
    mine = fitter.fit(stamp).estimate
    scaled = replace(stamp, obj=stamp.obj * 1e-3, rms=stamp.rms * 1e-3)
    other = replace(fitter, gain=1e3).fit(scaled).estimate
    factors = np.array([1, 1, 1, 1, 1e3, 1e3, 1, 1])
    assert other.values * factors == pytest.approx(mine.values, rel=1e-6, abs=1e-7)
    assert other.errors * factors == pytest.approx(mine.errors, rel=1e-5)


def test_a_sky_offset_does_not_matter(fitter):
    before, after = fitter.fit(make()).estimate, fitter.fit(make(sky=0.7)).estimate
    assert after.values[0] == pytest.approx(before.values[0], abs=1e-4)
    assert after.values[5] - before.values[5] == pytest.approx(0.7, abs=1e-3)


def test_results_do_not_depend_on_threads(fitter):
    stamps = [make(seed=k) for k in range(6)]
    one, two = (list(fit_profiles(stamps, fitter, workers=k)) for k in (1, 2))
    assert [a.profile for a in one] == [b.profile for b in two]


def test_one_index_on_the_grid_holds_it():
    fixed = Fitter(SearchGrid.build(replace(AXES, n=(4.0,)), PSF), PSF, 1.0)
    result = fixed.fit(make(TRUTH._replace(n=4.0)))
    assert result.profile.n == pytest.approx(4.0)
    assert np.isnan(result.estimate.errors[3])
    assert np.isfinite(result.estimate.errors[[0, 1, 2, 4, 5, 6, 7]]).all()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"flags": 4}, FitFlag.SATURATED),
        ({"flags": 2}, FitFlag.NEIGHBOURS),
        ({"neighbours": np.eye(96, dtype=np.int32)}, FitFlag.NEIGHBOURS),
        ({"rms": np.full((96, 96), 400.0)}, FitFlag.LOW_SN),
        ({"obj": make().obj + 60.0 * (np.indices((96, 96)).sum(0) % 2)}, FitFlag.POOR),
    ],
)
def test_flags(fitter, changes, flag):
    assert flag in fitter.fit(make(**changes)).flag


def test_a_good_fit_has_no_flag(fitter):
    assert fitter.fit(make()).flag == 0


def test_a_value_at_its_bound_is_flagged(fitter):
    assert FitFlag.GRID_EDGE in fitter.fit(make(Profile(6.0, 0.03, 20.0, 1.0, 1e5))).flag


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"mask": np.zeros((96, 96), bool)}, FitFlag.EMPTY_MASK),
        ({"obj": np.full((96, 96), np.nan)}, FitFlag.NO_DATA),
        ({"rms": np.zeros((96, 96))}, FitFlag.NO_DATA),
        ({"obj": np.zeros((64, 64))}, FitFlag.SHAPE),
        ({"obj": -100 * np.exp(-np.hypot(*(np.mgrid[:96, :96] - 47.5)) / 30)}, FitFlag.NOT_POSITIVE),
    ],
)
def test_an_object_that_cannot_be_fitted_has_a_reason(fitter, changes, flag):
    result = fitter.fit(make(**changes))
    assert not result.ok
    assert flag in result.flag
    assert result.reason


def test_pixels_without_data_and_infinite_noise_are_left_out(fitter):
    hole = make()
    hole.obj[40:44, 60:64] = np.nan
    hole.rms[20:30, 20:30] = np.inf
    assert fitter.fit(hole).profile.r_e == pytest.approx(4.3, rel=0.1)


def test_neighbours_are_masked(fitter):
    other = Renderer.through(PSF, 96).image(Profile(3.0, 0.7, 0.0, 1.5, 5e4, 24.0, 18.0))
    y, x = np.mgrid[:96, :96] - 47.5
    near = (np.hypot(x - 24, y - 18) < 16).astype(np.int32) * 9
    alone = fitter.fit(make()).estimate
    masked = fitter.fit(make(obj=make().obj + other, neighbours=near)).estimate
    ignored = fitter.fit(make(obj=make().obj + other)).estimate
    assert abs(masked.values[0] - alone.values[0]) < 3 * alone.errors[0]
    assert abs(ignored.values[0] - alone.values[0]) > 5 * alone.errors[0]


def test_arrays_of_any_kind(fitter):
    """Byte order of FITS files, a view of a larger image, integers for a mask, one noise for all pixels."""
    plain = make()
    told = fitter.fit(plain).estimate.values
    wide = np.zeros((100, 200), ">f8")
    wide[2:98, 1:193:2] = plain.obj
    other = make(obj=wide[2:98, 1:193:2], mask=plain.mask.astype(">i2") * 4, rms=7.0)
    np.testing.assert_array_equal(fitter.fit(other).estimate.values, told)
    blank = make(obj=np.ma.array(plain.obj, mask=plain.obj > 1e9))
    np.testing.assert_array_equal(fitter.fit(blank).estimate.values, told)


def test_no_noise_where_there_is_none(fitter):
    flat = make(obj=np.full((96, 96), 3.0))
    small = replace(make(), rms=np.ones((40, 40)))
    assert NoiseCorrelation.measured([flat, small]).white
    assert fitter.fit(flat).flag & (FitFlag.NOT_POSITIVE | FitFlag.LOW_SN)
    assert fitter.fit(small).flag == FitFlag.SHAPE


def test_a_halo_is_no_correlated_noise():
    halo = Renderer.through(PSF, 96).image(TRUTH._replace(r_e=20.0, n=4.0, flux=1e5))
    assert NoiseCorrelation.measured([make(seed=k, obj=make(seed=k).obj + halo) for k in range(4)]).values.sum() < 1.2


def test_cuts_that_do_not_know_their_neighbours():
    stamp = make(neighbours=None)
    stamp.obj[10:16, 10:16] += 200
    used = usable(stamp)
    assert not used[11:15, 11:15].any()
    assert used[stamp.mask].all()
    assert used.mean() > 0.9


@pytest.mark.parametrize("flux", [0.0, 3e6])
def test_neither_correlated_noise_nor_the_own_halo_is_a_neighbour(flux):
    noise = convolve(np.random.default_rng(8).normal(size=(96, 96)), np.outer([1, 2, 1], [1, 2, 1]) / 6, mode="wrap")
    halo = Renderer.through(PSF, 96).image(TRUTH._replace(n=4.0, flux=flux))
    stamp = make(obj=halo + 7.0 * noise, neighbours=None)
    assert usable(stamp).mean() > 0.995
    stamp.obj[70:74, 20:24] += 150
    assert not usable(stamp)[70:74, 20:24].any()


def pair_of(separation):
    """Two galaxies on one image, as cuts of it; their true radius is 4."""
    image = np.zeros((160, 220))
    renderer = Renderer.through(PSF, 96)
    places = [(90, 80), (90 + separation, 80)]
    for x, y in places:
        image[y - 48 : y + 48, x - 48 : x + 48] += renderer.image(Profile(4.0, 0.8, 20.0, 2.0, 4e4, 0.5, 0.5))
    image += np.random.default_rng(4).normal(size=image.shape) * np.sqrt(image + 25)
    nearer = np.arange(220) < 90 + separation / 2
    stamps = []
    for number, (x, y) in enumerate(places, 1):
        cut = np.s_[y - 48 : y + 48, x - 48 : x + 48]
        other = np.where(nearer, 2 if number == 2 else 0, 1 if number == 2 else 0)
        owner = np.broadcast_to(np.where(nearer, 1, 2), image.shape)
        glow = image > 15
        others = np.where(glow & (owner != number), owner, 0)
        mask = (glow & (owner == number))[cut]
        assert other.size == 220
        stamps.append(
            Stamp(f"00_000{number}", image[cut], mask, np.full((96, 96), 5.0), 0, number, x + 1.0, y + 1.0, others[cut])
        )
    return stamps


def test_a_blend_at_two_radii_is_taken_apart(fitter):
    stamps = pair_of(8)
    first = list(fit_profiles(stamps, fitter))
    by_name = {stamp.name: stamp for stamp in stamps}
    second = deblended(first, lambda names: (by_name[name] for name in names), fitter)
    for before, after in zip(first, second, strict=True):
        off, was = (abs(np.log10(one.profile.r_e / 4.0)) for one in (after, before))
        assert off < 0.02
        assert off <= was + 0.005
        assert after.pixels > before.pixels
        assert after.cells <= after.pixels


def test_three_galaxies_are_taken_apart(fitter):
    """Each against the others of before, all at once, they would swing for ever."""
    places = [(90, 80), (100, 80), (95, 89)]
    image, renderer = np.zeros((180, 200)), Renderer.through(PSF, 96)
    for x, y in places:
        image[y - 48 : y + 48, x - 48 : x + 48] += renderer.image(Profile(4.0, 0.8, 20.0, 2.0, 4e4, 0.5, 0.5))
    image += np.random.default_rng(4).normal(size=image.shape) * np.sqrt(image + 25)
    y, x = np.indices(image.shape)
    owner = 1 + np.argmin([np.hypot(x - column, y - row) for column, row in places], 0)
    stamps = {}
    for number, (column, row) in enumerate(places, 1):
        window = np.s_[row - 48 : row + 48, column - 48 : column + 48]
        others, mask = np.where((image > 15) & (owner != number), owner, 0), (image > 15) & (owner == number)
        place = number, column + 1.0, row + 1.0, others[window]
        stamps[f"00_{number}"] = Stamp(f"00_{number}", image[window], mask[window], np.full((96, 96), 5.0), 0, *place)
    first = list(fit_profiles(stamps.values(), fitter))
    for one in deblended(first, lambda names: [stamps[name] for name in names], fitter):
        assert abs(np.log10(one.profile.r_e / 4.0)) < 0.02


def test_errors_beside_others_are_those_of_a_fit_of_all():
    rng = np.random.default_rng(5)
    rows, more, weight = rng.normal(size=(8, 60)), 1e3 * rng.normal(size=(9, 60)), rng.uniform(0.5, 2, 60)
    more[8] = more[7]  # two that nothing tells apart
    part = Part(1.0, 0.0, 0.0, rows, weight)
    alone = Solution(np.zeros(6), (part,), (rows * weight) @ rows.T, np.zeros(6, bool), 1, True)
    together = np.concatenate([rows, more[:8]])
    expected = np.linalg.inv((together * weight) @ together.T)[:8, :8]
    np.testing.assert_allclose(np.linalg.inv(beside_others(alone, more).information), expected, rtol=1e-9, atol=1e-12)


def test_a_blended_object_is_known_less_well(fitter):
    stamps = {stamp.name: stamp for stamp in pair_of(9)}
    first = list(fit_profiles(stamps.values(), fitter))
    joint = deblended(first, lambda names: [stamps[name] for name in names], fitter)
    for number, (one, other) in enumerate(zip(joint, joint[::-1], strict=True), 1):
        stamp = stamps[f"00_000{number}"]
        away = other.profile._replace(x=other.profile.x + other.x - one.x, y=other.profile.y)
        alone = without_neighbours(stamp, [(other.number, away)], fitter)
        known = fitter.fit(alone, one.profile)
        assert known.estimate.errors[0] < 0.9 * one.estimate.errors[0]


def test_an_object_without_neighbours_is_not_fitted_again(fitter):
    lonely = [make(x=100.0, y=100.0)]
    first = list(fit_profiles(lonely, fitter))
    assert deblended(first, lambda names: iter(lonely), fitter)[0] is first[0]
