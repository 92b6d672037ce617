"""Fits in several bands at once, against truth, against fits of one band, and from images to tables."""

from dataclasses import replace

import numpy as np
import pytest
from shared_io import table
from survey import RECIPE, write_tile

from dre import BandsFitter, Fitter, GridAxes, Profile, PSFModel, Renderer, SearchGrid, Stamp, bands_table, fit_bands
from dre.bands import deblended_bands
from dre.flags import FitFlag
from dre.simulate import simulate_tile

AXES = GridAxes(
    log_r=(-0.2, 0.1, 0.4, 0.7, 1.0, 1.3), angle=tuple(30.0 * k for k in range(6)), q=(0.2, 0.5, 0.8, 1.0),
    n=(0.7, 1.5, 3.0, 5.5), box=96,
)  # fmt: skip
SHAPE = Profile(4.3, 0.55, 37.0, 2.4)
FLUXES, WIDTHS, RMS = (2e4, 6e3), (2.45, 3.6), (7.0, 4.0)


def moffat(width):
    y, x = np.mgrid[-12:13, -12:13]
    psf = (1 + (x**2 + y**2) / width**2) ** -3.5
    return PSFModel((psf / psf.sum())[None], clip=False)


PSFS = tuple(moffat(width) for width in WIDTHS)


@pytest.fixture(scope="module")
def fitter():
    return BandsFitter(tuple(Fitter(SearchGrid.build(AXES, psf), psf, 1.0) for psf in PSFS))


def make(seed, *, profiles=(SHAPE,), centre=(300.2, 200.7), shift=(0, 0), number=1):
    """One object in both bands; the stamp of the second is cut `shift` pixels further."""
    rng = np.random.default_rng(seed)
    stamps = []
    for band, (flux, psf, rms) in enumerate(zip(FLUXES, PSFS, RMS, strict=True)):
        moved = shift if band else (0, 0)
        x, y = centre[0] + moved[0], centre[1] + moved[1]
        middle = [np.ceil(v - 1 - 48) + 48.5 for v in (x, y)]
        picture = np.zeros((96, 96))
        for one in profiles:
            own = one._replace(flux=flux, x=centre[0] + one.x - middle[0], y=centre[1] + one.y - middle[1])
            picture += Renderer.through(psf, 96).image(own)
        noisy = picture + rng.normal(size=picture.shape) * np.sqrt(np.maximum(picture, 0) + rms**2)
        rows, columns = np.mgrid[:96, :96]
        mask = np.hypot(columns - (centre[0] - middle[0] + 47.5), rows - (centre[1] - middle[1] + 47.5)) < 12
        stamps.append(
            Stamp(f"00_{number:04d}", noisy, mask, np.full((96, 96), rms), 0, number, x, y, np.zeros((96, 96), int))
        )
    return tuple(stamps)


def test_errors_of_all_parameters_hold_the_truth(fitter):
    fits = list(fit_bands((make(seed) for seed in range(60)), fitter))
    middle = fits[0].fits[0].middle
    truth = [np.log10(4.3), 0.55, 37.0, np.log10(2.4), FLUXES[0], 0, FLUXES[1], 0, 300.2 - middle[0], 200.7 - middle[1]]
    pulls = np.array([(one.estimate.values - truth) / one.estimate.errors for one in fits])
    assert np.abs(np.median(pulls, 0)).max() < 0.55
    assert (np.std(pulls, 0) > 0.75).all()
    assert (np.std(pulls, 0) < 1.3).all()


def test_two_bands_know_the_shape_better_than_one(fitter):
    together = fitter.fit(make(3))
    alone = [one.fit(stamp) for one, stamp in zip(fitter.fitters, make(3), strict=True)]
    for own in alone:
        assert (together.estimate.errors[:4] < own.estimate.errors[:4]).all()
    expected = sum(own.estimate.errors[3] ** -2 for own in alone) ** -0.5
    assert together.estimate.errors[3] == pytest.approx(expected, rel=0.15)


