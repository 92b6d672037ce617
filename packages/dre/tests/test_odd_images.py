"""``dre run`` on images that are odd, or none: what can be fitted is, the rest is named once, in one clear line."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits as afits
from shared_io import table
from survey import HEADER, MODELS, write_tile
from test_pipeline import ENGINES

from dre.files.psf import blind_extensions, read_psf, read_psfs


@pytest.fixture
def go(run, survey):
    """Run the whole chain on Tiles into work; return exit code and what was printed."""
    assert run(survey, f"dre {MODELS} --index 1 3 2 --box 32")[0] == 0

    def chain(options: str = "", *, stars: str = "--engine sep --psf-engine stars") -> tuple[int, str]:
        code, out = run(survey, f"dre run Tiles -o work -m small.fits --gain 1 --no-report {stars} {options}")
        return code, out + run.errors

    chain.summary = lambda name: table.read(survey / "work" / "Summary" / f"{name}_tab.fits")
    return chain


def engines(sex, psfex):
    return f"{sex} {psfex.replace('--engine', '--psf-engine')}"


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_names_may_hold_anything(go, survey, sex, psfex):
    names = ["image_1", "image_1_i", "-a.b c", "ñandú_λ", "x" * 180]
    for name in names:
        (survey / "Tiles" / f"{name}.fits").write_bytes((survey / "Tiles" / "image1.fits").read_bytes())
    code, said = go(stars=engines(sex, psfex))
    assert code == 0, said
    first = go.summary("image1")
    for name in names:
        assert np.array_equal(go.summary(name)["R_E"], first["R_E"])


def test_a_second_run_in_the_same_folder_adds_its_images_to_the_page(run, go, survey):
    line = "dre run Tiles -o work -m small.fits --gain 1 --engine sep --psf-engine stars"
    first = survey / "Tiles" / "image1.fits"
    for name in ("image1", "image2"):
        first.rename(survey / "Tiles" / f"{name}.fits")
        first = survey / "Tiles" / f"{name}.fits"
        code, out = run(survey, line)
        assert code == 0, out + run.errors
    page = (survey / "work" / "Report" / "index.html").read_text()
    assert page.count("<article") == 2 * len(go.summary("image1"))
    assert all((survey / "work" / "Report" / f"{name}_sheet1.png").exists() for name in ("image1", "image2"))
    (survey / "work" / "Report" / "image1_sheet1.png").unlink()  # its pixels are not known any more
    code, out = run(survey, line)
    assert code == 3
    assert "failed: image1" in out


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_files_without_an_image_are_named_once_and_the_rest_is_fitted(go, survey, skies, sex, psfex):
    tiles, sky = survey / "Tiles", skies[0].image
    column = afits.Column("A", "E", array=np.arange(4.0))
    afits.writeto(tiles / "cube.fits", np.stack([sky] * 3), HEADER)
    afits.writeto(tiles / "line.fits", np.zeros(100, np.float32), HEADER)
    afits.HDUList([afits.PrimaryHDU(), afits.BinTableHDU.from_columns([column])]).writeto(tiles / "table.fits")
    (tiles / "empty.fits").write_bytes(b"")
    (tiles / "page.fits").write_text("<html>not found</html>")
    write_tile(tiles / "mixed.fits", sky, np.zeros((3, 40, 40), np.float32))
    code, said = go(stars=engines(sex, psfex))
    assert code == 3
    for name in ("cube", "line", "table", "empty", "page"):
        lines = [line for line in said.splitlines() if f"{name}.fits" in line]
        assert len(lines) == 1, said
        assert lines[0].startswith(f"failed: {name}: Tiles/{name}.fits: ")
        assert said.count(f"failed: {name}:") == 1
    assert said.count("no 2-D image") == 3
    assert np.array_equal(go.summary("mixed")["R_E"], go.summary("image1")["R_E"])


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_an_image_in_the_primary_hdu_with_another_behind_it(go, survey, skies, sex, psfex):
    """Of such a file SExtractor writes check images that are no FITS files."""
    sky = skies[0].image
    weights = np.ones_like(sky)
    hdus = afits.HDUList([afits.PrimaryHDU(sky, HEADER), afits.ImageHDU(weights)])
    hdus.writeto(survey / "Tiles" / "weighted.fits")
    code, said = go(stars=engines(sex, psfex))
    assert code == 0, said
    rows = go.summary("weighted")
    assert set(rows["EXT_NUMBER"]) == {1}
    assert np.array_equal(rows["R_E"], go.summary("image1")["R_E"])


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_a_chip_without_stars_does_not_cost_the_others(go, survey, skies, sex, psfex):
    sky = skies[0].image
    blank = np.full_like(sky, np.nan)
    noise = np.random.default_rng(1).normal(0, 7, sky.shape).astype(np.float32)
    write_tile(survey / "Tiles" / "image1.fits", blank, sky, noise)
    code, said = go(stars=engines(sex, psfex))
    assert code == 0, said
    assert "; none in extension 1, 3" in said
    rows = go.summary("image1")
    assert set(rows["EXT_NUMBER"]) == {2}
    assert len(rows) >= 4
    psf = survey / "work" / "PSF" / "image1.psf"
    assert blind_extensions(psf) == {1, 3}
    assert [one is None for one in read_psfs(psf)] == [True, False, True]
    assert read_psf(psf).accepted > 5
    with pytest.raises(ValueError, match="no star of this extension"):
        read_psf(psf, 3)


@pytest.mark.parametrize("statistic", ["chi2", "dre"])
def test_objects_on_a_chip_without_a_psf_are_left_out_and_counted(run, go, survey, skies, statistic):
    write_tile(survey / "Tiles" / "image1.fits", skies[0].image, skies[0].image)
    assert go("--keep-cuts")[0] == 0
    work = survey / "work"
    with afits.open(work / "PSF" / "image1.psf", mode="update") as psf:
        psf[2].header["ACCEPTED"] = psf[2].header["PSF_SAMP"] = 0
        for hdu in psf:
            for card in ("CHECKSUM", "DATASUM", "PROVKEY"):
                hdu.header.remove(card, ignore_missing=True)
    assert run(survey, f"dre {MODELS} --overwrite")[0] == 0
    code, out = run(work, f"dre ../small.fits --statistic {statistic} --summary Other")
    assert code == 0, out + run.errors
    rows = table.read(work / "Other" / "image1_tab.fits")
    assert set(rows["EXT_NUMBER"]) == {1}
    assert f"{len(rows)} objects; no PSF of extension 2, its {len(rows)} objects are left out" in out


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_without_any_star_one_line_asks_for_a_psf_and_with_one_it_works(go, survey, sex, psfex):
    good = survey / "Tiles" / "image1.fits"
    (survey / "own").mkdir()
    code, said = go(stars=engines(sex, psfex))
    assert code == 0, said
    (survey / "work" / "PSF" / "image1.psf").rename(survey / "own" / "blank.psf")
    good.unlink()
    noise = np.random.default_rng(1).normal(0, 7, (480, 480)).astype(np.float32)
    write_tile(survey / "Tiles" / "blank.fits", noise)
    code, said = go(stars=engines(sex, psfex))
    assert code == 3
    assert [line for line in said.splitlines() if line.startswith("failed")] == [
        "failed: blank: work/Sextracted/blank_cat.fits: no star to make a PSF from; give a PSF of your own with --psf"
    ]
    assert not (survey / "work" / "PSF" / "blank.psf").exists()
    code, said = go("--psf own", stars=engines(sex, psfex))
    assert code == 0, said
    assert len(go.summary("blank")) == 0
    assert go("--psf nowhere")[0] == 4


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_world_coordinates_that_cannot_be_used_cost_the_sky_positions_only(go, survey, skies, sex, psfex):
    wrong = HEADER + afits.Header([("CTYPE1", "RA---XYZ"), ("CTYPE2", "DEC--TAN"), ("CRVAL1", 10.0)])
    afits.writeto(survey / "Tiles" / "wrong.fits", skies[0].image, wrong)
    code, said = go(stars=engines(sex, psfex))
    assert code == 0, said
    assert "XYZ" in said
    assert "wrong" in next(line for line in said.splitlines() if "XYZ" in line)
    assert np.array_equal(go.summary("wrong")["R_E"], go.summary("image1")["R_E"])