def test_one_band_is_the_fit_of_one_band(fitter):
    stamp = make(4)[0]
    one = BandsFitter(fitter.fitters[:1]).fit((stamp,))
    same = fitter.fitters[0].fit(stamp)
    assert one.fits[0].profile == same.profile
    assert (one.fits[0].estimate.values == same.estimate.values).all()
    assert (one.fits[0].estimate.correlations == same.estimate.correlations).all()


def test_stamps_cut_a_few_pixels_apart_are_one_object(fitter):
    here, there = fitter.fit(make(5)), fitter.fit(make(5, shift=(3, -2)))
    a, b = here.fits[1], there.fits[1]
    assert b.middle == (a.middle[0] + 3, a.middle[1] - 2)
    assert b.profile.x + b.middle[0] == pytest.approx(a.profile.x + a.middle[0], abs=0.05)
    assert b.profile.y + b.middle[1] == pytest.approx(a.profile.y + a.middle[1], abs=0.05)


def test_a_band_without_the_object_is_left_out(fitter):
    first, second = make(6)
    missing = fitter.fit((first, None))
    assert missing.used == (0,)
    assert missing.fits[1] is None
    blank = replace(second, obj=np.full((96, 96), np.nan))
    found = fitter.fit((first, blank))
    assert found.used == (0,)
    assert found.fits[1].flag & FitFlag.NO_DATA
    assert (found.estimate.values == missing.estimate.values).all()


def test_nothing_in_any_band_is_no_fit(fitter):
    stamps = tuple(replace(stamp, obj=np.full((96, 96), np.nan)) for stamp in make(7))
    assert not fitter.fit(stamps).ok


def test_neighbours_are_taken_out_of_every_band(fitter):
    other = Profile(3.0, 0.8, 100.0, 1.2, 1.0, 9.0, 4.0)
    both = (SHAPE, other)
    first = make(8, profiles=both)
    moved = [one._replace(x=one.x - 9.0, y=one.y - 4.0) for one in both]
    second = make(8, profiles=moved, centre=(309.2, 204.7), number=2)
    objects = {"00_0001": first, "00_0002": second}
    near = [np.hypot(*(np.mgrid[:96, :96] - 47.5)) > 6] * 2
    masked = {
        name: tuple(replace(s, neighbours=np.where(near[0], 3 - s.number, 0)) for s in stamps)
        for name, stamps in objects.items()
    }
    fits = deblended_bands(
        [fitter.fit(stamps) for stamps in masked.values()], lambda names: [masked[name] for name in names], fitter
    )
    for one, true in zip(fits, both, strict=True):
        assert one.estimate.values[0] == pytest.approx(np.log10(true.r_e), abs=0.03)
        assert one.fits[1].profile.flux == pytest.approx(FLUXES[1], rel=0.06)


def test_table_has_the_shape_once_and_the_light_of_each_band(fitter):
    first, second = make(9), make(10, number=2)
    found = [fitter.fit((second[0], None)), fitter.fit(first)]
    rows = bands_table(found, ("r", "g"), zero_points=[{0: 25.0}, {0: 24.0}])
    assert rows["NUMBER"].tolist() == [1, 2]
    assert rows["FLUX_g"][0].value == found[1].fits[1].profile.flux
    assert rows["MAG_g"][0].value == pytest.approx(24.0 - 2.5 * np.log10(rows["FLUX_g"][0].value))
    assert np.isnan(rows["FLUX_g"][1].value)
    assert rows["FIT_FLAG_g"][1] == FitFlag.NO_DATA
    assert rows["CORRELATIONS"].shape == (2, 10, 10)
    assert np.isnan(rows["CORRELATIONS"][1, 6]).all()
    assert (rows["CORRELATIONS"][1, 8, 8], rows["CORRELATIONS"][0, 6, 6]) == pytest.approx((1.0, 1.0))
    assert rows["R_E"][0].value == pytest.approx(10 ** found[1].estimate.values[0])


@pytest.fixture(scope="module")
def field():
    """One sky in two bands: another seeing and six tenths of the light in the second."""
    dim = replace(RECIPE, fwhm=3.8, flux=tuple(0.6 * value for value in RECIPE.flux))
    return [simulate_tile(recipe, np.random.default_rng(77)) for recipe in (RECIPE, dim)]


def test_from_images_to_one_table(run, tmp_path, field):
    for band, tile in zip("rg", field, strict=True):
        write_tile(tmp_path / f"Tiles_{band}" / f"one_{band}.fits", tile.image)
    for line in (
        "dre init",
        "sex_dre -i Tiles_r Tiles_r -o Sex_r --engine sep --gain counts -zp 25",
        "sex_dre -i Tiles_r Tiles_g -o Sex_g --engine sep --gain counts -zp 24",
        "psfex_dre -i Sex_r -o PSF_r --engine stars", "psfex_dre -i Sex_g -o PSF_g --engine stars",
        "make_cuts -i Tiles_r -s Sex_r -o Cuts_r", "make_cuts -i Tiles_g -s Sex_g -o Cuts_g",
        "dre bands Cuts_r Cuts_g --psf PSF_r PSF_g --catalogs Sex_r Sex_g --cpu 2",
    ):  # fmt: skip
        code, out = run(tmp_path, line)
        assert code == 0, (line, out, run.errors)
    rows, truth = table.read(tmp_path / "Bands" / "one_r_bands.fits"), field[0].truth
    galaxies = truth[truth["KIND"] == "galaxy"]
    assert len(rows) >= 5
    for row in rows:
        distance = np.hypot(galaxies["X_IMAGE"] - row["X_FIT"], galaxies["Y_IMAGE"] - row["Y_FIT"])
        true = galaxies[int(np.argmin(distance))]
        assert distance.min() < 0.5
        assert row["LOGR"] == pytest.approx(true["LOGR"], abs=0.08)
        assert row["FLUX_g"] / row["FLUX_r"] == pytest.approx(0.6, abs=0.05)
        assert row["MAG_r"] - row["MAG_g"] == pytest.approx(1 - 2.5 * np.log10(row["FLUX_r"] / row["FLUX_g"]))
    for band in "rg":
        assert len(table.read(tmp_path / "Bands" / band / f"one_{band}_tab.fits")) == len(rows)
    before = (tmp_path / "Bands" / "one_r_bands.fits").read_bytes()
    code, out = run(tmp_path, "dre bands Cuts_r Cuts_g --psf PSF_r PSF_g --catalogs Sex_r Sex_g")
    assert code == 0
    assert "1 skipped" in out or "up to date" in out, out
    assert (tmp_path / "Bands" / "one_r_bands.fits").read_bytes() == before


def test_other_sources_of_the_same_numbers_are_refused(run, tmp_path, field):
    write_tile(tmp_path / "Tiles_r" / "one_r.fits", field[0].image)
    write_tile(tmp_path / "Tiles_g" / "one_g.fits", np.ascontiguousarray(field[1].image[::-1]))
    for band in "rg":
        for line in (
            f"sex_dre -i Tiles_{band} -o Sex_{band} --engine sep --gain counts",
            f"psfex_dre -i Sex_{band} -o PSF_{band} --engine stars",
            f"make_cuts -i Tiles_{band} -s Sex_{band} -o Cuts_{band}",
        ):
            assert run(tmp_path, line)[0] == 0
    code, out = run(tmp_path, "dre bands Cuts_r Cuts_g --psf PSF_r PSF_g")
    assert code == 3
    assert "one detection image" in out + run.errors


def test_wrong_numbers_of_options_are_named(run, tmp_path):
    assert run(tmp_path, "dre bands Cuts_r")[0] == 2
    code, out = run(tmp_path, "dre bands Cuts_r Cuts_g --psf PSF_r -zp 25 24")
    assert code == 2
    assert "--psf: 1 given for 2 bands" in out + run.errors
